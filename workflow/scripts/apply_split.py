"""Take the individuals of a phenotype from the split of the cohort; write keep files and numeric covariates."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import json
from pathlib import Path

import pandas as pd

from snpgen.cohort.covariates import expand_covariates
from snpgen.cohort.phenotype import QUANTITATIVE
from snpgen.cohort.separation import check_separation
from snpgen.cohort.split import SPLITS, check_split, join_small_groups, summarise_split
from snpgen.genetics.kinship import KINSHIP_COLUMNS, read_kinship
from snpgen.io.files import read_json
from snpgen.io.samples import SampleIds, are_joined, for_file
from snpgen.io.tables import FUNNEL_COLUMNS, read_own_table

phenotype, split_file = snakemake.params.phenotype, snakemake.params.split_file
samples = read_own_table(snakemake.input.samples, str, missing=())
samples["phenotype"] = samples.phenotype.astype("int8")
n_before = len(samples)
split = read_own_table(snakemake.input.split, str, missing=()).set_index("IID").split
samples["split"] = samples.IID.map(split)
samples = samples[samples.split.notna()]  # a split of the user need not list all individuals
check_split(samples, phenotype.get("classes", []), split_file, snakemake.params.min_cell)

covariate_names = phenotype.get("covariates", []), phenotype.get("categorical", [])
if phenotype["coding"] != QUANTITATIVE:
    check_separation(samples[samples.split == "train"], *covariate_names, "the training set")
covariates = expand_covariates(samples, *covariate_names)
kinship = pd.DataFrame(columns=KINSHIP_COLUMNS)
if snakemake.input.kinship:
    kinship = read_kinship(snakemake.input.kinship, are_joined(samples.IID))
summary = summarise_split(samples, kinship, read_json(snakemake.input.families))
reason = "not in split.file" if split_file else ""
funnel = pd.DataFrame(
    [("split", "samples", len(samples), n_before - len(samples), reason)], columns=FUNNEL_COLUMNS
)

if "group" in samples:
    samples["group"] = join_small_groups(samples)
columns = ["IID", "split", "phenotype", "value", "class", "sex_code", "group"]
table = samples[[name for name in columns if name in samples]].rename(columns={"sex_code": "sex"})
for_file(table).to_csv(snakemake.output.split, sep="\t", index=False)
for name, path in zip(SPLITS, snakemake.output.keep, strict=True):
    SampleIds.of(samples[samples.split == name]).write_keep(path)
for_file(covariates).to_csv(snakemake.output.covariates, sep="\t", index=False)
Path(snakemake.output.summary).write_text(json.dumps(summary, indent=2) + "\n")
funnel.to_csv(snakemake.output.funnel, sep="\t", index=False)
