"""Compare each synthetic cohort with real people: frequencies, LD, and a two-sample test."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from snpgen.baselines.registry import BALANCED, REAL, SHUFFLED, TEST
from snpgen.evaluation import fidelity
from snpgen.evaluation.cohorts import (
    read_cohorts,
    read_groups,
    real_cohorts,
    shuffle_columns,
    shuffled_cohort,
)
from snpgen.evaluation.frequencies import frequency_table
from snpgen.evaluation.ld import choose_pairs, region_table
from snpgen.evaluation.metrics_table import FLOOR, Metrics, write_table
from snpgen.evaluation.structure import map_samples
from snpgen.io.panel import load_panel, read_variants
from snpgen.job import derive_seed, log
from snpgen.progress import track

seed = derive_seed(snakemake.params.seed, "evaluate_fidelity", snakemake.wildcards.phenotype)
count = snakemake.params.evaluation["bootstraps"]
folds = snakemake.params.evaluation["folds"]
variants = read_variants(snakemake.input.variants)
panel = load_panel(snakemake.input.panel)
real = real_cohorts(panel)
train, test = real["train"], real["test"]
synthetic = read_cohorts(snakemake.input.synthetic, snakemake.params.subjects, variants)

pairs = choose_pairs(variants, derive_seed(seed, "pairs"))
yardstick = fidelity.RealReference(train, test, count, folds, seed, snakemake.threads)
metrics = Metrics(snakemake.wildcards.phenotype, "fidelity")
judged = {
    REAL: train,
    SHUFFLED: shuffled_cohort(panel, variants, derive_seed(snakemake.params.seed, SHUFFLED)),
    FLOOR: shuffle_columns(train, derive_seed(seed, "floor")),
    **synthetic,
}
for subject, cohort in track(judged.items(), "cohorts"):
    log.info("fidelity of %s", subject)
    parts = fidelity.compare_with_test(cohort, yardstick, pairs)
    if subject != BALANCED:  # the test people stand in for the real ones
        whole = test if subject == REAL else cohort
        parts += fidelity.compare_with_train(whole, yardstick, pairs)
    for part in parts:
        metrics.add(subject, *part)

write_table(metrics.table(), snakemake.output.metrics)
all_samples = {REAL: train, TEST: test, **synthetic}
write_table(frequency_table(variants, all_samples), snakemake.output.frequencies)
write_table(region_table(variants, all_samples), snakemake.output.region)
groups = {REAL: panel.samples("train").group, TEST: panel.samples("test").group}
for bed, (subject, cohort) in zip(snakemake.input.synthetic, synthetic.items(), strict=True):
    groups[subject] = read_groups(bed, len(cohort))
write_table(map_samples(yardstick.axes, all_samples, groups), snakemake.output.components)
