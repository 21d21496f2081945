"""Write one synthetic cohort as a PLINK fileset: drawn people, or training people reconstructed."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import json
from pathlib import Path

from snpgen.generator.fitting import people
from snpgen.generator.sampler import Guidance, reconstruct, sample_genotypes
from snpgen.generator.synthetic import balanced_labels, shuffled_labels, write_cohort
from snpgen.generator.weights import load_denoiser, load_vae
from snpgen.job import derive_seed
from snpgen.panel import load_panel, read_variants

cohort = snakemake.wildcards.cohort
seed = derive_seed(snakemake.params.seed, "sample", cohort)
vae = load_vae(snakemake.input.vae, snakemake.input.vae_card)
dosages, _, labels = people(load_panel(snakemake.input.panel), "train", snakemake.params.seed)

if cohort == "reconstruction":
    drawn = reconstruct(vae, dosages, labels, seed)
else:
    card = json.loads(Path(snakemake.input.guidance).read_text())
    denoiser = load_denoiser(snakemake.input.diffusion, snakemake.input.diffusion_card)
    balanced = cohort == "snpgen_balanced"
    labels = balanced_labels(len(labels)) if balanced else shuffled_labels(labels, seed)
    drawn = sample_genotypes(
        vae,
        denoiser,
        labels,
        snakemake.params.sampling["steps"],
        Guidance(card["scale"], card["class_shift"]),
        seed,
    )
write_cohort(snakemake.output[0], drawn, labels, read_variants(snakemake.input.variants))
