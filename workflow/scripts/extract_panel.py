"""The panel's variants and the split in; the genotypes of everybody in the split out."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import numpy as np
import pandas as pd

from snpgen.association.selection import locate_variants
from snpgen.panel import Panel, read_variants
from snpgen.plink import open_fileset

split = pd.read_csv(snakemake.input.split, sep="\t", dtype={"IID": str})
fileset = open_fileset(snakemake.params.genotypes, snakemake.params.chromosomes)
samples = fileset.sample_rows(split.IID)
rows = locate_variants(fileset.variants, read_variants(snakemake.input.variants))

order = np.argsort(rows)  # the reader wants the order of the files, the panel has the genome's
dosages = np.empty((len(samples), len(rows)), dtype=np.int8)
dosages[:, order] = fileset.read(rows[order], samples, snakemake.threads)

panel = Panel(
    dosages,
    split.IID.to_numpy(str),
    split.split.to_numpy(str),
    split.phenotype.to_numpy(np.int8),
)
panel.save(snakemake.output.genotypes)
