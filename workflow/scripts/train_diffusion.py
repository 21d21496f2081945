"""Train the latent diffusion model on the latents of the training people."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import time
from pathlib import Path

from snpgen.generator.fitting import fit_diffusion
from snpgen.generator.training import make_fabric
from snpgen.generator.weights import load_vae, save_model
from snpgen.panel import load_panel

began = time.monotonic()
settings = snakemake.params.diffusion
panel = load_panel(snakemake.input.panel)
fabric = make_fabric()
vae = load_vae(snakemake.input.vae, snakemake.input.vae_card)
tokens, channels = vae.latent_shape
architecture = {
    "tokens": tokens,
    "channels": channels,
    "classes": len(vae.class_bias),
    "width": settings["width"],
    "layers": settings["layers"],
    "groups": settings["groups"],
    "label_dropout": settings["label_dropout"],
}
checkpoint = Path(snakemake.output.weights).with_suffix(".checkpoint")
denoiser, training = fit_diffusion(
    vae, panel, settings, architecture, snakemake.params.seed, checkpoint, fabric
)
card = {
    "architecture": architecture,
    "settings": settings,
    "training_people": int((panel.split == "train").sum()),
    "seconds": round(time.monotonic() - began, 1),
}
save_model(denoiser, card, snakemake.output.weights, snakemake.output.card)
training.to_csv(snakemake.output.training, sep="\t", index=False)
checkpoint.unlink(missing_ok=True)
