"""The configuration, and input functions. They return the files that a rule reads for a phenotype."""

import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

# This process and the jobs write neither bytecode nor code compiled by numba into the checkout, because it
# may be a shared installation that is read-only.
sys.dont_write_bytecode = True
os.environ |= {"PYTHONDONTWRITEBYTECODE": "1"}
sys.path.insert(0, str(Path(workflow.current_basedir).parent / "scripts"))
from snpgen.config import (
    Sources,
    expand_chromosomes,
    forecast_limit,
    load_settings,
    repeat_command,
)
from snpgen.input_files import (
    SIMULATED,
    check_files,
    check_writable,
    list_files,
    list_pgen,
    list_plink,
    list_tables,
)
from snpgen.messages import InputError
from snpgen.report.failures import describe_failures, find_failures
from snpgen.report.provenance import choose_numba_cache
from snpgen.report.registry import figure_names, figures_of

choose_numba_cache()

OVERRIDES = [str(file) for file in workflow.overwrite_configfiles]  # files of --configfile
# Snakemake lists the files of --configfile first, but merges them last.
CONFIGFILES = sorted(map(str, workflow.configfiles), key=lambda file: file in OVERRIDES)
CHANGES = workflow.config_settings.config  # keys of --config
try:
    SETTINGS = load_settings(config, Sources(tuple(CONFIGFILES), CHANGES))
    CHROMOSOMES = expand_chromosomes(config["cohort"]["chromosomes"], config["cohort"]["build"])
    check_files(config["cohort"], SETTINGS, CHROMOSOMES)
    check_writable([".", ".snakemake", "results", "logs", "benchmarks"])
except InputError as error:
    raise WorkflowError(str(error))

COMMAND = repeat_command(OVERRIDES, CHANGES)
PHENOTYPES = list(SETTINGS)
EXTERNAL = [name for name in PHENOTYPES if SETTINGS[name]["external_cohort"]]
GENERATED = [name for name in PHENOTYPES if name not in EXTERNAL]
COMPARISON = ["results/comparison.html"] if len(PHENOTYPES) > 1 else []
JOINT = ["results/cohort/joint_attacks.tsv"] if len(GENERATED) > 1 else []
DIFFERENCES = ["results/cohort/joint_differences.tsv"] if JOINT else []
SPLITS = ["train", "validation", "test"]
CONVERTED = "results/cohort/plink/"
INTERNAL = (SIMULATED, CONVERTED)  # filesets that rules write
GENOTYPES = config["cohort"]["genotypes"].removesuffix(".bed")
IS_PGEN = GENOTYPES.endswith(".pgen")  # converted to PLINK 1 by the first rule
FILESETS = GENOTYPES
if IS_PGEN:
    FILESETS = CONVERTED + ("chr{chromosome}" if "{chromosome}" in GENOTYPES else "cohort")


wildcard_constraints:
    phenotype="|".join(PHENOTYPES),
    chromosome="|".join(CHROMOSOMES),
    chunk="[0-9]+",
    replicate=r"(\.[0-9]+)?",
    shadow="[0-9]+",
    fileset="cohort|chr[0-9]+",
    subject=r"[a-z_]+(\.[0-9]+)?",


def unprefixed(files):
    """Input files of the user, without the prefix of a Snakemake module; [] if there are none."""
    if not files:
        return []
    if isinstance(files, str):
        return files if files.startswith(INTERNAL) else local(files)
    return [unprefixed(file) for file in files]


def setting(path):
    """A function for params: the value at "section/key" in the settings of the phenotype."""

    def of_phenotype(wildcards):
        value = SETTINGS[wildcards.phenotype]
        for key in path.split("/"):
            value = value[key]
        return value

    return of_phenotype


def settings_of(wildcards):
    """All settings of the phenotype."""
    return SETTINGS[wildcards.phenotype]


def min_cell_of(wildcards):
    """The smallest number of individuals in a release, 0 for an external cohort, which is not released."""
    settings = SETTINGS[wildcards.phenotype]
    return 0 if settings["external_cohort"] else settings["release"]["min_cell"]


# Cohort


def plink_files(chromosomes):
    """The .bed, .bim and .fam files with these chromosomes."""
    return unprefixed(list_plink(FILESETS, chromosomes))


def all_genotypes(wildcards):
    """The PLINK 1 filesets of all chromosomes."""
    return plink_files(CHROMOSOMES)


def chromosome_genotypes(wildcards):
    """The PLINK 1 fileset with one chromosome."""
    return plink_files([wildcards.chromosome])


def genotype_pattern(wildcards, input):
    """The path of the PLINK 1 filesets; the script replaces its {chromosome}."""
    folder = next((folder for folder in INTERNAL if FILESETS.startswith(folder)), None)
    prefix = input.genotypes[0].rpartition(folder)[0] if folder else ""  # prefix of a module
    return prefix + FILESETS


def pgen_fileset(wildcards):
    """The PLINK 2 fileset that is converted to a PLINK 1 fileset."""
    return unprefixed(list_pgen(GENOTYPES, [wildcards.fileset.removeprefix("chr")]))


def first_psam(wildcards):
    """The .psam of the first chromosome; all other .psam files must have the same samples."""
    return unprefixed(list_pgen(GENOTYPES, CHROMOSOMES[:1])[2])


def multiallelic_variants(wildcards):
    """Lists of the multiallelic variants that the conversion from PLINK 2 excluded."""
    return list_files(FILESETS, CHROMOSOMES, ["multiallelic.txt"]) if IS_PGEN else []


def info_tables(wildcards):
    """The tables of imputation quality: of the chromosome of the job, or of all chromosomes."""
    names = [wildcards.chromosome] if hasattr(wildcards, "chromosome") else CHROMOSOMES
    return unprefixed(list_tables(config["cohort"]["info"], names))


def phenotype_tables(wildcards):
    """The tables of the phenotype and its covariates."""
    table = SETTINGS[wildcards.phenotype]["phenotype"].get("table") or config["cohort"]["table"]
    covariates = config["cohort"]["covariates"]
    return unprefixed([table, covariates] if covariates else [table])


def group_tables(wildcards):
    """The tables with the column of `evaluation.group`, if it is set."""
    group = SETTINGS[wildcards.phenotype]["evaluation"]["group"]
    return phenotype_tables(wildcards) if group else []


def split_table(wildcards):
    """The user's split, if there is one."""
    return unprefixed(config["split"]["file"])


def kinship_table(wildcards):
    """The user's kinship table, else the estimated table; none if the user gives only a split."""
    table = config["cohort"]["kinship"]
    if table:
        return unprefixed(table)
    return [] if split_table(wildcards) else "results/cohort/kinship.tsv"


def kinship_summary(wildcards):
    """The summary of the estimated kinship, if kinship is estimated."""
    is_given = config["cohort"]["kinship"] or split_table(wildcards)
    return [] if is_given else "results/cohort/kinship.json"


# Association and panel


def gwas_chunks(pattern):
    """An input function: `pattern` for all chunks of all chromosomes, in genomic order."""

    def of_phenotype(wildcards):
        jobs = SETTINGS[wildcards.phenotype]["gwas"]["jobs"]
        chunks = [f"{name}.{number}" for name in CHROMOSOMES for number in range(1, jobs + 1)]
        return expand(pattern, phenotype=wildcards.phenotype, chunk=chunks)

    return of_phenotype


def loco_offsets(wildcards):
    """Polygenic offsets of the null model, if LOCO is used."""
    loco = SETTINGS[wildcards.phenotype]["gwas"]["loco"]
    return f"results/{wildcards.phenotype}/gwas/loco.npz" if loco else []


def panel_file(key):
    """An input function: the user's file in the setting `panel.{key}`, if there is one."""

    def of_phenotype(wildcards):
        return unprefixed(SETTINGS[wildcards.phenotype]["panel"][key])

    return of_phenotype


def external_ranking(name):
    """An input function: a file made from external summary statistics, if the user gives these."""

    def of_phenotype(wildcards):
        sumstats = SETTINGS[wildcards.phenotype]["panel"]["sumstats"]
        return f"results/{wildcards.phenotype}/panel/{name}" if sumstats else []

    return of_phenotype


def has_independent_effects(wildcards):
    """Whether effects of a case/control phenotype can be taken from an independent study."""
    if wildcards.phenotype in EXTERNAL:
        return False
    panel, own = (SETTINGS[wildcards.phenotype][name] for name in ("panel", "phenotype"))
    binary = own["coding"] not in ("classes", "quantitative")
    return bool(panel["sumstats"]) and panel["sumstats_independent"] and binary


def inclusion_criteria():
    """The inclusion criterion of each phenotype whose cohort may share allele frequencies with others."""
    names = [name for name in GENERATED or PHENOTYPES if not is_private(name)]
    return {name: SETTINGS[name]["phenotype"].get("include") or "" for name in names}


def panel_limit(wildcards):
    """The limit on the forecast AUC of membership inference; None if it does not apply to the panel."""
    return forecast_limit(SETTINGS[wildcards.phenotype])


# External cohort


def external_cohort(wildcards):
    """The .bed, .bim and .fam of the external cohort, if there is one."""
    prefix = SETTINGS[wildcards.phenotype]["external_cohort"]
    return unprefixed(list_plink(prefix)) if prefix else []


def matched_variants(wildcards):
    """The variants that the cohort and the external cohort share, if there is an external cohort."""
    is_external = wildcards.phenotype in EXTERNAL
    return f"results/{wildcards.phenotype}/panel/matched.tsv" if is_external else []


def unless_external(*patterns):
    """An input function: files of the generator, which is not trained for an external cohort."""

    def of_phenotype(wildcards):
        is_external = wildcards.phenotype in EXTERNAL
        return [] if is_external else expand(patterns, phenotype=wildcards.phenotype)

    return of_phenotype


# Generator and evaluation


def replicate_seed(wildcards):
    """The seed of a replicate: the configured seed, plus 1 for each replicate after the first."""
    number = int(wildcards.replicate.removeprefix(".") or 1)
    return SETTINGS[wildcards.phenotype]["seed"] + number - 1


def is_private(phenotype):
    """Whether the generator of the phenotype is differentially private."""
    return SETTINGS[phenotype]["differential_privacy"]["epsilon"] is not None


def dp_settings(wildcards):
    """Settings of differential privacy and of the diffusion model, which shares the privacy budget."""
    settings = SETTINGS[wildcards.phenotype]
    dp = settings["differential_privacy"]
    return dp | {"diffusion": settings["diffusion"]} if dp["epsilon"] else dp


def sampler_settings(wildcards):
    """Settings of the sampler, without the size of the cohort, which does not affect the calibration."""
    sampling = SETTINGS[wildcards.phenotype]["sampling"]
    return {name: value for name, value in sampling.items() if name != "size"}


def causal_table(wildcards):
    """The causal variants of a simulated phenotype."""
    return unprefixed(SETTINGS[wildcards.phenotype]["phenotype"].get("causal"))


def true_effects(wildcards):
    """The true effects of the variants of the panel, if the phenotype was simulated."""
    return (
        f"results/{wildcards.phenotype}/evaluation/true_effects.tsv"
        if causal_table(wildcards)
        else []
    )


def scoring_files(wildcards):
    """Scoring files of published polygenic scores, which are compared with the synthetic cohort."""
    return unprefixed(SETTINGS[wildcards.phenotype]["phenotype"].get("scoring_files"))


# Report


def funnels(wildcards):
    """Tables of excluded individuals and variants, in the order of the report."""
    names = ["samples", "split", "variants"]
    names += ["ranking"] if external_ranking("ranking.tsv.gz")(wildcards) else []
    names += ["matched"] if wildcards.phenotype in EXTERNAL else []
    folder = f"results/{wildcards.phenotype}/funnel"
    cohort = expand("results/cohort/{name}.tsv", name=["funnel", "split_funnel"])
    return [*cohort, *(f"{folder}/{name}.tsv" for name in [*names, "panel"])]


def figure_svgs(rule):
    """The figures that a rule makes, by name."""
    return {
        figure.name: report(
            f"results/{{phenotype}}/figures/{figure.name}.svg",
            caption=f"../report/{figure.name}.rst",
            category=figure.section,
            subcategory="{phenotype}",
            labels={"figure": figure.title},
        )
        for figure in figures_of(rule)
    }


def figure_tables(rule):
    """The tables behind the figures that a rule makes."""
    return [f"results/{{phenotype}}/figures/{figure.name}.tsv" for figure in figures_of(rule)]


def figures(pattern):
    """An input function: `pattern` for each figure of the report, in its order."""

    def of_phenotype(wildcards):
        names = figure_names(with_model=wildcards.phenotype not in EXTERNAL)
        return expand(pattern, phenotype=wildcards.phenotype, figure=names)

    return of_phenotype


def earlier_releases(wildcards):
    """The checksums and keep files of earlier releases, whose folders hold the other files that are read."""
    earlier = SETTINGS[wildcards.phenotype]["release"]["earlier"]
    return unprefixed([file for files in earlier for file in files.values()])


def input_files(wildcards):
    """All input files of a phenotype, whose checksums the report lists."""
    cohort = [config["cohort"][key] for key in ("kinship", "exclude_samples")]
    cohort += list_tables(config["cohort"]["info"], CHROMOSOMES)
    optional = [split_table, causal_table, *map(panel_file, ("include", "exclude", "sumstats"))]
    return [
        *all_genotypes(wildcards),
        *phenotype_tables(wildcards),
        *unprefixed([file for file in cohort if file]),
        *(file for file in (find(wildcards) for find in optional) if file),
        *scoring_files(wildcards),
        *external_cohort(wildcards),
    ]
