"""Render the report of one phenotype as one self-contained HTML page."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from pathlib import Path

import pandas as pd

from snpgen.io.panel import read_variants
from snpgen.report.page import Page, render_page
from snpgen.report.provenance import describe_files, describe_software
from snpgen.report.results import read_results
from snpgen.report.templates import read_texts

paths, params = snakemake.input, snakemake.params
page = Page(
    results=read_results(
        snakemake.wildcards.phenotype, params.settings, params.subject, dict(paths.items())
    ),
    figures=read_texts(paths.figures),
    captions=read_texts(paths.captions),
    tables=read_texts(paths.tables),
    funnels={
        Path(path).stem: pd.read_csv(path, sep="\t", keep_default_na=False)
        for path in paths.funnels
    },
    loci=read_variants(paths.loci),
    variance_explained=pd.read_csv(paths.variance_explained, sep="\t"),
    software=describe_software(Path(paths.citation).read_text()),
    files=describe_files(dict.fromkeys(paths.files)),
    commands=params.commands,
)
templates = read_texts(paths.templates, suffix=True)
html = render_page(templates, Path(paths.style).read_text(), page)
Path(snakemake.output.html).write_text(html)
