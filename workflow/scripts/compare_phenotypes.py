"""Put the main figures of all phenotypes into one self-contained HTML page."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from pathlib import Path

from snpgen.io.files import read_json
from snpgen.io.panel import read_variants
from snpgen.report.comparison import Phenotype, render_comparison
from snpgen.report.metrics import read_metrics

cards = dict(
    zip(snakemake.params.generated, map(read_json, snakemake.input.guidance), strict=True)
)  # none of a cohort made elsewhere
phenotypes = {
    name: Phenotype(
        settings,
        metrics=read_metrics(metrics),
        split=read_json(split),
        gwas=read_json(gwas),
        panel=read_variants(panel),
        noise=cards[name]["noise"] if name in cards else 0.0,
        subject=subject,
    )
    for name, settings, subject, metrics, split, gwas, panel in zip(
        snakemake.params.phenotypes,
        snakemake.params.settings,
        snakemake.params.subjects,
        snakemake.input.metrics,
        snakemake.input.splits,
        snakemake.input.gwas,
        snakemake.input.panels,
        strict=True,
    )
}
page = render_comparison(
    template=Path(snakemake.input.template).read_text(),
    style=Path(snakemake.input.style).read_text(),
    phenotypes=phenotypes,
)
Path(snakemake.output.html).write_text(page)
