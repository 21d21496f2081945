"""Train a shadow autoencoder on a random half of the individuals, and measure its losses."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from pathlib import Path

import pandas as pd

from snpgen.evaluation.losses import all_samples, shadow_panel, vae_losses
from snpgen.evaluation.metrics_table import write_restricted
from snpgen.generator.dp import load_privacy_budget
from snpgen.generator.fitting import fit_vae
from snpgen.generator.training import leave_to_first, make_fabric
from snpgen.generator.weights import load_encoding
from snpgen.io.files import read_json
from snpgen.io.panel import load_panel
from snpgen.job import derive_seed

number, seed = snakemake.wildcards.shadow, snakemake.params.seed
panel = load_panel(snakemake.input.panel)
card = read_json(snakemake.input.vae_card)
encoding = load_encoding(snakemake.input.vae_card)
shadow = shadow_panel(panel, int(number), seed)
checkpoint = Path(snakemake.output.losses).with_suffix(".checkpoint")
own_seed = derive_seed(seed, "shadow", "training", number)
budget = load_privacy_budget(snakemake.input.vae_card)
fabric = make_fabric(single=budget is not None)
settings, network = card["settings"], card["architecture"]
places = network["chromosomes"], network["positions"]
vae, _ = fit_vae(shadow, encoding, settings, *places, own_seed, checkpoint, fabric, budget)
leave_to_first(fabric)
losses = vae_losses(vae, *all_samples(panel, encoding, seed), seed)
table = {"IID": panel.iid, "inside": (shadow.split == "train").astype(int), "loss": losses}
write_restricted(pd.DataFrame(table), snakemake.output.losses)
checkpoint.unlink(missing_ok=True)
