"""Train risk models on each cohort and test them on the held-out real people."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from functools import partial

import pandas as pd

from snpgen.baselines.registry import REAL, SHUFFLED
from snpgen.evaluation import augmentation, utility
from snpgen.evaluation.augmentation import compare_added, draw_shares, predict_added
from snpgen.evaluation.cohorts import (
    read_cohort,
    real_cohorts,
    shuffle_labels,
    shuffled_cohort,
)
from snpgen.evaluation.intervals import Estimate
from snpgen.evaluation.metrics_table import (
    FLOOR,
    Metrics,
    write_restricted,
    write_table,
)
from snpgen.io.panel import load_panel, read_samples, read_variants
from snpgen.io.plink import allele_frequency
from snpgen.job import derive_seed, log
from snpgen.progress import track

seed = derive_seed(snakemake.params.seed, "evaluate_utility", snakemake.wildcards.phenotype)
count = snakemake.params.evaluation["bootstraps"]
variants = read_variants(snakemake.input.variants)
panel = load_panel(snakemake.input.panel)
real = real_cohorts(panel)
train, test = real["train"], real["test"]
sources = {
    REAL: lambda: train,
    SHUFFLED: lambda: shuffled_cohort(
        panel, variants, derive_seed(snakemake.params.seed, SHUFFLED)
    ),
    FLOOR: lambda: shuffle_labels(train, derive_seed(seed, "floor")),
}
for bed, subject in zip(snakemake.input.synthetic, snakemake.params.subjects, strict=True):
    sources[subject] = partial(read_cohort, bed, subject, variants)

frequency = allele_frequency(train.dosages)
shares = draw_shares(train.phenotype, derive_seed(seed, "shares"))
fixed = test.dosages, frequency, derive_seed(seed, "models"), snakemake.threads
risks, added = {}, {}
for subject, read_source in track(sources.items(), "cohorts"):
    log.info("models trained on %s", subject)
    source = read_source()  # one at a time, since a cohort may be large
    risks[subject] = utility.predict_risks(source, *fixed)
    if subject not in (REAL, FLOOR):
        added[subject] = predict_added(train, shares, source, *fixed)
alone = predict_added(train, shares, None, *fixed)
added[REAL] = dict.fromkeys(alone, risks[REAL]["ridge"])  # with all others added: everybody
added[FLOOR] = alone

metrics = Metrics(snakemake.wildcards.phenotype, "utility")
scores = {"IID": panel.iid[panel.split == "test"], "phenotype": test.phenotype}
resamples = count, derive_seed(seed, "test people")
for model in utility.MODELS:
    of_model = {subject: found[model] for subject, found in risks.items()}
    figures = utility.compare_risks(test.phenotype, of_model, model, *resamples)
    for subject, risk in of_model.items():
        metrics.add(subject, figures[subject], len(test), utility.UNLESS)
        scores[f"{model}.{subject}"] = risk
for subject, of_share in added.items():
    figures = compare_added(test.phenotype, alone, of_share, *resamples)
    metrics.add(subject, figures, len(test), augmentation.UNLESS)
    for share, risk in of_share.items():
        scores[f"ridge.{subject}.added_to_{share}"] = risk

comparators = read_samples(snakemake.input.comparator_scores)
for name, score in comparators.set_index("IID").loc[scores["IID"]].items():
    figures = utility.judge_score(test.phenotype, score.to_numpy(), *resamples)
    metrics.add(name, figures, len(test), utility.UNLESS)
told = pd.read_csv(
    snakemake.input.comparators,
    sep="\t",
    dtype={"subject": str},
    keep_default_na=False,
    na_values=["NA"],
)
for row in told.itertuples():
    figures = {(row.metric, "all"): Estimate(row.value)}
    metrics.add(row.subject, figures, len(test), "no threshold could be chosen")
for subject in risks:
    if subject != FLOOR:
        metrics.add(subject, {("n_snps", "all"): Estimate(len(variants))}, len(test), "")

write_table(metrics.table(), snakemake.output.metrics)
write_restricted(pd.DataFrame(scores), snakemake.output.scores)
