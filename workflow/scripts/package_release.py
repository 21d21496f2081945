"""Collect the files cleared for release, with a model card and checksums."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from pathlib import Path

import yaml

from snpgen.report.markdown import render_markdown
from snpgen.report.release import (
    COHORTS,
    format_metrics,
    format_variants,
    render_card,
    write_release,
)
from snpgen.report.results import read_results
from snpgen.report.templates import read_texts

paths = snakemake.input
results = read_results(
    snakemake.wildcards.phenotype,
    snakemake.params.settings,
    COHORTS[0],
    dict(paths.items()),
)
templates = read_texts(paths.templates, suffix=True)
citation = yaml.safe_load(Path(paths.citation).read_text())
card = render_card(templates, results, citation)
html = render_markdown(
    card,
    title=f"Synthetic genotypes for {results.phenotype}",
    template=templates["model_card.html.jinja"],
    style=Path(paths.style).read_text(),
)
write_release(
    Path(snakemake.output.checksums).parent,
    copies=[Path(path) for path in paths.synthetic],
    texts={
        "model_card.md": card,
        "model_card.html": html,
        "metrics.tsv": format_metrics(results.metrics),
        "variants.tsv": format_variants(results.panel),
    },
)
