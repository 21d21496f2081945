"""Split the individuals with a phenotype into training, validation and test sets, once for all phenotypes."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import json
from pathlib import Path

import pandas as pd

from snpgen.cohort.split import (
    SPLITS,
    largest_family,
    read_split,
    split_cohort,
    summarise_families,
)
from snpgen.genetics.kinship import KINSHIP_COLUMNS, read_kinship
from snpgen.io.files import read_json
from snpgen.io.samples import SampleIds, are_joined, for_file
from snpgen.io.tables import FUNNEL_COLUMNS, read_own_table
from snpgen.job import derive_seed

settings = snakemake.params.split
phenotypes = [read_own_table(path, str, missing=()) for path in snakemake.input.phenotypes]
samples = read_own_table(snakemake.input.samples, str, missing=())
samples = samples[samples.IID.isin(pd.concat([one.IID for one in phenotypes]))]

funnel = pd.DataFrame(columns=FUNNEL_COLUMNS)
cut, largest, estimate, max_kinship = None, None, None, settings["max_kinship"]
kinship = pd.DataFrame(columns=KINSHIP_COLUMNS)
if snakemake.input.kinship:
    kinship = read_kinship(snakemake.input.kinship, are_joined(samples.IID))
if snakemake.input.split:
    path = snakemake.input.split
    samples["split"], match = read_split(path, samples, snakemake.params.min_matched)
    samples, funnel = samples[samples.split.notna()], match.funnel()
else:
    if snakemake.input.kinship_summary:
        estimate = read_json(snakemake.input.kinship_summary)
    seed = derive_seed(snakemake.params.seed, "split")
    samples["split"], families = split_cohort(
        samples.IID, phenotypes, kinship, settings, max_kinship, seed
    )
    cut = families.cut
if snakemake.input.kinship:
    largest = largest_family(kinship, samples.IID.to_numpy())

for_file(samples[["FID", "IID", "split"]]).to_csv(snakemake.output.split, sep="\t", index=False)
for name, keep in zip(SPLITS, snakemake.output.keep, strict=True):
    SampleIds.of(samples[samples.split == name]).write_keep(keep)
summary = summarise_families(cut, largest, max_kinship, estimate)
Path(snakemake.output.summary).write_text(json.dumps(summary, indent=2) + "\n")
funnel.to_csv(snakemake.output.funnel, sep="\t", index=False)
