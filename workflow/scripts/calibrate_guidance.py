"""Choose guidance scale and class shift so that synthetic effects are as large as training ones."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import json
from pathlib import Path

from snpgen.generator.calibration import calibrate
from snpgen.generator.fitting import people
from snpgen.generator.weights import load_denoiser, load_vae
from snpgen.panel import load_panel

vae = load_vae(snakemake.input.vae, snakemake.input.vae_card)
denoiser = load_denoiser(snakemake.input.diffusion, snakemake.input.diffusion_card)
dosages, _, labels = people(load_panel(snakemake.input.panel), "train", snakemake.params.seed)
guidance, curve = calibrate(
    vae,
    denoiser,
    dosages,
    labels,
    snakemake.params.guidance["scales"],
    snakemake.params.guidance["class_shifts"],
    snakemake.params.sampling["steps"],
    snakemake.params.seed,
)
chosen = curve[(curve.scale == guidance.scale) & (curve.class_shift == guidance.class_shift)].iloc[
    0
]
card = guidance._asdict() | {"effect_slope": round(float(chosen.effect_slope), 4)}
Path(snakemake.output.guidance).write_text(json.dumps(card, indent=1) + "\n")
curve.to_csv(snakemake.output.curve, sep="\t", index=False)
