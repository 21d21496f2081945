"""Generate a synthetic cohort with the trained model, or reconstruct the training individuals."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from snpgen.baselines.registry import BASELINES, RECONSTRUCTION
from snpgen.generator.calibration import wanted_frequencies
from snpgen.generator.conditions import encode
from snpgen.generator.dp import load_budget
from snpgen.generator.fitting import samples
from snpgen.generator.frequencies import add_noise
from snpgen.generator.sampler import reconstruct, sample_genotypes
from snpgen.generator.synthetic import draw_samples, write_cohort
from snpgen.generator.weights import load_conditions, load_denoiser, load_vae
from snpgen.io.files import read_json
from snpgen.io.panel import load_panel, read_variants
from snpgen.job import derive_seed

cohort, sampling = snakemake.wildcards.cohort, snakemake.params.sampling
seed = derive_seed(snakemake.params.seed, "sample", cohort)
panel = load_panel(snakemake.input.panel)
variants = read_variants(snakemake.input.variants)
conditions = load_conditions(snakemake.input.vae_card)
training = encode(panel, "train", conditions)
calibrated = cohort != RECONSTRUCTION and cohort not in BASELINES
shift = snakemake.input.shift if calibrated else None
vae = load_vae(snakemake.input.vae, snakemake.input.vae_card, shift)

if cohort == RECONSTRUCTION:
    synthetic = panel.samples("train")
    dosages, _ = samples(panel, "train", snakemake.params.seed)
    genotypes = reconstruct(vae, dosages, training, seed)
else:
    card = read_json(snakemake.input.guidance)
    denoiser = load_denoiser(snakemake.input.diffusion, snakemake.input.diffusion_card)
    synthetic = draw_samples(panel, cohort, len(training), seed)
    encoded = conditions.encode(synthetic.label, synthetic.sex, synthetic.group)
    if cohort in BASELINES:
        budget, positions = load_budget(snakemake.input.vae_card), variants.position.to_numpy()
        target_seed = snakemake.params.seed if budget else seed  # the privacy budget is spent once
        target, _ = wanted_frequencies(panel, vae, conditions, positions, target_seed, budget)
        target = add_noise(target, training, card["noise"], seed)
        sample = BASELINES[cohort].load_sampler()
        genotypes = sample(vae, denoiser, training, encoded, target, sampling["systematic"], seed)
    else:
        genotypes = sample_genotypes(
            vae,
            denoiser,
            encoded,
            sampling["steps"],
            card["scale"],
            sampling["systematic"],
            seed,
        )
write_cohort(snakemake.output[0], genotypes, synthetic, variants, panel.classes)
