"""Audit the privacy of one synthetic cohort: screening, membership and phenotype inference."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from snpgen.evaluation import attacks, membership, privacy, white_box
from snpgen.evaluation.cohorts import load_real, read_cohort
from snpgen.evaluation.metrics_table import Metrics, write_restricted, write_table
from snpgen.job import derive_seed

phenotype, subject = snakemake.wildcards.phenotype, snakemake.wildcards.subject
seed = derive_seed(snakemake.params.seed, "evaluate_privacy", phenotype)
count, threads = snakemake.params.evaluation["bootstraps"], snakemake.threads
real = load_real(snakemake.input.panel, snakemake.input.variants)
release = read_cohort(snakemake.input.synthetic, subject, real.variants)
knowledge = privacy.read_knowledge(real.variants, snakemake.input.prior, real.panel)
by_loss = white_box.read_scores(snakemake.input.losses, snakemake.input.shadows, real.panel)

targets = membership.prepare(
    real.train, real.test, real.validation, real.frequency, len(release), seed, threads
)
audit = privacy.audit_release(release, targets, count, seed, threads, by_loss, knowledge)

metrics = Metrics(phenotype, "privacy")
privacy.add_audit(metrics, subject, audit, len(release), targets)
write_table(metrics.table(), snakemake.output.metrics)
curves = attacks.roc_table(subject, audit.scores, len(real.train))
write_table(curves, snakemake.output.curves)
scores = privacy.score_table(real.panel).assign(**audit.scores)
write_restricted(scores, snakemake.output.scores)
