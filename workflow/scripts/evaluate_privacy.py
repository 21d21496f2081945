"""Audit the privacy of each synthetic cohort: screening, membership and phenotype inference."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from dataclasses import replace

import pandas as pd

from snpgen.baselines.registry import SUBJECTS
from snpgen.evaluation import attacks, membership, privacy, white_box
from snpgen.evaluation.cohorts import cohort_readers, load_real, read_phenotypes
from snpgen.evaluation.metrics_table import Metrics, write_restricted, write_table
from snpgen.job import derive_seed, log
from snpgen.progress import track

phenotype, subjects = snakemake.wildcards.phenotype, snakemake.params.subjects
main = subjects[0]
seed = derive_seed(snakemake.params.seed, "evaluate_privacy", phenotype)
count, threads = snakemake.params.evaluation["bootstraps"], snakemake.threads
real = load_real(snakemake.input.panel, snakemake.input.variants)
knowledge = privacy.read_knowledge(real.variants, snakemake.input.prior, real.panel)
by_loss = white_box.read_scores(snakemake.input.losses, snakemake.input.shadows, real.panel)

smallest = min(map(len, read_phenotypes(snakemake.input.samples)))
targets = membership.prepare(
    real.train, real.test, real.validation, real.frequency, smallest, seed, threads
)
metrics = Metrics(phenotype, "privacy")
scores = [privacy.score_table(real.panel)]
readers = cohort_readers(snakemake.input.synthetic, subjects, real.variants)
for subject, read_release in track(readers.items(), "cohorts"):
    log.info("running the attacks on the cohort %s", subject)
    release = read_release()
    networks = by_loss if subject == main else None  # only networks of the main cohort are attacked
    # Baselines made of real genotypes have the differences of the training individuals.
    from_target = SUBJECTS[subject.partition(".")[0]].releasable
    known = replace(knowledge, external=knowledge.external and from_target)
    audit = privacy.audit_release(release, targets, count, seed, threads, networks, known)
    privacy.add_audit(metrics, subject, audit, len(release), targets)
    scores.append(pd.DataFrame(audit.scores).add_suffix(f".{subject}"))
    if subject == main:
        curves = attacks.roc_table(main, audit.scores, len(real.train))
    del release  # before the next cohort is read

write_table(metrics.table(), snakemake.output.metrics)
write_table(curves, snakemake.output.curves)
write_restricted(pd.concat(scores, axis=1), snakemake.output.scores)
