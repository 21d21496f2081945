"""Harmonise external summary statistics with the variants of the cohort's GWAS."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import json
from pathlib import Path

from snpgen.association.external_ranking import RANKING_COLUMNS, harmonise, summarise_ranking
from snpgen.association.external_sumstats import check_external_build, read_external_sumstats
from snpgen.genetics.builds import read_markers
from snpgen.io.sumstats import read_sumstats

panel = snakemake.params.panel
markers = read_markers(snakemake.input.markers)

gwas = read_sumstats(snakemake.input.sumstats)
external = read_external_sumstats(snakemake.input.external, gwas, markers, panel["sumstats_build"])
check_external_build(external, markers, panel["sumstats_build"])
ranking, funnel = harmonise(external, gwas)
summary = summarise_ranking(
    external, ranking, panel["sumstats_build"], panel["sumstats_independent"]
)

ranking[RANKING_COLUMNS].to_csv(
    snakemake.output.ranking,
    sep="\t",
    index=False,
    na_rep="NA",
    float_format="%.9g",
    compression={"method": "gzip", "mtime": 0},
)
Path(snakemake.output.summary).write_text(json.dumps(summary, indent=2) + "\n")
funnel.to_csv(snakemake.output.funnel, sep="\t", index=False)
