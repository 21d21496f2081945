"""Choose the guidance scale, and match the decoder's allele frequencies to the training frequencies."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import json
from pathlib import Path

from snpgen.generator.calibration import calibrate, choose_noise, epsilon, target_frequencies
from snpgen.generator.dp import load_privacy_budget
from snpgen.generator.fitting import impute_genotypes
from snpgen.generator.frequencies import add_noise
from snpgen.generator.synthetic import class_column
from snpgen.generator.weights import load_denoiser, load_encoding, load_vae, save_shift
from snpgen.io.panel import load_panel, read_variants

settings, seed = snakemake.params.calibration, snakemake.params.seed
panel = load_panel(snakemake.input.panel)
vae = load_vae(snakemake.input.vae, snakemake.input.vae_card)
denoiser = load_denoiser(snakemake.input.diffusion, snakemake.input.diffusion_card)
encoding = load_encoding(snakemake.input.vae_card)
conditions = encoding.encode_split(panel, "train")
dosages, _ = impute_genotypes(panel, "train", seed)
budget = load_privacy_budget(snakemake.input.vae_card)

noise = 0.0 if budget else settings["noise"]
if noise is None:
    column = class_column(panel)
    labels, own = (panel.samples(split)[column].to_numpy(int) for split in ("train", "validation"))
    validation = impute_genotypes(panel, "validation", seed)[0], own
    noise = choose_noise(dosages, labels, validation, settings["max_forecast_auc"])
positions = read_variants(snakemake.input.variants).position.to_numpy()
frequencies, effects = target_frequencies(panel, dosages, vae, encoding, positions, seed, budget)
chosen, curve = calibrate(
    vae,
    denoiser,
    effects,
    conditions,
    add_noise(frequencies, conditions, noise, seed),
    settings["scales"],
    snakemake.params.sampling["steps"],
    seed,
)
if budget:
    delta, spent = budget.delta, budget.epsilon  # for the whole generator
else:
    delta, spent = 1 / len(dosages), None  # epsilon is infinite without noise
    if noise:
        spent = round(epsilon(dosages, conditions, encoding.n_classes, noise, delta), 2)
card = {
    "guidance_scale": chosen.scale,
    "effect_slope_before_matching": round(chosen.effect_slope, 4),
    "noise": round(noise, 4),
    "delta": delta,
    "epsilon": spent,
}
save_shift(chosen.shift, snakemake.output.shift)
Path(snakemake.output.guidance).write_text(json.dumps(card, indent=1) + "\n")
curve.to_csv(snakemake.output.curve, sep="\t", index=False)
