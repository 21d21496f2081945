"""Measure the losses of the models on each individual, for white-box membership inference."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import pandas as pd

from snpgen.evaluation.losses import all_samples, sample_losses, vae_losses
from snpgen.evaluation.metrics_table import write_restricted
from snpgen.generator.weights import load_denoiser, load_encoding, load_vae
from snpgen.io.panel import load_panel

seed = snakemake.params.seed
panel = load_panel(snakemake.input.panel)
card = snakemake.input.vae_card
denoiser = load_denoiser(snakemake.input.diffusion, snakemake.input.diffusion_card)
dosages, conditions = all_samples(panel, load_encoding(card), seed)
released = load_vae(snakemake.input.vae, card, snakemake.input.shift)
losses = sample_losses(released, denoiser, dosages, conditions, seed)
if snakemake.params.shadow_models:  # compare with shadow models, which are not calibrated
    uncalibrated = load_vae(snakemake.input.vae, card)
    losses["unmatched"] = vae_losses(uncalibrated, dosages, conditions, seed)
table = pd.DataFrame({"IID": panel.iid, "split": panel.split, **losses})
write_restricted(table, snakemake.output.losses)
