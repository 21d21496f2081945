"""Ask the privacy audit of copies that it must find, and of people none of whom was in training."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import numpy as np
import pandas as pd

from snpgen.baselines.registry import NEGATIVE_CONTROL, POSITIVE_CONTROL, REAL
from snpgen.evaluation import (
    attacks,
    controls,
    membership,
    privacy,
    screening,
    white_box,
)
from snpgen.evaluation.cohorts import read_cohort, real_cohorts
from snpgen.evaluation.metrics_table import Metrics, write_restricted, write_table
from snpgen.io.panel import load_panel, read_variants
from snpgen.io.plink import allele_frequency
from snpgen.job import derive_seed, log

phenotype = snakemake.wildcards.phenotype
seed = derive_seed(snakemake.params.seed, "evaluate_controls", phenotype)
count, threads = snakemake.params.evaluation["bootstraps"], snakemake.threads
variants = read_variants(snakemake.input.variants)
panel = load_panel(snakemake.input.panel)
real = real_cohorts(panel)
train, test, reference = real["train"], real["test"], real["validation"]
release = read_cohort(snakemake.input.synthetic, "the cohort that is released", variants)
by_loss = white_box.read_scores(snakemake.input.losses, snakemake.input.shadows, panel)

families = controls.read_families(
    snakemake.input.kinship, snakemake.input.split, panel.iid[panel.split == "test"]
)
half, other_half = controls.halve(test.phenotype, families, derive_seed(seed, "null"))
planted = controls.plant_copies(release, train, derive_seed(seed, "planted_copy"))
frequency = allele_frequency(train.dosages)


def prepare(others, size):
    return membership.prepare(train, others, reference, frequency, size, seed, threads)


all_samples = np.arange(len(test))
attacked = prepare(test, len(planted))
null = prepare(test.take(other_half), len(half))
metrics = Metrics(phenotype, "privacy")
scores, curves = privacy.score_table(panel), []
for subject, cohort, samples, rows in (
    (POSITIVE_CONTROL, planted, attacked, all_samples),
    (NEGATIVE_CONTROL, test.take(half), null, other_half),
):
    log.info("control %s", subject)
    audit = privacy.audit_release(cohort, samples, count, seed, threads)
    privacy.add_audit(metrics, subject, audit, len(cohort), samples)
    curves.append(attacks.roc_table(subject, audit.scores, len(train)))
    places = np.concatenate([np.arange(len(train)), len(train) + rows])
    for attack, values in audit.scores.items():
        scores.loc[places, f"{attack}.{subject}"] = values

nobody = white_box.negative_control_estimates(
    by_loss, (half, other_half), attacked.rare[1], count, seed
)
sizes = {"all": len(test), membership.RARE: int(attacked.rare[1].sum())}
metrics.add(NEGATIVE_CONTROL, nobody, sizes, attacks.UNLESS)
metrics.add(REAL, privacy.screen_real(attacked), len(test), screening.UNLESS)
metrics.add(REAL, privacy.forecast_attack(train, reference), train.sizes, screening.UNLESS)
write_table(metrics.table(), snakemake.output.metrics)
write_table(pd.concat(curves), snakemake.output.curves)
write_restricted(scores, snakemake.output.scores)
