"""Train risk models on each cohort and test them on the held-out real people."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import pandas as pd

from snpgen.evaluation import utility
from snpgen.evaluation.cohorts import (
    read_cohorts,
    real_cohorts,
    shuffle_labels,
    shuffle_people,
)
from snpgen.evaluation.table import FLOOR, REAL, SHUFFLED, Metrics, write_table
from snpgen.job import derive_seed, log
from snpgen.panel import load_panel, read_variants
from snpgen.plink import allele_frequency

seed = derive_seed(snakemake.params.seed, "evaluate_utility", snakemake.wildcards.phenotype)
count = snakemake.params.evaluation["bootstraps"]
variants = read_variants(snakemake.input.variants)
panel = load_panel(snakemake.input.panel)
real = real_cohorts(panel)
train, test = real["train"], real["test"]
sources = {
    REAL: train,
    SHUFFLED: shuffle_people(panel, variants, derive_seed(snakemake.params.seed, SHUFFLED)),
    FLOOR: shuffle_labels(train, derive_seed(seed, "floor")),
}
sources |= read_cohorts(snakemake.input.synthetic, snakemake.params.subjects, variants)

frequency = allele_frequency(train.dosages)
risks = {}
for subject, source in sources.items():
    log.info("models trained on %s", subject)
    risks[subject] = utility.predict_risks(
        source, test.dosages, frequency, derive_seed(seed, "models"), snakemake.threads
    )

metrics = Metrics(snakemake.wildcards.phenotype, "utility")
scores = pd.DataFrame({"IID": panel.iid[panel.split == "test"], "phenotype": test.phenotype})
for model in utility.MODELS:
    of_model = {subject: found[model] for subject, found in risks.items()}
    figures = utility.compare_risks(
        test.phenotype, of_model, model, count, derive_seed(seed, "test people")
    )
    for subject, risk in of_model.items():
        metrics.add(subject, figures[subject], len(test), utility.UNLESS)
        scores[f"{model}.{subject}"] = risk

write_table(metrics.table(), snakemake.output.metrics)
write_table(scores, snakemake.output.scores)
