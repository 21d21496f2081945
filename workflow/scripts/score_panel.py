"""Estimate the variance of liability explained by polygenic scores of the panel and the genome."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import numpy as np

from snpgen.association.selection import PanelSettings, locate_variants
from snpgen.association.variance_explained import measure_variance_explained
from snpgen.io.panel import read_samples, read_variants
from snpgen.io.plink import open_fileset
from snpgen.io.sumstats import read_sumstats

split = read_samples(snakemake.input.split)
covariates = read_samples(snakemake.input.covariates).set_index("IID")
scores = read_samples(snakemake.input.scores).set_index("IID")
samples = split[split.split != "test"].reset_index(drop=True)

fileset = open_fileset(snakemake.params.genotypes, snakemake.params.chromosomes)
table = read_sumstats(snakemake.input.sumstats)
table = table.iloc[np.argsort(locate_variants(fileset.variants, table))].reset_index(drop=True)

variance_explained = measure_variance_explained(
    fileset,
    table,
    read_variants(snakemake.input.variants),
    samples,
    covariates.join(scores).loc[samples.IID].to_numpy(np.float64),
    PanelSettings.of(snakemake.params.panel),
    snakemake.threads,
)
variance_explained.to_csv(snakemake.output.variance_explained, sep="\t", index=False)
