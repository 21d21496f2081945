"""Ask of one synthetic cohort what it says about who was in training."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from snpgen.evaluation import attacks, membership, privacy, white_box
from snpgen.evaluation.cohorts import read_cohort, real_cohorts
from snpgen.evaluation.metrics_table import Metrics, write_restricted, write_table
from snpgen.io.panel import load_panel, read_variants
from snpgen.io.plink import allele_frequency
from snpgen.job import derive_seed

phenotype, subject = snakemake.wildcards.phenotype, snakemake.wildcards.subject
seed = derive_seed(snakemake.params.seed, "evaluate_privacy", phenotype)
count, threads = snakemake.params.evaluation["bootstraps"], snakemake.threads
variants = read_variants(snakemake.input.variants)
panel = load_panel(snakemake.input.panel)
real = real_cohorts(panel)
train, test, reference = real["train"], real["test"], real["validation"]
release = read_cohort(snakemake.input.synthetic, subject, variants)
by_loss = white_box.read_scores(snakemake.input.losses, snakemake.input.shadows, panel)

frequency = allele_frequency(train.dosages)
samples = membership.prepare(train, test, reference, frequency, len(release), seed, threads)
audit = privacy.audit_release(release, samples, count, seed, threads, by_loss)

metrics = Metrics(phenotype, "privacy")
privacy.add_audit(metrics, subject, audit, len(release), samples)
write_table(metrics.table(), snakemake.output.metrics)
curves = attacks.roc_table(subject, audit.scores, len(train))
write_table(curves, snakemake.output.curves)
write_restricted(privacy.score_table(panel).assign(**audit.scores), snakemake.output.scores)
