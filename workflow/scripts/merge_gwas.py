"""Summary statistics and funnels of all chromosomes in; one file of each and a summary out."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import json
from pathlib import Path

import pandas as pd

from snpgen.association.logistic import load_null_model
from snpgen.association.sumstats import (
    merge_funnels,
    read_sumstats,
    summarise,
    write_metadata,
    write_sumstats,
)

null = load_null_model(snakemake.input.null_model)
n_cases = int(null.phenotype.sum())
n_controls = len(null.phenotype) - n_cases

table = pd.concat([read_sumstats(path) for path in snakemake.input.sumstats], ignore_index=True)
write_sumstats(snakemake.output.sumstats, table)
write_metadata(
    snakemake.output.metadata,
    snakemake.output.sumstats,
    snakemake.wildcards.phenotype,
    snakemake.params.build,
    n_cases,
    n_controls,
)
summary = summarise(table, n_cases, n_controls)
Path(snakemake.output.summary).write_text(json.dumps(summary, indent=2) + "\n")

funnels = [pd.read_csv(path, sep="\t", keep_default_na=False) for path in snakemake.input.funnels]
merge_funnels(funnels).to_csv(snakemake.output.funnel, sep="\t", index=False)
