"""Choose the guidance scale, and match the decoder's allele frequencies with the target."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import json
from pathlib import Path

from snpgen.generator.calibration import calibrate, resolve_target
from snpgen.generator.dp import load_privacy_budget
from snpgen.generator.target import load_target
from snpgen.generator.weights import load_denoiser, load_encoding, load_vae, save_shift
from snpgen.io.panel import load_panel

seed = snakemake.params.seed
panel = load_panel(snakemake.input.panel)
vae = load_vae(snakemake.input.vae, snakemake.input.vae_card)
denoiser = load_denoiser(snakemake.input.diffusion, snakemake.input.diffusion_card)
encoding = load_encoding(snakemake.input.vae_card)
budget = load_privacy_budget(snakemake.input.vae_card)
target = resolve_target(panel, encoding, load_target(snakemake.input.target), seed, budget)

chosen, curve = calibrate(
    vae,
    denoiser,
    encoding.encode_split(panel, "train"),
    target,
    snakemake.params.calibration["scales"],
    snakemake.params.sampling["steps"],
    seed,
)
card = {
    "guidance_scale": chosen.scale,
    "effect_slope_before_matching": round(chosen.effect_slope, 4),
    "effects": "shrunken" if target.shrunken else "training",
    "epsilon": budget and budget.epsilon,
    "delta": budget and budget.delta,
}
save_shift(chosen.shift, snakemake.output.shift)
Path(snakemake.output.guidance).write_text(json.dumps(card, indent=1) + "\n")
curve.to_csv(snakemake.output.curve, sep="\t", index=False)
