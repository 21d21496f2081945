"""Put figures, tables, summaries and settings of one phenotype into one self-contained HTML page."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import json
from pathlib import Path

import pandas as pd

from snpgen.panel import read_variants
from snpgen.report.metrics import read_metrics
from snpgen.report.page import render_page


def read_texts(paths):
    return {Path(path).stem: Path(path).read_text() for path in paths}


def read_json(path):
    return json.loads(Path(path).read_text())


funnels = ["Everybody", "With this phenotype", "Split", "Variants in training people", "Panel"]
page = render_page(
    template=Path(snakemake.input.template).read_text(),
    phenotype=snakemake.wildcards.phenotype,
    settings=snakemake.params.settings,
    metrics=read_metrics(snakemake.input.metrics),
    figures=read_texts(snakemake.input.figures),
    captions=read_texts(snakemake.input.captions),
    funnels={
        title: pd.read_csv(path, sep="\t", keep_default_na=False)
        for title, path in zip(funnels, snakemake.input.funnels, strict=True)
    },
    split=read_json(snakemake.input.split),
    gwas=read_json(snakemake.input.gwas),
    panel=read_variants(snakemake.input.panel),
    cards={
        "Autoencoder": read_json(snakemake.input.vae),
        "Diffusion model": read_json(snakemake.input.diffusion),
        "Guidance": read_json(snakemake.input.guidance),
    },
)
Path(snakemake.output.html).write_text(page)
