"""Train the autoencoder on the panel's training people."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import time
from pathlib import Path

from snpgen.generator.conditions import make_conditions
from snpgen.generator.dp import spend
from snpgen.generator.fitting import fit_vae, is_collapsed, report_information, validation_samples
from snpgen.generator.recipe import complete_network, complete_recipe, dp_recipes
from snpgen.generator.training import leave_to_first, make_fabric
from snpgen.generator.weights import save_model
from snpgen.genetics.ld import effective_variants
from snpgen.io.panel import load_panel, read_variants
from snpgen.job import derive_seed

began = time.monotonic()
seed, wanted = snakemake.params.seed, snakemake.params.conditions
promise = snakemake.params.differential_privacy
panel = load_panel(snakemake.input.panel)
n_samples = int((panel.split == "train").sum())
budget = None
if promise["epsilon"] is None:
    settings = complete_recipe(snakemake.params.vae, "vae", n_samples)
    settings = complete_network(
        settings, n_samples, panel.dosages.shape[1], effective_variants(panel.of("train")[0])
    )
else:
    both = {"vae": snakemake.params.vae, "diffusion": promise["diffusion"]}
    recipes = dp_recipes(both, n_samples)
    settings = recipes["vae"]
    budget = spend(promise["epsilon"], promise["delta"], n_samples, recipes)
conditions = make_conditions(panel, wanted["sex"], wanted["group"] is not None)
architecture = {
    "chromosomes": read_variants(snakemake.input.variants).chromosome.tolist(),
    "conditions": conditions.n_conditions,
    "block_size": settings["block_size"],
    "latents": settings["latents"],
    "hidden": settings["hidden"],
}
checkpoint = Path(snakemake.output.weights).with_suffix(".checkpoint")
fabric = make_fabric(single=budget is not None)
vae, training = fit_vae(panel, conditions, settings, architecture, seed, checkpoint, fabric, budget)
leave_to_first(fabric)
held_out = validation_samples(panel, conditions, seed, fabric)
information = report_information(vae, held_out, derive_seed(seed, "information"))
card = {
    "architecture": architecture,
    "conditions": conditions.as_dict(),
    "settings": settings,
    "training_samples": n_samples,
    "differential_privacy": budget and budget.as_dict(),
    "nats_a_person": {name: round(nats, 4) for name, nats in information.items()},
    "collapsed": is_collapsed(information),
    "seconds": round(time.monotonic() - began, 1),
}
save_model(vae, card, snakemake.output.weights, snakemake.output.card)
training.to_csv(snakemake.output.training, sep="\t", index=False)
checkpoint.unlink(missing_ok=True)
