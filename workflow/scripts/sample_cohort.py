"""Write one synthetic cohort as a PLINK fileset: drawn people, or training people reconstructed."""

from snpgen.job import start_log

start_log(snakemake.log[0])


from snpgen.generator.calibration import match, wanted_frequencies
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
own_shift = None if cohort in ("reconstruction", "cvae") else snakemake.input.shift
vae = load_vae(snakemake.input.vae, snakemake.input.vae_card, own_shift)
described = encode(panel, "train", conditions)

if cohort == "reconstruction":
    synthetic = panel.samples("train")
    dosages, _ = samples(panel, "train", snakemake.params.seed)
    drawn = reconstruct(vae, dosages, described, seed)
else:
    card = read_json(snakemake.input.guidance)
    denoiser = load_denoiser(snakemake.input.diffusion, snakemake.input.diffusion_card)
    steps = 0 if cohort == "cvae" else sampling["steps"]
    if cohort == "cvae":
        budget, positions = load_budget(snakemake.input.vae_card), variants.position.to_numpy()
        own = snakemake.params.seed if budget else seed  # spent once
        wanted, _ = wanted_frequencies(panel, vae, conditions, positions, own, budget)
        noisy = add_noise(wanted, described, card["noise"], seed)
        vae.shift_bias(match(vae, denoiser, described, noisy, 1.0, 0, seed))
    synthetic = draw_samples(panel, cohort, len(described), seed)
    drawn = sample_genotypes(
        vae,
        denoiser,
        conditions.encode(synthetic.label, synthetic.sex, synthetic.group),
        steps,
        card["scale"],
        sampling["systematic"],
        seed,
    )
write_cohort(snakemake.output[0], drawn, synthetic, variants, panel.classes)
