"""Merge the summary statistics and funnels of all chunks, and summarise the GWAS."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import json
from pathlib import Path

import pandas as pd

from snpgen.association.null_model import load_null_model
from snpgen.association.shrinkage import correct_effects
from snpgen.association.warnings import gwas_warnings
from snpgen.io.files import read_json
from snpgen.io.sumstats import (
    merge_funnels,
    read_sumstats,
    summarise,
    write_metadata,
    write_sumstats,
)
from snpgen.io.tables import read_own_table

null = load_null_model(snakemake.input.null_model)
split = read_json(snakemake.input.split)

table = pd.concat([read_sumstats(path) for path in snakemake.input.sumstats], ignore_index=True)
table["beta_corrected"] = correct_effects(table.beta.to_numpy(), table.standard_error.to_numpy())
write_sumstats(snakemake.output.sumstats, table)

n_cases = int(null.outcome.sum()) if null.logistic else None
loadings = read_own_table(snakemake.input.loadings, str)
summary = summarise(table, len(null.iid), n_cases, len(loadings))
summary["components"] = int(loadings.columns.str.match(r"PC\d+$").sum())
write_metadata(
    snakemake.output.metadata,
    snakemake.output.sumstats,
    snakemake.wildcards.phenotype,
    snakemake.params.build,
    len(null.iid),
    n_cases,
)
summary["warnings"] = gwas_warnings(summary, split, snakemake.params.loco)
Path(snakemake.output.summary).write_text(json.dumps(summary, indent=2) + "\n")

funnels = [read_own_table(path, [], missing=()) for path in snakemake.input.funnels]
merge_funnels(funnels).to_csv(snakemake.output.funnel, sep="\t", index=False)
