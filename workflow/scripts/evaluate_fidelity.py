"""Compare genotypes of each cohort with real individuals: frequencies, LD, structure, two-sample test."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from functools import partial

import pandas as pd

from snpgen.baselines.registry import BALANCED, REAL, SHUFFLED, TEST
from snpgen.evaluation import fidelity
from snpgen.evaluation.cohorts import (
    cohort_readers,
    limit_sizes,
    load_real,
    read_phenotypes,
    shuffle_columns,
)
from snpgen.evaluation.frequencies import frequency_table
from snpgen.evaluation.ld import choose_pairs, region_table
from snpgen.evaluation.metrics_table import FLOOR, Metrics, write_table
from snpgen.job import derive_seed, log
from snpgen.progress import track

seed = derive_seed(snakemake.params.seed, "evaluate_fidelity", snakemake.wildcards.phenotype)
real = load_real(snakemake.input.panel, snakemake.input.variants, snakemake.input.groups)
train, variants = real.train, real.variants
beds = snakemake.input.synthetic
synthetic = cohort_readers(beds, snakemake.params.subjects, variants)
# All cohorts are compared with the same number of test individuals, because most metrics depend on it.
test = limit_sizes(real.test, read_phenotypes(beds), derive_seed(seed, "limit"))

pairs = choose_pairs(variants, derive_seed(seed, "pairs"))
reference = fidelity.RealReference(
    train, test, pairs, snakemake.params.evaluation, seed, snakemake.threads
)
metrics = Metrics(snakemake.wildcards.phenotype, "fidelity")
sources = {
    REAL: lambda: train,
    SHUFFLED: partial(real.shuffled, snakemake.params.seed),
    FLOOR: lambda: shuffle_columns(train, derive_seed(seed, "floor")),
    **synthetic,
}
shown = {REAL: train, TEST: real.test}
frequencies, regions = [frequency_table(variants, shown)], [region_table(variants, shown)]
for subject, read_source in track(sources.items(), "cohorts"):
    log.info("evaluating fidelity of the cohort %s", subject)
    cohort = read_source()
    parts = fidelity.compare_with_test(cohort, reference)
    if subject != BALANCED:  # the balanced cohort has another prevalence
        parts.append(
            fidelity.compare_with_train(real.test if subject == REAL else cohort, reference)
        )
    for part in parts:
        metrics.add(subject, *part)
    if subject in synthetic:
        frequencies.append(frequency_table(variants, {subject: cohort}))
        regions.append(region_table(variants, {subject: cohort}))
    del cohort  # before the next cohort is read

write_table(metrics.table(), snakemake.output.metrics)
write_table(pd.concat(frequencies), snakemake.output.frequencies)
write_table(pd.concat(regions), snakemake.output.region)
