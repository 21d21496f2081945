"""Train the latent diffusion model on the latents of the training people."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import time
from pathlib import Path

from snpgen.generator.dp import load_budget
from snpgen.generator.fitting import fit_diffusion
from snpgen.generator.recipe import complete_recipe
from snpgen.generator.training import leave_to_first, make_fabric
from snpgen.generator.weights import load_conditions, load_vae, save_model
from snpgen.io.panel import load_panel

began = time.monotonic()
panel = load_panel(snakemake.input.panel)
n_samples = int((panel.split == "train").sum())
budget = load_budget(snakemake.input.vae_card)
private = budget is not None
settings = complete_recipe(snakemake.params.diffusion, "diffusion", n_samples, private)
vae = load_vae(snakemake.input.vae, snakemake.input.vae_card)
conditions = load_conditions(snakemake.input.vae_card)
architecture = {
    "latents": vae.n_latents,
    "classes": conditions.n_classes,
    "conditions": conditions.n_conditions,
    "width": settings["width"],
    "layers": settings["layers"],
    "label_dropout": settings["label_dropout"],
}
checkpoint = Path(snakemake.output.weights).with_suffix(".checkpoint")
fabric = make_fabric(single=private)
denoiser, training = fit_diffusion(
    vae,
    panel,
    conditions,
    settings,
    architecture,
    snakemake.params.seed,
    checkpoint,
    fabric,
    budget,
)
leave_to_first(fabric)
card = {
    "architecture": architecture,
    "settings": settings,
    "training_samples": n_samples,
    "seconds": round(time.monotonic() - began, 1),
}
save_model(denoiser, card, snakemake.output.weights, snakemake.output.card)
training.to_csv(snakemake.output.training, sep="\t", index=False)
checkpoint.unlink(missing_ok=True)
