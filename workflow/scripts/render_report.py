"""Put figures, tables, summaries and settings of one phenotype into one self-contained HTML page."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from pathlib import Path

import pandas as pd

from snpgen.io.files import read_json
from snpgen.io.panel import read_variants
from snpgen.report.metrics import read_metrics
from snpgen.report.page import render_page
from snpgen.report.provenance import describe_files, describe_software

TITLES = {  # of the funnels
    "funnel": "Everybody",
    "samples": "With this phenotype",
    "split": "Split",
    "variants": "Variants in training people",
    "ranking": "Variants in the other study",
    "matched": "Variants of the given cohort",
    "panel": "Panel",
}
CARDS = ["Autoencoder", "Diffusion model", "Calibration"]  # none of a cohort made elsewhere


def read_texts(paths):
    return {Path(path).stem: Path(path).read_text() for path in paths}


gwas = read_json(snakemake.input.gwas)
if snakemake.input.ranking:
    gwas["warnings"] += read_json(snakemake.input.ranking)["warnings"]
page = render_page(
    template=Path(snakemake.input.template).read_text(),
    style=Path(snakemake.input.style).read_text(),
    phenotype=snakemake.wildcards.phenotype,
    settings=snakemake.params.settings,
    metrics=read_metrics(snakemake.input.metrics),
    figures=read_texts(snakemake.input.figures),
    captions=read_texts(snakemake.input.captions),
    tables=read_texts(snakemake.input.tables),
    funnels={
        TITLES[Path(path).stem]: pd.read_csv(path, sep="\t", keep_default_na=False)
        for path in snakemake.input.funnels
    },
    split=read_json(snakemake.input.split),
    gwas=gwas,
    panel=read_variants(snakemake.input.panel),
    loci=read_variants(snakemake.input.loci),
    variance_explained=pd.read_csv(snakemake.input.variance_explained, sep="\t"),
    cards=dict(zip(CARDS, map(read_json, snakemake.input.cards), strict=False)),
    software=describe_software(Path(snakemake.input.citation).read_text()),
    files=describe_files(dict.fromkeys(snakemake.input.files)),
    commands=snakemake.params.commands,
    subject=snakemake.params.subject,
)
Path(snakemake.output.html).write_text(page)
