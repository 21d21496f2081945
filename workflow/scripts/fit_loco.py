"""Compute the LOCO offset of each chromosome's null model from LD-pruned variants."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import numpy as np

from snpgen.association.loco import fit_loco, save_loco
from snpgen.association.null_model import load_null_model
from snpgen.association.selection import locate_variants
from snpgen.io.panel import read_variants
from snpgen.io.plink import open_fileset
from snpgen.job import derive_seed

chromosomes = snakemake.params.chromosomes
null = load_null_model(snakemake.input.null_model)
fileset = open_fileset(snakemake.params.genotypes, chromosomes)
pruned = read_variants(snakemake.input.loadings)
rows = locate_variants(fileset.variants, pruned)
order = np.argsort(rows)

offset = fit_loco(
    fileset,
    rows[order],
    pruned.frequency.to_numpy()[order],
    fileset.sample_rows(null.iid),
    null,
    chromosomes,
    derive_seed(snakemake.params.seed, "fit_loco"),
    snakemake.threads,
)
save_loco(snakemake.output.loco, null.iid, chromosomes, offset)
