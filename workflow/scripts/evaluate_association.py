"""Compare the SNP effects in each synthetic cohort with those in real people and with the truth."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from snpgen.baselines.registry import BALANCED, REAL, SHUFFLED, TEST
from snpgen.evaluation import association
from snpgen.evaluation.cohorts import (
    read_cohorts,
    real_cohorts,
    shuffle_labels,
    shuffled_cohort,
)
from snpgen.evaluation.effects import CohortEffects
from snpgen.evaluation.frequencies import BINS, minor_within
from snpgen.evaluation.metrics_table import FLOOR, Metrics, write_table
from snpgen.io.panel import load_panel, read_variants
from snpgen.io.plink import allele_frequency
from snpgen.job import derive_seed, log
from snpgen.progress import track

seed = derive_seed(snakemake.params.seed, "evaluate_association", snakemake.wildcards.phenotype)
variants = read_variants(snakemake.input.variants)
panel = load_panel(snakemake.input.panel)
real = real_cohorts(panel)
train, test = real["train"], real["test"]
synthetic = read_cohorts(snakemake.input.synthetic, snakemake.params.subjects, variants)
truth = None
if snakemake.input.get("causal"):
    truth = association.align_truth(association.read_truth(snakemake.input.causal), variants)

frequency = allele_frequency(train.dosages)
mine, theirs = derive_seed(seed, "synthetic"), derive_seed(seed, "real")
found = association.Association(
    CohortEffects(train, theirs),
    CohortEffects(test, theirs),
    truth,
    snakemake.params.evaluation["bootstraps"],
    {name: minor_within(frequency, *ends)[0] for name, ends in BINS.items()},
)
metrics = Metrics(snakemake.wildcards.phenotype, "association")
metrics.add(REAL, found.ceiling(CohortEffects(train, mine)), len(train), association.UNLESS)
judged = {
    SHUFFLED: shuffled_cohort(panel, variants, derive_seed(snakemake.params.seed, SHUFFLED)),
    FLOOR: shuffle_labels(train, derive_seed(seed, "floor")),
    **synthetic,
}
for subject, cohort in track(judged.items(), "cohorts"):
    log.info("effects in %s", subject)
    figures = found.compare(CohortEffects(cohort, mine), subject != BALANCED)
    metrics.add(subject, figures, len(cohort), association.UNLESS)

write_table(metrics.table(), snakemake.output.metrics)
all_samples = {REAL: train, TEST: test, **synthetic}
write_table(association.effects_table(variants, all_samples, truth), snakemake.output.effects)
