"""Train both models on a small panel in N processes, for test_processes.py: N FOLDER."""

import sys
from pathlib import Path

import torch
from example_generator import linked_panel
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment

from snpgen.generator.conditions import fit_encoding
from snpgen.generator.fitting import fit_diffusion, fit_vae
from snpgen.generator.training import leave_to_first

count, folder = int(sys.argv[1]), Path(sys.argv[2])
fabric = Fabric(accelerator="cpu", devices=count, plugins=LightningEnvironment())
fabric.launch()
torch.set_num_threads(1)
panel = linked_panel(600, 20)
encoding = fit_encoding(panel, False, False)
training = {"steps": 40, "batch_size": 64, "learning_rate": 0.01, "weight_decay": 0.1}
settings = training | {"block_size": 4, "latents": 2, "hidden": 8}
places = ["1"] * 12 + ["2"] * 8, list(range(0, 20_000_000, 1_000_000))
vae, vae_losses = fit_vae(panel, encoding, settings, *places, 1, folder / "vae", fabric)
settings = training | {"width": 8, "layers": 2, "label_dropout": 0.1}
_, diffusion_losses = fit_diffusion(vae, panel, encoding, settings, 1, folder / "denoiser", fabric)
leave_to_first(fabric)
vae_losses.to_csv(folder / "vae.tsv", sep="\t", index=False)
diffusion_losses.to_csv(folder / "diffusion.tsv", sep="\t", index=False)
