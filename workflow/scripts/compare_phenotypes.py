"""Compare all phenotypes of a run on one self-contained HTML page."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from pathlib import Path

from snpgen.io.files import read_json
from snpgen.io.panel import read_variants
from snpgen.report.comparison import render_comparison
from snpgen.report.estimates import read_metrics
from snpgen.report.results import Results
from snpgen.report.templates import read_texts

paths, params = snakemake.input, snakemake.params
cards = dict(zip(params.generated, map(read_json, paths.calibration), strict=True))
phenotypes = {
    name: Results(
        name,
        settings,
        subject,
        metrics=read_metrics(metrics),
        split=read_json(split),
        gwas=read_json(gwas),
        panel=read_variants(panel),
        models={"calibration": cards[name]} if name in cards else {},
    )
    for name, settings, subject, metrics, split, gwas, panel in zip(
        params.phenotypes,
        params.settings,
        params.subjects,
        paths.metrics,
        paths.split,
        paths.gwas,
        paths.panel,
        strict=True,
    )
}
html = render_comparison(
    read_texts(paths.templates, suffix=True), Path(paths.style).read_text(), phenotypes
)
Path(snakemake.output.html).write_text(html)
