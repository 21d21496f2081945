"""Draw cohorts at several scales of guidance and noises, and measure what each does."""

from snpgen.job import start_log

start_log(snakemake.log[0])


from snpgen.evaluation import calibration, controls
from snpgen.evaluation.cohorts import Cohort, real_cohorts
from snpgen.evaluation.table import REAL, Metrics, write_table
from snpgen.files import read_json
from snpgen.generator.calibration import match, wanted_frequencies
from snpgen.generator.conditions import encode
from snpgen.generator.frequencies import add_noise
from snpgen.generator.private import load_budget
from snpgen.generator.sampler import sample_genotypes
from snpgen.generator.synthetic import draw_people
from snpgen.generator.weights import load_conditions, load_denoiser, load_vae
from snpgen.job import derive_seed, log
from snpgen.panel import load_panel, read_variants
from snpgen.progress import track

PEOPLE = 8_000  # drawn at each point

name, steps = snakemake.wildcards.phenotype, snakemake.params.sampling["steps"]
seed = derive_seed(snakemake.params.seed, "evaluate_calibration", name)
panel = load_panel(snakemake.input.panel)
vae = load_vae(snakemake.input.vae, snakemake.input.vae_card)
denoiser = load_denoiser(snakemake.input.diffusion, snakemake.input.diffusion_card)
conditions = load_conditions(snakemake.input.vae_card)
described = encode(panel, "train", conditions)
card = read_json(snakemake.input.guidance)
positions = read_variants(snakemake.input.variants).position.to_numpy()
budget = load_budget(snakemake.input.vae_card)
frequencies, _ = wanted_frequencies(
    panel, vae, conditions, positions, snakemake.params.seed, budget
)

real = real_cohorts(panel)
iid = panel.iid[panel.split == "validation"]
families = controls.read_families(snakemake.input.kinship, snakemake.input.split, iid)
ruler = calibration.Ruler(
    real["train"],
    real["validation"],
    controls.halve(real["validation"].phenotype, families, derive_seed(seed, "halves")),
    snakemake.params.evaluation["folds"],
    snakemake.params.evaluation["bootstraps"],
    seed,
    snakemake.threads,
)
wanted = draw_people(panel, "snpgen", min(PEOPLE, len(described)), seed)
wanted_conditions = conditions.encode(wanted.label, wanted.sex, wanted.group)
phenotype = wanted.phenotype.to_numpy()
bias = vae.bias.data.clone()

metrics = Metrics(name, "calibration")
metrics.add(REAL, ruler.compare(real["train"]), len(real["train"]), calibration.UNLESS)
measured = {}
scales = snakemake.params.calibration["scales"]
points = calibration.choose_points(scales, card["scale"], card["noise"])
for subject, point in track(points.items(), "points"):
    if point not in measured:
        log.info("guidance %g, noise %g", *point)
        scale, noise = point
        noisy = add_noise(frequencies, described, noise, snakemake.params.seed)
        shift = match(vae, denoiser, described, noisy, scale, steps, snakemake.params.seed)
        vae.shift_bias(shift)
        systematic = snakemake.params.sampling["systematic"]
        drawn = sample_genotypes(vae, denoiser, wanted_conditions, steps, scale, systematic, seed)
        vae.bias.data.copy_(bias)
        measured[point] = ruler.measure(Cohort(drawn, phenotype))
    metrics.add(subject, measured[point], len(wanted), calibration.UNLESS)
write_table(metrics.table(), snakemake.output.metrics)
