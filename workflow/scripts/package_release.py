"""Copy what may leave the secure machine into one folder, with model card and checksums."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from pathlib import Path

import yaml

from snpgen.io.files import read_json
from snpgen.io.panel import read_variants
from snpgen.report.markdown import render_markdown
from snpgen.report.metrics import read_metrics
from snpgen.report.release import describe_variants, render_card, write_release

ranking = read_json(snakemake.input.ranking) if snakemake.input.ranking else None
variants = read_variants(snakemake.input.variants)
card = render_card(
    template=Path(snakemake.input.template).read_text(),
    phenotype=snakemake.wildcards.phenotype,
    settings=snakemake.params.settings,
    metrics=read_metrics(snakemake.input.metrics),
    split=read_json(snakemake.input.split),
    gwas=read_json(snakemake.input.gwas),
    ranking=ranking,
    variants=variants,
    models={
        "Autoencoder": read_json(snakemake.input.vae),
        "Diffusion model": read_json(snakemake.input.diffusion),
        "Calibration": read_json(snakemake.input.guidance),
    },
    citation=yaml.safe_load(Path(snakemake.input.citation).read_text()),
)
page = render_markdown(
    card,
    title=f"Synthetic genotypes for {snakemake.wildcards.phenotype}",
    template=Path(snakemake.input.page).read_text(),
    style=Path(snakemake.input.style).read_text(),
)
write_release(
    Path(snakemake.output.checksums).parent,
    copies=[Path(path) for path in [*snakemake.input.synthetic, snakemake.input.metrics]],
    texts={
        "model_card.md": card,
        "model_card.html": page,
        "variants.tsv": describe_variants(variants),
    },
)
