"""Compare genotypes of each cohort with real individuals: frequencies, LD, structure, two-sample test."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from snpgen.baselines.registry import BALANCED, REAL, SHUFFLED, TEST
from snpgen.evaluation import fidelity
from snpgen.evaluation.cohorts import limit_sizes, load_real, read_cohorts, shuffle_columns
from snpgen.evaluation.frequencies import frequency_table
from snpgen.evaluation.ld import choose_pairs, region_table
from snpgen.evaluation.metrics_table import FLOOR, Metrics, write_table
from snpgen.job import derive_seed, log
from snpgen.progress import track

seed = derive_seed(snakemake.params.seed, "evaluate_fidelity", snakemake.wildcards.phenotype)
real = load_real(snakemake.input.panel, snakemake.input.variants, snakemake.input.groups)
train, variants = real.train, real.variants
synthetic = read_cohorts(snakemake.input.synthetic, snakemake.params.subjects, variants)
# All cohorts are compared with the same number of test individuals, because most metrics depend on it.
test = limit_sizes(real.test, synthetic.values(), derive_seed(seed, "limit"))

pairs = choose_pairs(variants, derive_seed(seed, "pairs"))
reference = fidelity.RealReference(
    train, test, pairs, snakemake.params.evaluation, seed, snakemake.threads
)
metrics = Metrics(snakemake.wildcards.phenotype, "fidelity")
evaluated = {
    REAL: train,
    SHUFFLED: real.shuffled(snakemake.params.seed),
    FLOOR: shuffle_columns(train, derive_seed(seed, "floor")),
    **synthetic,
}
for subject, cohort in track(evaluated.items(), "cohorts"):
    log.info("evaluating fidelity of the cohort %s", subject)
    parts = fidelity.compare_with_test(cohort, reference)
    if subject != BALANCED:  # the balanced cohort has another prevalence
        whole = real.test if subject == REAL else cohort
        parts.append(fidelity.compare_with_train(whole, reference))
    for part in parts:
        metrics.add(subject, *part)

write_table(metrics.table(), snakemake.output.metrics)
shown = {REAL: train, TEST: real.test, **synthetic}
write_table(frequency_table(variants, shown), snakemake.output.frequencies)
write_table(region_table(variants, shown), snakemake.output.region)
