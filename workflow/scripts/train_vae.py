"""Train the autoencoder on the panel's training people."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import time
from pathlib import Path

from snpgen.generator.fitting import fit_vae
from snpgen.generator.training import make_fabric
from snpgen.generator.weights import save_model
from snpgen.panel import load_panel, read_variants

began = time.monotonic()
settings = snakemake.params.vae
panel = load_panel(snakemake.input.panel)
architecture = {
    "chromosomes": read_variants(snakemake.input.variants).chromosome.tolist(),
    "classes": int(panel.of("train")[1].max()) + 1,
    "block_size": settings["block_size"],
    "channels": settings["channels"],
    "hidden": settings["hidden"],
}
checkpoint = Path(snakemake.output.weights).with_suffix(".checkpoint")
vae, training = fit_vae(
    panel, settings, architecture, snakemake.params.seed, checkpoint, make_fabric()
)
card = {
    "architecture": architecture,
    "settings": settings,
    "training_people": int((panel.split == "train").sum()),
    "seconds": round(time.monotonic() - began, 1),
}
save_model(vae, card, snakemake.output.weights, snakemake.output.card)
training.to_csv(snakemake.output.training, sep="\t", index=False)
checkpoint.unlink(missing_ok=True)
