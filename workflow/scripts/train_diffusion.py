"""Train the latent diffusion model on the latents of the training individuals."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import time
from pathlib import Path

from snpgen.generator.dp import load_privacy_budget
from snpgen.generator.fitting import fit_diffusion
from snpgen.generator.hyperparameters import complete_training
from snpgen.generator.training import leave_to_first, make_fabric
from snpgen.generator.weights import load_encoding, load_vae, save_model
from snpgen.io.panel import load_panel

began = time.monotonic()
panel = load_panel(snakemake.input.panel)
n_samples = int((panel.split == "train").sum())
budget = load_privacy_budget(snakemake.input.vae_card)
dp = budget is not None
settings = complete_training(snakemake.params.diffusion, "diffusion", n_samples, dp)
vae = load_vae(snakemake.input.vae, snakemake.input.vae_card)
encoding = load_encoding(snakemake.input.vae_card)
checkpoint = Path(snakemake.output.weights).with_suffix(".checkpoint")
fabric = make_fabric(single=dp)
denoiser, losses = fit_diffusion(
    vae, panel, encoding, settings, snakemake.params.seed, checkpoint, fabric, budget
)
leave_to_first(fabric)
card = {
    "settings": settings,
    "training_samples": n_samples,
    "training_seconds": round(time.monotonic() - began, 1),
}
save_model(denoiser, card, snakemake.output.weights, snakemake.output.card)
losses.to_csv(snakemake.output.training, sep="\t", index=False)
checkpoint.unlink(missing_ok=True)
