"""Compare allele effects in each cohort with effects in real individuals and with true effects."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from functools import partial

from snpgen.baselines.registry import REAL, SHUFFLED, TEST
from snpgen.evaluation import association
from snpgen.evaluation.cohorts import cohort_readers, has_equal_power, load_real, shuffle_labels
from snpgen.evaluation.effects import CohortEffects
from snpgen.evaluation.frequencies import BINS, minor_within
from snpgen.evaluation.metrics_table import FLOOR, Metrics, write_table
from snpgen.evaluation.truth import read_true_effects
from snpgen.genetics.ancestry import fit_ancestry
from snpgen.job import derive_seed, log
from snpgen.progress import track

seed = derive_seed(snakemake.params.seed, "evaluate_association", snakemake.wildcards.phenotype)
real = load_real(snakemake.input.panel, snakemake.input.variants, snakemake.input.groups)
train, test, variants = real.train, real.test, real.variants
synthetic = cohort_readers(snakemake.input.synthetic, snakemake.params.subjects, variants)
truth = read_true_effects(snakemake.input.truth) if snakemake.input.get("truth") else None
ancestry = fit_ancestry(train.dosages, train.phenotype, variants)

synthetic_seed, real_seed = derive_seed(seed, "synthetic"), derive_seed(seed, "real")
shown = {
    REAL: CohortEffects(train, ancestry, real_seed),
    TEST: CohortEffects(test, ancestry, real_seed),
}
reference = association.Association(
    shown[REAL],
    shown[TEST],
    real.frequency,
    truth,
    snakemake.params.evaluation["bootstraps"],
    {name: minor_within(real.frequency, *ends)[0] for name, ends in BINS.items()},
)
metrics = Metrics(snakemake.wildcards.phenotype, "association")
ceiling = reference.compare(CohortEffects(train, ancestry, synthetic_seed), ceiling=True)
metrics.add(REAL, ceiling, len(train))
sources = {
    SHUFFLED: partial(real.shuffled, snakemake.params.seed),
    FLOOR: lambda: shuffle_labels(train, derive_seed(seed, "floor")),
    **synthetic,
}
for subject, read_source in track(sources.items(), "cohorts"):
    log.info("estimating effects in the cohort %s", subject)
    cohort = read_source()
    effects = CohortEffects(cohort, ancestry, synthetic_seed)
    estimates = reference.compare(effects, has_equal_power(cohort, train))
    metrics.add(subject, estimates, len(cohort))
    if subject in synthetic:
        shown[subject] = effects
    del cohort  # before the next cohort is read

write_table(metrics.table(), snakemake.output.metrics)
write_table(association.effects_table(variants, shown, truth), snakemake.output.effects)
