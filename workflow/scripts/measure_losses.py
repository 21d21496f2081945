"""What the models lose on each person, for the attack of somebody who has them."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import pandas as pd

from snpgen.evaluation.losses import all_samples, sample_losses, vae_losses
from snpgen.evaluation.metrics_table import write_restricted
from snpgen.generator.weights import load_conditions, load_denoiser, load_vae
from snpgen.io.panel import load_panel

seed = snakemake.params.seed
panel = load_panel(snakemake.input.panel)
card = snakemake.input.vae_card
denoiser = load_denoiser(snakemake.input.diffusion, snakemake.input.diffusion_card)
dosages, described = all_samples(panel, load_conditions(card), seed)
released = load_vae(snakemake.input.vae, card, snakemake.input.shift)
losses = sample_losses(released, denoiser, dosages, described, seed)
if snakemake.params.shadow_models:  # which are not matched either
    trained = load_vae(snakemake.input.vae, card)
    losses["unmatched"] = vae_losses(trained, dosages, described, seed)
table = pd.DataFrame({"IID": panel.iid, "split": panel.split, **losses})
write_restricted(table, snakemake.output.losses)
