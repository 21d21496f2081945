"""Summary statistics and training genotypes in; the panel's variants and its funnel out."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import numpy as np
import pandas as pd

from snpgen.association.selection import locate_variants, select_panel
from snpgen.association.sumstats import read_sumstats
from snpgen.plink import open_fileset

split = pd.read_csv(snakemake.input.split, sep="\t", dtype={"IID": str})
fileset = open_fileset(snakemake.params.genotypes, snakemake.params.chromosomes)
train = fileset.sample_rows(split.IID[split.split == "train"])

# In the order of the files, as the reader wants it.
table = read_sumstats(snakemake.input.sumstats)
rows = locate_variants(fileset.variants, table)
table, rows = table.iloc[np.argsort(rows)].reset_index(drop=True), np.sort(rows)

panel, funnel = select_panel(
    table,
    lambda chosen: fileset.read(rows[chosen], train, snakemake.threads),
    **snakemake.params.panel,
)
panel.to_csv(snakemake.output.variants, sep="\t", index=False)
funnel.to_csv(snakemake.output.funnel, sep="\t", index=False)
