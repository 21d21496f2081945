"""Generate a synthetic cohort with the trained model, or reconstruct the training individuals."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from snpgen.baselines.registry import BASELINES, RECONSTRUCTION
from snpgen.generator.calibration import resolve_target
from snpgen.generator.dp import load_privacy_budget
from snpgen.generator.sampler import reconstruct, sample_genotypes
from snpgen.generator.synthetic import assign_phenotypes, count_synthetic, write_cohort
from snpgen.generator.target import load_target
from snpgen.generator.weights import load_denoiser, load_encoding, load_vae
from snpgen.genetics.imputation import impute_genotypes
from snpgen.io.files import read_json
from snpgen.io.panel import load_panel, read_variants
from snpgen.job import derive_seed

cohort, sampling = snakemake.wildcards.cohort, snakemake.params.sampling
seed = derive_seed(snakemake.params.seed, "sample", cohort)
panel = load_panel(snakemake.input.panel)
variants = read_variants(snakemake.input.variants)
encoding = load_encoding(snakemake.input.vae_card)
training = encoding.encode_split(panel, "train")
calibrated = cohort != RECONSTRUCTION and cohort not in BASELINES
shift = snakemake.input.shift if calibrated else None
vae = load_vae(snakemake.input.vae, snakemake.input.vae_card, shift)

if cohort == RECONSTRUCTION:
    samples = panel.samples("train")
    dosages = impute_genotypes(panel, "train", snakemake.params.seed)[0]
    genotypes = reconstruct(vae, dosages, training, seed)
else:
    card = read_json(snakemake.input.guidance)
    denoiser = load_denoiser(snakemake.input.diffusion, snakemake.input.diffusion_card)
    size = count_synthetic(len(training), sampling["size"])
    samples = assign_phenotypes(panel, cohort, size, seed, snakemake.params.min_cell)
    conditions = encoding.encode(samples.label, samples.sex, samples.group)
    if cohort in BASELINES:
        budget = load_privacy_budget(snakemake.input.vae_card)
        target = resolve_target(
            panel, encoding, load_target(snakemake.input.target), snakemake.params.seed, budget
        )
        sample = BASELINES[cohort].load_sampler()
        genotypes = sample(
            vae, denoiser, panel, encoding, conditions, target, sampling["systematic"], seed
        )
    else:
        genotypes = sample_genotypes(
            vae,
            denoiser,
            conditions,
            sampling["steps"],
            card["guidance_scale"],
            sampling["systematic"],
            seed,
        )
write_cohort(snakemake.output[0], genotypes, samples, variants, panel.classes)
