"""Concatenate the metrics of all domains, and the cost of the rules."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from pathlib import Path

import pandas as pd

from snpgen.evaluation.metrics_table import (
    bound_by_negative_control,
    concatenate,
    cost_rows,
    replicate_rows,
    write_table,
)
from snpgen.io.panel import read_variants
from snpgen.io.plink_tables import read_fam

phenotype, subject = snakemake.wildcards.phenotype, snakemake.params.subject
n = len(read_fam(Path(snakemake.input.samples)))
genotypes = n * len(read_variants(snakemake.input.variants))
costs = cost_rows(phenotype, subject, snakemake.input.benchmarks, genotypes)
rows = concatenate(snakemake.input.metrics)
is_privacy = rows.domain == "privacy"
measured = pd.concat([rows[~is_privacy], bound_by_negative_control(rows[is_privacy])])
table = pd.concat([measured, replicate_rows(measured, subject), costs], ignore_index=True)
write_table(table, snakemake.output.metrics)
