"""Test the privacy audit with a positive control (planted copies) and a negative control (no members)."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import numpy as np
import pandas as pd

from snpgen.baselines.registry import NEGATIVE_CONTROL, POSITIVE_CONTROL, REAL
from snpgen.evaluation import attacks, controls, membership, privacy, white_box
from snpgen.evaluation.cohorts import load_real, read_cohort
from snpgen.evaluation.metrics_table import Metrics, write_restricted, write_table
from snpgen.job import derive_seed, log

phenotype = snakemake.wildcards.phenotype
seed = derive_seed(snakemake.params.seed, "evaluate_controls", phenotype)
count, threads = snakemake.params.evaluation["bootstraps"], snakemake.threads
real = load_real(snakemake.input.panel, snakemake.input.variants)
panel, train, test = real.panel, real.train, real.test
release = read_cohort(snakemake.input.synthetic, "the evaluated cohort", real.variants)
released = release.sizes
knowledge = privacy.read_knowledge(real.variants, snakemake.input.prior, panel)
by_loss = white_box.read_scores(snakemake.input.losses, snakemake.input.shadows, panel)

families = controls.read_families(
    snakemake.input.kinship, snakemake.input.split, panel.iid[panel.split == "test"]
)
half, other_half = controls.halve(test.phenotype, families, derive_seed(seed, "null"))
planted = controls.plant_copies(release, train, derive_seed(seed, "planted_copy"))
del release


def prepare(non_members, size):
    reference, frequency = real.validation, real.frequency
    return membership.prepare(train, non_members, reference, frequency, size, seed, threads)


metrics = Metrics(phenotype, "privacy")
scores, curves = privacy.score_table(panel), []
all_rows = np.arange(len(test))
for subject, cohort, rows in (
    (POSITIVE_CONTROL, planted, all_rows),
    (NEGATIVE_CONTROL, test.take(half), other_half),
):
    log.info("running the attacks on %s", subject)
    attacked = prepare(test.take(rows), len(cohort))
    audit = privacy.audit_release(cohort, attacked, count, seed, threads, knowledge=knowledge)
    privacy.add_audit(metrics, subject, audit, len(cohort), attacked)
    curves.append(attacks.roc_table(subject, audit.scores, len(train)))
    places = np.r_[: len(train), len(train) + rows]
    for attack, values in audit.scores.items():
        scores.loc[places, f"{attack}.{subject}"] = values
    if subject == POSITIVE_CONTROL:
        screened, rare = privacy.screen_real(attacked), attacked.rare[1]

halves = half, other_half
without_members = white_box.negative_control_estimates(by_loss, halves, rare, count, seed)
sizes = {"all": len(test), membership.RARE: int(rare.sum())}
metrics.add(NEGATIVE_CONTROL, without_members, sizes)
metrics.add(REAL, screened, len(test))
paths = snakemake.input.forecast  # none for an external cohort
forecast = (
    privacy.read_forecast(paths[0])
    if paths
    else privacy.forecast_attack(train, real.validation, released)
)
metrics.add(REAL, forecast, train.sizes)
write_table(metrics.table(), snakemake.output.metrics)
write_table(pd.concat(curves), snakemake.output.curves)
write_restricted(scores, snakemake.output.scores)
