"""Select the variants of the panel by p-value and LD in the training set."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import numpy as np

from snpgen.association.forecast import max_effective_variants
from snpgen.association.selection import PanelSettings, locate_variants, select_panel
from snpgen.genetics.ld import read_long_range_ld
from snpgen.genetics.loci import describe_loci
from snpgen.io.panel import read_samples, read_variants
from snpgen.io.plink import open_fileset
from snpgen.io.plink_tables import VARIANT_COLUMNS
from snpgen.io.sumstats import read_sumstats
from snpgen.io.tables import read_own_table

settings = PanelSettings.of(snakemake.params.panel)
split = read_samples(snakemake.input.split)
fileset = open_fileset(snakemake.params.genotypes, snakemake.params.chromosomes)
train = fileset.sample_rows(split.IID[split.split == "train"])

# Genotypes are read in the order of the fileset.
table = read_sumstats(snakemake.input.sumstats)
rows = locate_variants(fileset.variants, table)
table, rows = table.iloc[np.argsort(rows)].reset_index(drop=True), np.sort(rows)

lists = read_own_table(snakemake.input.lists, str, missing=())
include, exclude = (
    lists.variant_id[lists.list == name].tolist() for name in ("include", "exclude")
)
if snakemake.input.matched:
    table = table.merge(read_variants(snakemake.input.matched)[VARIANT_COLUMNS])
    rows = locate_variants(fileset.variants, table)
    if len(table) <= settings.largest:
        # Include all variants shared with the external cohort, regardless of p-value and LD.
        include = table.variant_id[~table.variant_id.isin(exclude)].tolist()
regions = read_long_range_ld(snakemake.input.long_range_ld, snakemake.params.build)
ranking = read_sumstats(snakemake.input.ranking) if snakemake.input.ranking else None
limit = snakemake.params.max_forecast_auc
scores = read_samples(snakemake.input.scores).set_index("IID")

panel, funnel = select_panel(
    table,
    lambda chosen: fileset.read(rows[chosen], train, snakemake.threads),
    settings,
    include,
    exclude,
    None if snakemake.params.panel["long_range_ld"] else regions,
    ranking,
    max_effective_variants(len(train), limit) if limit else np.inf,
    scores.loc[split.IID[split.split == "train"]].to_numpy(np.float64),
)
panel.to_csv(snakemake.output.variants, sep="\t", index=False)
describe_loci(panel).to_csv(snakemake.output.loci, sep="\t", index=False)
funnel.to_csv(snakemake.output.funnel, sep="\t", index=False)
