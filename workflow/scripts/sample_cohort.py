"""Write one synthetic cohort as a PLINK fileset: generated, or reconstructed training individuals."""

from snpgen.job import start_log

start_log(snakemake.log[0])


from snpgen.generator.calibration import compute_shift, target_frequencies
from snpgen.generator.dp import load_privacy_budget
from snpgen.generator.fitting import impute_genotypes
from snpgen.generator.frequencies import add_noise
from snpgen.generator.sampler import reconstruct, sample_genotypes
from snpgen.generator.synthetic import assign_phenotypes, write_cohort
from snpgen.generator.weights import load_denoiser, load_encoding, load_vae
from snpgen.io.files import read_json
from snpgen.io.panel import load_panel, read_variants
from snpgen.job import derive_seed

cohort, sampling = snakemake.wildcards.cohort, snakemake.params.sampling
seed = derive_seed(snakemake.params.seed, "sample", cohort)
panel = load_panel(snakemake.input.panel)
variants = read_variants(snakemake.input.variants)
encoding = load_encoding(snakemake.input.vae_card)
shift_path = None if cohort in ("reconstruction", "cvae") else snakemake.input.shift
vae = load_vae(snakemake.input.vae, snakemake.input.vae_card, shift_path)
conditions = encoding.encode_split(panel, "train")

if cohort == "reconstruction":
    samples = panel.samples("train")
    dosages, _ = impute_genotypes(panel, "train", snakemake.params.seed)
    synthetic = reconstruct(vae, dosages, conditions, seed)
else:
    card = read_json(snakemake.input.guidance)
    denoiser = load_denoiser(snakemake.input.diffusion, snakemake.input.diffusion_card)
    steps = 0 if cohort == "cvae" else sampling["steps"]
    if cohort == "cvae":
        budget = load_privacy_budget(snakemake.input.vae_card)
        own_seed = snakemake.params.seed if budget else seed  # the privacy budget is spent once
        dosages, _ = impute_genotypes(panel, "train", own_seed)
        positions = variants.position.to_numpy()
        target, _ = target_frequencies(panel, dosages, vae, encoding, positions, own_seed, budget)
        noisy = add_noise(target, conditions, card["noise"], seed)
        vae.shift_bias(compute_shift(vae, denoiser, conditions, noisy, 1.0, 0, seed))
    samples = assign_phenotypes(panel, cohort, len(conditions), seed)
    synthetic = sample_genotypes(
        vae,
        denoiser,
        encoding.encode(samples.label, samples.sex, samples.group),
        steps,
        card["guidance_scale"],
        sampling["systematic"],
        seed,
    )
write_cohort(snakemake.output[0], synthetic, samples, variants, panel.classes)
