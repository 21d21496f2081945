"""Attack the released cohorts of all phenotypes together: individuals in all training sets."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from collections import defaultdict

from snpgen.cohort.shared_frequencies import choose_set
from snpgen.evaluation.joint import (
    Scores,
    forecast_differences,
    measure_joint_attacks,
    read_attacks,
)
from snpgen.evaluation.metrics_table import write_table
from snpgen.io.panel import read_samples, read_variants
from snpgen.io.samples import are_joined, read_keep
from snpgen.io.tables import read_own_table
from snpgen.job import derive_seed

paths, params = snakemake.input, snakemake.params
subjects: dict[str, Scores] = defaultdict(dict)
forecasts = {}
for name, own, controls, forecast in zip(
    params.phenotypes, paths.scores, paths.controls, paths.forecasts, strict=True
):
    text = ["IID", "split"]
    tables = read_own_table(own, text), read_own_table(controls, text)
    for subject, scores in read_attacks(*tables).items():
        subjects[subject][name] = scores
    forecasts[name] = read_own_table(forecast, ["stratum", "attack"])
    if name in params.private:  # with differential privacy, frequencies have another noise
        forecasts[name] = forecasts[name][:0]

seed, evaluation = derive_seed(params.seed, "evaluate_joint"), params.evaluation
attacks = measure_joint_attacks(
    subjects, forecasts, params.min_cell, evaluation["bootstraps"], seed
)
write_table(attacks, snakemake.output.attacks)
panels = dict(zip(params.phenotypes, map(read_variants, paths.panels), strict=True))
labels, counted = {}, {}
for name, path, keep in zip(params.phenotypes, paths.splits, paths.samples, strict=True):
    if name in params.private:  # noise protects those who are in one cohort only
        del panels[name]
        continue
    split = read_samples(path)
    train = split[split.split == "train"].set_index("IID")
    labels[name] = train.get("value", train.phenotype)
    shared = set(read_keep(keep, are_joined(split.IID)))
    counted[name] = choose_set(set(train.index), shared, name in params.conditioned)
write_table(forecast_differences(panels, labels, counted), snakemake.output.differences)
