"""Check all that the user gave, without reading genotypes, and write what the run will use."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import pandas as pd

from snpgen.association.external_sumstats import check_external_build, peek_external_sumstats
from snpgen.association.selection import read_lists
from snpgen.cohort.covariates import check_collinear
from snpgen.cohort.phenotype import find_samples
from snpgen.cohort.qc import check_info, check_kinship, check_variants
from snpgen.cohort.split import (
    check_numbers,
    check_split,
    read_split,
    split_samples,
)
from snpgen.evaluation.association import read_truth
from snpgen.evaluation.external_cohort import match_variants, open_external_cohort
from snpgen.evaluation.scoring_files import read_scoring_files
from snpgen.generator.hyperparameters import complete_for_dp
from snpgen.genetics.builds import read_markers
from snpgen.genetics.kinship import KINSHIP_COLUMNS, check_size, read_kinship
from snpgen.input_summary import (
    describe_dp,
    describe_memory,
    describe_privacy,
    describe_samples,
    make_sizes,
    write_plan,
)
from snpgen.io.plink import open_fileset
from snpgen.io.sumstats import read_info
from snpgen.job import derive_seed

given, params, settings = snakemake.input, snakemake.params, snakemake.params.settings
phenotype, split, calibration = (settings[key] for key in ("phenotype", "split", "calibration"))
classes = phenotype.get("classes", [])
markers = read_markers(given.markers)

fileset = open_fileset(params.genotypes, params.chromosomes)
variants = check_variants(fileset, params.chromosomes, markers, params.build)
if given.info:
    check_info(read_info(given.info), fileset.variants, given.info)
kinship = pd.DataFrame(columns=KINSHIP_COLUMNS)
if given.kinship:
    kinship = read_kinship(given.kinship)
    check_kinship(kinship, fileset.samples, given.kinship)
elif not given.split:
    check_size(len(fileset.samples), settings["kinship"]["max_samples"])
individuals, _ = find_samples(fileset.samples, given.tables, phenotype, settings["conditions"])
check_numbers(individuals, classes)
check_collinear(individuals, phenotype.get("covariates", []), phenotype.get("categorical", []))
if given.split:
    individuals["split"] = read_split(given.split, individuals.IID)
    individuals = individuals[individuals.split.notna()]
else:
    seed = derive_seed(settings["seed"], "split")
    individuals["split"], _ = split_samples(individuals, kinship, split, split["max_kinship"], seed)
check_split(individuals, classes)
lists = read_lists(given.include, given.exclude, fileset.variants)
if given.external:
    external = peek_external_sumstats(given.external, markers)
    check_external_build(external, markers, settings["panel"]["sumstats_build"])
read_scoring_files(given.scoring_files, params.build, markers)
if given.causal:
    read_truth(given.causal)
there = len(variants)
if given.given:
    ours = fileset.variants.iloc[variants]
    there = len(
        match_variants(open_external_cohort(given.given[0]).variants, ours, given.given[0])[0]
    )

sizes = make_sizes(individuals, len(variants), min(settings["panel"]["size"], there))
noise, promise = 0.0 if given.given else calibration["noise"], settings["differential_privacy"]
if promise["epsilon"] and not given.given:
    from snpgen.generator.dp import allocate_privacy_budget  # torch, which is slow to load

    budget = allocate_privacy_budget(
        **promise,
        n_samples=sizes.training,
        training=complete_for_dp(settings, sizes.training),
    )
    account = budget.epsilon, budget.delta, budget.noise["frequencies"]
    privacy = describe_dp(individuals, sizes.panel, *account)
else:
    named = sizes.panel if given.external else int((lists.list == "include").sum())
    chosen = max(0, sizes.panel - named)
    privacy = describe_privacy(individuals, sizes, chosen, calibration["max_forecast_auc"], noise)
lines = [
    *describe_samples(len(fileset.samples), individuals, sizes),
    *privacy,
    *describe_memory(*params.largest_job),
]
write_plan(snakemake.output.plan, snakemake.wildcards.phenotype, lines)
