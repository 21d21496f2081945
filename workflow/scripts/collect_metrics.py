"""Put the metrics of every axis, and the cost of the rules, into one table."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from pathlib import Path

import pandas as pd

from snpgen.evaluation.table import concatenate, cost_rows, write_table
from snpgen.panel import read_variants
from snpgen.plink import read_fam

phenotype = snakemake.wildcards.phenotype
genotypes = len(read_fam(Path(snakemake.input.samples))) * len(
    read_variants(snakemake.input.variants)
)
sampling = f"benchmarks/sample_cohort/{phenotype}.snpgen.tsv"
costs = cost_rows(phenotype, snakemake.input.benchmarks, genotypes, sampling)
table = pd.concat([concatenate(snakemake.input.metrics), costs], ignore_index=True)
write_table(table, snakemake.output.metrics)
