"""Collect the files cleared for release, with a model card and checksums."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import json
import shutil
from pathlib import Path

import yaml

from snpgen.io.samples import are_joined, read_keep
from snpgen.io.tables import read_own_table
from snpgen.report.checklist import render_checklist
from snpgen.report.earlier import read_earlier_releases
from snpgen.report.markdown import render_markdown
from snpgen.report.privacy import (
    describe_contents,
    describe_privacy,
    read_release_texts,
)
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
folder = Path(snakemake.output.checksums).parent
shutil.rmtree(folder, ignore_errors=True)  # if this job fails, no earlier release may look current
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
copies = [Path(path) for path in paths.synthetic]
texts = {
    "model_card.md": card,
    "model_card.html": html,
    "metrics.tsv": format_metrics(results.metrics),
    "variants.tsv": format_variants(results.panel),
}
phenotypes = next(path for path in copies if path.name == f"{COHORTS[0]}.pheno.tsv")
samples = read_own_table(paths.samples, str, missing=())
individuals = read_own_table(paths.individuals, str, missing=())
privacy = describe_privacy(
    results,
    read_release_texts(templates),
    describe_contents(copies, texts),
    read_own_table(str(phenotypes), str, missing=()),
    train=individuals[individuals.split == "train"],
    counted=read_keep(paths.frequencies, are_joined(samples.IID)),
    earlier=read_earlier_releases(
        snakemake.params.settings["release"]["earlier"],
        samples,
        results.settings["cohort"]["build"],
    ),
    version=citation["version"],
)
texts["privacy.json"] = json.dumps(privacy, indent=1) + "\n"
texts["checklist.html"] = render_checklist(templates, privacy)
write_release(folder, copies, texts)
