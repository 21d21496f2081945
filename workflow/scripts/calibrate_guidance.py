"""Choose the guidance and match the decoder's frequencies with those of the training people."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import json
from pathlib import Path

from snpgen.generator.calibration import calibrate, choose_noise, epsilon, wanted_frequencies
from snpgen.generator.conditions import encode
from snpgen.generator.dp import load_budget
from snpgen.generator.fitting import samples
from snpgen.generator.frequencies import add_noise
from snpgen.generator.synthetic import class_column
from snpgen.generator.weights import load_conditions, load_denoiser, load_vae, save_shift
from snpgen.io.panel import load_panel, read_variants

settings, seed = snakemake.params.calibration, snakemake.params.seed
panel = load_panel(snakemake.input.panel)
vae = load_vae(snakemake.input.vae, snakemake.input.vae_card)
denoiser = load_denoiser(snakemake.input.diffusion, snakemake.input.diffusion_card)
conditions = load_conditions(snakemake.input.vae_card)
described = encode(panel, "train", conditions)
dosages, _ = samples(panel, "train", seed)
budget = load_budget(snakemake.input.vae_card)

noise = 0.0 if budget else settings["noise"]
if noise is None:
    column = class_column(panel)
    labels, held_labels = (panel.samples(split)[column] for split in ("train", "validation"))
    held_out = samples(panel, "validation", seed)[0], held_labels.to_numpy(int)
    noise = choose_noise(dosages, labels.to_numpy(int), held_out, settings["max_forecast_auc"])
positions = read_variants(snakemake.input.variants).position.to_numpy()
frequencies, effects = wanted_frequencies(panel, vae, conditions, positions, seed, budget)
chosen, curve = calibrate(
    vae,
    denoiser,
    effects,
    described,
    add_noise(frequencies, described, noise, seed),
    settings["scales"],
    snakemake.params.sampling["steps"],
    seed,
)
if budget:
    delta, spent = budget.delta, budget.epsilon  # of the whole generator
else:
    delta, spent = 1 / len(dosages), None  # without noise there is no bound
    if noise:
        spent = round(epsilon(dosages, described, conditions.n_classes, noise, delta), 2)
card = {
    "scale": chosen.scale,
    "effect_slope_before_matching": round(chosen.effect_slope, 4),
    "noise": round(noise, 4),
    "delta": delta,
    "epsilon": spent,
}
save_shift(chosen.shift, snakemake.output.shift)
Path(snakemake.output.guidance).write_text(json.dumps(card, indent=1) + "\n")
curve.to_csv(snakemake.output.curve, sep="\t", index=False)
