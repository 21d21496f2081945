"""Train the autoencoder on the panel's training individuals."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import time
from dataclasses import asdict
from pathlib import Path

from snpgen.generator.conditions import fit_encoding
from snpgen.generator.dp import allocate_privacy_budget
from snpgen.generator.fitting import fit_vae, is_collapsed, measure_latents, validation_arrays
from snpgen.generator.hyperparameters import complete_for_dp, complete_network, complete_training
from snpgen.generator.training import leave_to_first, make_fabric
from snpgen.generator.weights import save_model
from snpgen.genetics.ld import effective_variants
from snpgen.io.panel import load_panel, read_variants
from snpgen.job import derive_seed

began = time.monotonic()
seed, conditions = snakemake.params.seed, snakemake.params.conditions
dp = snakemake.params.differential_privacy
panel = load_panel(snakemake.input.panel)
n_samples = int((panel.split == "train").sum())
budget = None
if dp["epsilon"] is None:
    settings = complete_training(snakemake.params.vae, "vae", n_samples)
    settings = complete_network(
        settings, n_samples, panel.dosages.shape[1], effective_variants(panel.of("train")[0])
    )
else:
    both = {"vae": snakemake.params.vae, "diffusion": dp["diffusion"]}
    training = complete_for_dp(both, n_samples)
    settings = training["vae"]
    budget = allocate_privacy_budget(dp["epsilon"], dp["delta"], n_samples, training)
encoding = fit_encoding(panel, conditions["sex"], conditions["group"] is not None)
variants = read_variants(snakemake.input.variants)
places = variants.chromosome.tolist(), variants.position.tolist()
checkpoint = Path(snakemake.output.weights).with_suffix(".checkpoint")
fabric = make_fabric(single=budget is not None)
vae, losses = fit_vae(panel, encoding, settings, *places, seed, checkpoint, fabric, budget)
leave_to_first(fabric)
validation = validation_arrays(panel, encoding, seed, fabric)
nats = measure_latents(vae, validation, derive_seed(seed, "information"))
card = {
    "conditions": asdict(encoding),
    "settings": settings,
    "training_samples": n_samples,
    "differential_privacy": budget and asdict(budget),
    "nats_per_individual": {name: round(value, 4) for name, value in nats.items()},
    "posterior_collapse": is_collapsed(nats),
    "training_seconds": round(time.monotonic() - began, 1),
}
save_model(vae, card, snakemake.output.weights, snakemake.output.card)
losses.to_csv(snakemake.output.training, sep="\t", index=False)
checkpoint.unlink(missing_ok=True)
