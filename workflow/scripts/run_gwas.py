"""One chromosome's genotypes and the null model in; its summary statistics and funnel out."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import numpy as np

from snpgen.association.gwas import Filters, scan
from snpgen.association.logistic import load_null_model
from snpgen.association.sumstats import write_sumstats
from snpgen.plink import open_fileset

chromosome = snakemake.wildcards.chromosome
settings = dict(snakemake.params.gwas)
chunk_size = settings.pop("chunk_size")

null = load_null_model(snakemake.input.null_model)
fileset = open_fileset(snakemake.params.genotypes, [chromosome])
variants = np.flatnonzero(fileset.variants.chromosome == chromosome)
samples = fileset.sample_rows(null.iid)

table, funnel = scan(
    fileset, variants, samples, null, Filters(**settings), chunk_size, snakemake.threads
)
write_sumstats(snakemake.output.sumstats, table)
funnel.to_csv(snakemake.output.funnel, sep="\t", index=False)
