"""Evaluate each cohort by ancestry group, and its long-range structure."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from functools import partial

import pandas as pd

from snpgen.baselines.registry import BALANCED, NEGATIVE_CONTROL, REAL, SHUFFLED, TEST
from snpgen.evaluation import groups
from snpgen.evaluation.cohorts import cohort_readers, load_real, shuffle_columns
from snpgen.evaluation.group_auc import evaluate_attacks, evaluate_predictions
from snpgen.evaluation.grouping import GroupClassifier, fit_structure_components
from snpgen.evaluation.metrics import MODELS
from snpgen.evaluation.metrics_table import FLOOR, Metrics, write_table
from snpgen.evaluation.structure import map_samples
from snpgen.io.panel import read_samples
from snpgen.io.tables import read_own_table
from snpgen.job import derive_seed, log
from snpgen.progress import track

phenotype, paths = snakemake.wildcards.phenotype, snakemake.input
seed = derive_seed(snakemake.params.seed, "evaluate_groups", phenotype)
real = load_real(paths.panel, paths.variants, paths.groups)
train, train_groups = real.train, real.groups("train")
components = fit_structure_components(train, real.variants)
table = read_own_table(paths.groups, str, missing=())
labels = table.label[table.split == "train"].to_numpy(str)
classifier = GroupClassifier(components, train, labels)
settings = snakemake.params.evaluation
reference = groups.GroupReference(
    real, classifier.names, components, settings, seed, snakemake.threads
)

sources = {
    REAL: lambda: train,
    SHUFFLED: partial(real.shuffled, snakemake.params.seed),
    FLOOR: lambda: shuffle_columns(train, derive_seed(seed, "floor"), train_groups),
    **cohort_readers(paths.synthetic, snakemake.params.subjects, real.variants),
}

domains = {name: Metrics(phenotype, name) for name in ("fidelity", "utility", "privacy")}
test_scores = read_samples(paths.scores)
placed, shown = {}, {}  # coordinates and groups of the individuals in the figure
for subject, read_source in track(sources.items(), "cohorts"):
    log.info("evaluating the cohort %s by group", subject)
    cohort = read_source()
    assigned = train_groups if subject in (REAL, FLOOR) else classifier.assign(cohort)
    parts = groups.compare_by_group(cohort, assigned, reference)
    parts.append(groups.describe_individuals(cohort, assigned, reference))
    if subject != BALANCED:  # the balanced cohort has another prevalence
        parts.append(groups.count_groups(cohort, assigned, reference))
    for part in parts:
        domains["fidelity"].add(subject, *part)
    names = [*MODELS, "prs_given_pcs"]
    scores = {name: test_scores[f"{name}.{subject}"].to_numpy() for name in names}
    part = evaluate_predictions(real.test.phenotype, scores, reference)
    domains["utility"].add(subject, *part)
    if subject not in (SHUFFLED, FLOOR):
        placed[subject], shown[subject] = components.project(cohort)[:2], assigned
    del cohort  # before the next cohort is read
placed[TEST], shown[TEST] = components.project(real.test)[:2], real.groups("test")

attacked = dict.fromkeys(snakemake.params.subjects, read_samples(paths.membership))
attacked[NEGATIVE_CONTROL] = read_samples(paths.controls)
for subject, membership_scores in attacked.items():
    domains["privacy"].add(subject, *evaluate_attacks(membership_scores, subject, reference))

tables = [metrics.table() for metrics in domains.values()]
write_table(pd.concat(tables), snakemake.output.metrics)
write_table(map_samples(placed, shown), snakemake.output.components)
