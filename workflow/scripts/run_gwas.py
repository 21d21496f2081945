"""Test one chunk of a chromosome for association; write summary statistics and funnel."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import numpy as np

from snpgen.association.gwas import ScanSettings, scan
from snpgen.association.loco import load_offset
from snpgen.association.null_model import fit_contrasts, load_null_model
from snpgen.io.imputation_quality import read_info
from snpgen.io.panel import read_samples
from snpgen.io.plink import open_fileset
from snpgen.io.sumstats import write_sumstats

chromosome, chunk = snakemake.wildcards.chromosome, int(snakemake.wildcards.chunk)
settings = snakemake.params.gwas

null = load_null_model(snakemake.input.null_model)
offset = load_offset(snakemake.input.loco, chromosome) if snakemake.input.loco else None
classes = snakemake.params.phenotype.get("classes", [])
contrasts = {}
if len(classes) > 2:
    names = read_samples(snakemake.input.split).set_index("IID")["class"].loc[null.iid]
    label = names.map({name: index for index, name in enumerate(classes)})
    contrasts = fit_contrasts(null, label.to_numpy(), classes, offset)
if offset is not None:
    null = null.with_offset(offset)
fileset = open_fileset(snakemake.params.genotypes, [chromosome])
variants = np.flatnonzero(fileset.variants.chromosome == chromosome)
info = read_info(snakemake.input.info) if snakemake.input.info else None

table, funnel = scan(
    fileset,
    np.array_split(variants, settings["jobs"])[chunk - 1],
    fileset.sample_rows(null.iid),
    null,
    ScanSettings.of(settings),
    info,
    snakemake.threads,
    contrasts,
)
write_sumstats(snakemake.output.sumstats, table)
funnel.to_csv(snakemake.output.funnel, sep="\t", index=False)
