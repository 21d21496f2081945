"""Train risk models on each cohort and evaluate them in test individuals."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from functools import partial

import pandas as pd

from snpgen.baselines.registry import REAL, SHUFFLED
from snpgen.evaluation import utility
from snpgen.evaluation.augmentation import (
    MAX_SAMPLES,
    compare_added,
    predict_added,
    sample_shares,
)
from snpgen.evaluation.cohorts import cohort_readers, limit_size, load_real, shuffle_labels
from snpgen.evaluation.intervals import Estimate
from snpgen.evaluation.metrics import MODELS
from snpgen.evaluation.metrics_table import FLOOR, Metrics, write_restricted, write_table
from snpgen.genetics.ancestry import fit_ancestry
from snpgen.io.panel import read_samples
from snpgen.job import derive_seed, log
from snpgen.progress import track

seed = derive_seed(snakemake.params.seed, "evaluate_utility", snakemake.wildcards.phenotype)
count = snakemake.params.evaluation["bootstraps"]
real = load_real(snakemake.input.panel, snakemake.input.variants, snakemake.input.groups)
train, test, variants = real.train, real.test, real.variants
sources = {
    REAL: lambda: train,
    SHUFFLED: partial(real.shuffled, snakemake.params.seed),
    FLOOR: lambda: shuffle_labels(train, derive_seed(seed, "floor")),
    **cohort_readers(snakemake.input.synthetic, snakemake.params.subjects, variants),
}
shared = limit_size(train, MAX_SAMPLES, derive_seed(seed, "augmentation"))
shares = sample_shares(shared.phenotype, derive_seed(seed, "shares"))
fixed = test.dosages, real.frequency, derive_seed(seed, "models"), snakemake.threads
ancestry = fit_ancestry(train.dosages, train.phenotype, variants)
risks, added, adjusted = {}, {}, {}
for subject, read_source in track(sources.items(), "cohorts"):
    log.info("training models on the cohort %s", subject)
    source = read_source()
    risks[subject] = utility.predict_risks(source, *fixed)
    adjusted[subject] = utility.prs_given_pcs(source, test.dosages, real.frequency, ancestry)
    if subject not in (REAL, FLOOR):
        added[subject] = predict_added(shared, shares, source, *fixed)
    del source  # before the next cohort is read
alone = predict_added(shared, shares, None, *fixed)
added[REAL] = dict.fromkeys(alone, alone[100])
added[FLOOR] = alone

metrics = Metrics(snakemake.wildcards.phenotype, "utility")
scores = {"IID": real.panel.iid[real.panel.split == "test"], "phenotype": test.phenotype}
resamples = count, derive_seed(seed, "test people")
for model in MODELS:
    of_model = {subject: by_model[model] for subject, by_model in risks.items()}
    estimates = utility.compare_risks(test.phenotype, of_model, model, *resamples)
    for subject, risk in of_model.items():
        metrics.add(subject, estimates[subject], len(test))
        scores[f"{model}.{subject}"] = risk
for subject, score in adjusted.items():
    estimates = utility.evaluate_adjusted_score(test.phenotype, score, *resamples)
    metrics.add(subject, estimates, len(test))
    scores[f"prs_given_pcs.{subject}"] = score
for subject, by_share in added.items():
    estimates = compare_added(test.phenotype, alone, by_share, *resamples)
    metrics.add(subject, estimates, len(test))
    for share, risk in by_share.items():
        scores[f"ridge.{subject}.added_to_{share}"] = risk

comparators = read_samples(snakemake.input.comparator_scores)
for name, score in comparators.set_index("IID").loc[scores["IID"]].items():
    estimates = utility.evaluate_score(test.phenotype, score.to_numpy(), *resamples)
    metrics.add(name, estimates, len(test))
for row in pd.read_csv(snakemake.input.comparators, sep="\t", dtype={"subject": str}).itertuples():
    metrics.add(row.subject, {(row.metric, "all"): Estimate(row.value)}, len(test))
for subject in risks:
    if subject != FLOOR:
        metrics.add(subject, {("n_snps", "all"): Estimate(len(variants))}, len(test))

write_table(metrics.table(), snakemake.output.metrics)
write_restricted(pd.DataFrame(scores), snakemake.output.scores)
