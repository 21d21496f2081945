"""Ask of each synthetic cohort, and of two controls, what it says about who was in training."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import numpy as np

from snpgen.evaluation import (
    attacks,
    controls,
    inference,
    membership,
    privacy,
    screening,
    white_box,
)
from snpgen.evaluation.cohorts import read_cohorts, real_cohorts
from snpgen.evaluation.table import REAL, Metrics, write_private, write_table
from snpgen.job import derive_seed, log
from snpgen.panel import load_panel, read_variants
from snpgen.plink import allele_frequency

seed = derive_seed(snakemake.params.seed, "evaluate_privacy", snakemake.wildcards.phenotype)
count, threads = snakemake.params.evaluation["bootstraps"], snakemake.threads
variants = read_variants(snakemake.input.variants)
panel = load_panel(snakemake.input.panel)
real = real_cohorts(panel)
train, test, reference = real["train"], real["test"], real["validation"]
synthetic = read_cohorts(snakemake.input.synthetic, snakemake.params.subjects, variants)
main = snakemake.params.subjects[0]
by_loss = {}
if snakemake.input.losses:
    losses, *shadows = (
        white_box.read_losses(path, panel)
        for path in (*snakemake.input.losses, *snakemake.input.shadows)
    )
    by_loss = white_box.white_box_scores(losses, shadows, panel.split)

families = controls.read_families(
    snakemake.input.kinship, snakemake.input.split, panel.iid[panel.split == "test"]
)
half, other_half = controls.halve(test.phenotype, families, derive_seed(seed, "null"))
planted = controls.plant_copies(synthetic[main], train, derive_seed(seed, "planted_copy"))
frequency, draws = allele_frequency(train.dosages), derive_seed(seed, "audit")


def prepare(others, releases):
    size = min(len(release) for release in releases)
    return membership.prepare(train, others, reference, frequency, size, draws, threads)


everybody = np.arange(len(test))
released = synthetic | {"planted_copy": planted}
attacked = prepare(test, released.values())
audited = {name: (release, attacked, everybody) for name, release in released.items()}
audited["null"] = (test.take(half), prepare(test.take(other_half), [test.take(half)]), other_half)

metrics = Metrics(snakemake.wildcards.phenotype, "privacy")
scores = privacy.score_table(panel)
for subject, (release, people, rows) in audited.items():
    log.info("privacy of %s", subject)
    known = by_loss if subject == main else {}
    audit = privacy.audit_release(release, people, count, draws, threads, known)
    metrics.add(subject, audit.screening, len(release), screening.UNLESS)
    metrics.add(subject, audit.attacks, people.sizes, attacks.UNLESS)
    metrics.add(subject, audit.inference, people.sizes, inference.UNLESS)
    places = np.concatenate([np.arange(len(train)), len(train) + rows])
    for attack, values in audit.scores.items():
        scores.loc[places, f"{attack}.{subject}"] = values

nobody = white_box.null_figures(by_loss, (half, other_half), attacked.rare[1], count, draws)
sizes = {"all": len(test), membership.RARE: int(attacked.rare[1].sum())}
metrics.add("null", nobody, sizes, attacks.UNLESS)
metrics.add(REAL, privacy.screen_real(attacked), len(test), screening.UNLESS)
metrics.add(REAL, privacy.forecast_attack(train, reference), train.sizes, screening.UNLESS)
write_table(metrics.table(ceiling="null"), snakemake.output.metrics)
write_private(scores, snakemake.output.scores)
