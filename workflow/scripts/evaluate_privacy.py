"""Ask of each synthetic cohort, and of two controls, what it says about who was in training."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from collections import Counter

import numpy as np

from snpgen.evaluation import attacks, privacy
from snpgen.evaluation.cohorts import read_cohorts, real_cohorts
from snpgen.evaluation.table import REAL, Metrics, write_table
from snpgen.job import derive_seed, log
from snpgen.panel import load_panel, read_variants
from snpgen.plink import allele_frequency

seed = derive_seed(snakemake.params.seed, "evaluate_privacy", snakemake.wildcards.phenotype)
count = snakemake.params.evaluation["bootstraps"]
variants = read_variants(snakemake.input.variants)
panel = load_panel(snakemake.input.panel)
real = real_cohorts(panel)
train, test, reference = real["train"], real["test"], real["validation"]
synthetic = read_cohorts(snakemake.input.synthetic, snakemake.params.subjects, variants)

iid = panel.iid[panel.split == "test"]
families = privacy.read_families(snakemake.input.kinship, snakemake.input.split, iid)
half, other_half = privacy.halve(test.phenotype, families, derive_seed(seed, "null"))
planted = privacy.plant_copies(
    synthetic[snakemake.params.subjects[0]], train, derive_seed(seed, "planted_copy")
)
everybody = np.arange(len(test))
frequency = allele_frequency(train.dosages)
audited = {subject: (cohort, everybody) for subject, cohort in synthetic.items()}
audited |= {"planted_copy": (planted, everybody), "null": (test.take(half), other_half)}

metrics = Metrics(snakemake.wildcards.phenotype, "privacy")
scores, draws = privacy.score_table(panel), derive_seed(seed, "audit")
for subject, (release, rows) in audited.items():
    log.info("privacy of %s", subject)
    others = test.take(rows)
    audit = privacy.audit_release(
        *(release, train, others, reference, frequency), count, draws, snakemake.threads
    )
    metrics.add(subject, audit.screening, len(release), privacy.UNLESS)
    attacked = Counter(train.sizes) + Counter(others.sizes)
    metrics.add(subject, audit.attacks, attacked, attacks.UNLESS)
    people = np.concatenate([np.arange(len(train)), len(train) + rows])
    for attack, values in audit.scores.items():
        scores.loc[people, f"{attack}.{subject}"] = values

forecast = privacy.forecast_attack(train, reference)
metrics.add(REAL, forecast, train.sizes, privacy.UNLESS)
write_table(metrics.table(ceiling="null"), snakemake.output.metrics)
write_table(scores, snakemake.output.scores)
