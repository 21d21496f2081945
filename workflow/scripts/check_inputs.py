"""Check all input except genotype calls, and write a summary of the input."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import json
import math
from pathlib import Path

import pandas as pd

from snpgen.association.external_sumstats import check_external_sumstats
from snpgen.association.frequency_attack import max_selection_factor
from snpgen.association.null_model import fit_covariates
from snpgen.association.selection import PanelSettings
from snpgen.association.variant_lists import read_lists
from snpgen.cohort.covariates import check_collinear, expand_covariates
from snpgen.cohort.phenotype import QUANTITATIVE, find_samples, read_groups
from snpgen.cohort.qc import check_info, check_kinship, check_variants, exclude_samples
from snpgen.cohort.separation import check_separation
from snpgen.cohort.split import (
    check_numbers,
    check_split,
    count_related_across,
    read_split,
    split_cohort,
)
from snpgen.evaluation.external_cohort import match_variants, open_external_cohort
from snpgen.evaluation.scoring_files import check_scoring_overlap, read_scoring_files
from snpgen.evaluation.truth import check_causal, read_causal
from snpgen.generator.hyperparameters import complete_for_dp, size_multiple
from snpgen.genetics.builds import read_markers
from snpgen.genetics.kinship import KINSHIP_COLUMNS, check_size, read_kinship
from snpgen.io.imputation_quality import read_info
from snpgen.io.plink import open_fileset
from snpgen.io.samples import are_joined
from snpgen.job import derive_seed
from snpgen.report.earlier import read_earlier_releases
from snpgen.report.input_summary import (
    describe_divided,
    describe_dp,
    describe_kinship,
    describe_matches,
    describe_memory,
    describe_panel,
    describe_privacy,
    describe_samples,
    forecast_overall,
    smallest_class,
    write_summary,
)

inputs, params, settings = snakemake.input, snakemake.params, snakemake.params.settings
phenotype, split = settings["phenotype"], settings["split"]
classes = phenotype.get("classes", [])
markers = read_markers(inputs.markers)

# Cohort
fileset = open_fileset(params.genotypes, params.chromosomes)
variants = check_variants(fileset, params.chromosomes, markers, params.build)
present, match = exclude_samples(fileset.samples, inputs.exclude_samples)
matches = [match] if match else []
if inputs.info:
    path = ", ".join(inputs.info)
    matches.append(check_info(read_info(inputs.info), fileset.variants.iloc[variants], path))
for one in read_earlier_releases(settings["release"]["earlier"], fileset.samples, params.build):
    matches += one.matches
kinship = pd.DataFrame(columns=KINSHIP_COLUMNS)
if inputs.kinship:
    kinship = read_kinship(inputs.kinship, are_joined(present.IID))
    matches += check_kinship(kinship, fileset.samples, inputs.kinship)
elif not inputs.split:
    check_size(len(present), settings["kinship"]["max_samples"])

# Phenotype and split
min_matched = settings["cohort"]["min_matched"]
samples, funnel = find_samples(
    present, inputs.tables, phenotype, settings["conditions"], min_matched
)
check_numbers(samples, funnel, classes)
covariates = phenotype.get("covariates", []), phenotype.get("categorical", [])
check_collinear(samples, *covariates)
logistic = phenotype["coding"] != QUANTITATIVE
if logistic:
    check_separation(samples, *covariates, "the included individuals")
if settings["evaluation"]["group"]:
    read_groups(present, inputs.tables, settings["evaluation"]["group"], samples.IID)
if inputs.split:
    samples["split"], match = read_split(inputs.split, samples, min_matched)
    matches.append(match)
    samples = samples[samples.split.notna()]
else:
    seed = derive_seed(settings["seed"], "split")
    max_kinship = split["max_kinship"]
    samples["split"], _ = split_cohort(samples.IID, [samples], kinship, split, max_kinship, seed)
check_split(samples, classes, inputs.split, params.min_cell)
related = count_related_across(samples, kinship)
in_training = samples[samples.split == "train"]
if logistic:
    check_separation(in_training, *covariates, "the training set")
    columns = expand_covariates(in_training, *covariates).drop(columns="IID")
    fit_covariates(in_training.phenotype.to_numpy(float), columns, logistic)

# Panel and evaluation
lists = read_lists(inputs.include, inputs.exclude, fileset.variants)
if inputs.sumstats:
    build = settings["panel"]["sumstats_build"]
    check_external_sumstats(inputs.sumstats, fileset.variants.iloc[variants], markers, build)
scores = read_scoring_files(inputs.scoring_files, params.build, markers)
check_scoring_overlap(scores, fileset.variants.iloc[variants])
if inputs.causal:
    causal = read_causal(inputs.causal)
    matches.append(check_causal(causal, fileset.variants, inputs.causal))
available = len(variants)
if inputs.external_cohort:
    bed = inputs.external_cohort[0]
    matched, _ = match_variants(
        open_external_cohort(bed).variants, fileset.variants.iloc[variants], bed
    )
    available = len(matched)

panel = PanelSettings.of(settings["panel"])
size = min(panel.largest, available)
n_train = len(in_training)
dp = settings["differential_privacy"]
if dp["epsilon"] and not inputs.external_cohort:
    from snpgen.generator.dp import allocate_privacy_budget  # imports torch, which is slow

    training = complete_for_dp(settings, n_train)
    budget = allocate_privacy_budget(**dp, n_samples=n_train, training=training)
    noise = budget.noise["frequencies"]
    privacy, expected = describe_dp(samples, size, budget.epsilon, budget.delta, noise), None
else:
    listed = size if inputs.sumstats else int((lists.list == "include").sum())
    chosen = max(0, size - listed)
    others = 1 - smallest_class(samples)[1] / n_train
    # Variants that the GWAS did not select dilute its selection.
    selection = 1 + (max_selection_factor(chosen, len(variants), others) - 1) * chosen / size
    sampling = settings["sampling"]
    multiple = math.inf if sampling["systematic"] else size_multiple(n_train, sampling["size"])
    if inputs.external_cohort:
        multiple = 1.0
    expected = forecast_overall(samples, size, multiple)
    privacy = describe_privacy(samples, size, multiple, selection, params.max_forecast_auc)
is_estimated = not (inputs.kinship or inputs.split)
lines = [
    *describe_samples(len(present), samples, len(variants)),
    *describe_matches([funnel, *(match.funnel() for match in matches)]),
    *(describe_kinship(len(variants), len(present), split["max_kinship"]) if is_estimated else []),
    *describe_divided(related),
    *describe_panel(panel, available, n_train),
    *privacy,
    *describe_memory(*params.largest_job),
]
write_summary(snakemake.output.summary, f"Input of {snakemake.wildcards.phenotype}", lines)
forecast = {"auc": expected, "limit": params.max_forecast_auc}
Path(snakemake.output.forecast).write_text(json.dumps(forecast) + "\n")
