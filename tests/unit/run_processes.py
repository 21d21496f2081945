"""Train both models of a small panel in N processes, for test_processes.py: N FOLDER."""

import sys
from pathlib import Path

import torch
from example_generator import linked_panel
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment

from snpgen.generator.conditions import make_conditions
from snpgen.generator.fitting import fit_diffusion, fit_vae
from snpgen.generator.training import leave_to_first

count, folder = int(sys.argv[1]), Path(sys.argv[2])
fabric = Fabric(accelerator="cpu", devices=count, plugins=LightningEnvironment())
fabric.launch()
torch.set_num_threads(1)
panel = linked_panel(600, 20)
conditions = make_conditions(panel, False, False)
settings = {"steps": 40, "batch_size": 64, "learning_rate": 0.01, "weight_decay": 0.1}
network = {
    "chromosomes": ["1"] * 12 + ["2"] * 8,
    "conditions": conditions.n_conditions,
    "block_size": 4,
    "latents": 2,
    "hidden": 8,
}
vae, training = fit_vae(panel, conditions, settings, network, 1, folder / "vae", fabric)
denoiser = {
    "latents": 2,
    "classes": conditions.n_classes,
    "conditions": conditions.n_conditions,
    "width": 8,
    "layers": 2,
    "label_dropout": 0.1,
}
_, more = fit_diffusion(vae, panel, conditions, settings, denoiser, 1, folder / "denoiser", fabric)
leave_to_first(fabric)
training.to_csv(folder / "vae.tsv", sep="\t", index=False)
more.to_csv(folder / "diffusion.tsv", sep="\t", index=False)
