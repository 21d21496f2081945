"""The synthetic cohorts of a phenotype, which are the subjects of its evaluation, and their files."""

from snpgen.baselines.registry import BASELINES, SUBJECTS

MODEL_COHORTS = [name for name, subject in SUBJECTS.items() if subject.needs_model]
GENERATOR_COHORTS = [name for name in MODEL_COHORTS if name not in BASELINES]


def main_of(phenotype):
    """The main cohort: the cohort that the report of the phenotype describes."""
    return "external" if phenotype in EXTERNAL else "snpgen"


def main_subject(wildcards):
    """The main cohort of the phenotype."""
    return main_of(wildcards.phenotype)


def subjects(wildcards):
    """All synthetic cohorts to evaluate, beginning with the main cohort."""
    settings = SETTINGS[wildcards.phenotype]
    if wildcards.phenotype in EXTERNAL:
        return ["external", *(one for one in settings["baselines"] if one not in MODEL_COHORTS)]
    count = settings["evaluation"]["replicates"]
    replicates = [f"snpgen.{number}" for number in range(2, count + 1)]
    return [*GENERATOR_COHORTS, *settings["baselines"], *replicates]


def per_subject(pattern):
    """An input function: `pattern` for each synthetic cohort."""

    def of_phenotype(wildcards):
        return expand(pattern, phenotype=wildcards.phenotype, subject=subjects(wildcards))

    return of_phenotype


def of_main_subject(pattern):
    """An input function: a file of the main cohort."""

    def of_phenotype(wildcards):
        return pattern.format(phenotype=wildcards.phenotype, subject=main_subject(wildcards))

    return of_phenotype


def shadow_losses(wildcards):
    """Losses of the shadow models, if any are configured."""
    if wildcards.phenotype in EXTERNAL:
        return []
    models = SETTINGS[wildcards.phenotype]["evaluation"]["shadow_models"]
    return expand(
        "results/{phenotype}/restricted/shadow/{shadow}.tsv",
        phenotype=wildcards.phenotype,
        shadow=range(1, models + 1),
    )


def cost_benchmarks(wildcards):
    """Benchmark files of the rules whose cost the report shows."""
    phenotype = wildcards.phenotype
    if phenotype in EXTERNAL:
        return []
    rules = ["train_vae", "train_diffusion", "calibrate_guidance"]
    cohorts = [f"sample_cohort/{phenotype}.{name}" for name in GENERATOR_COHORTS]
    return [
        *gwas_chunks("benchmarks/run_gwas/{phenotype}.{chunk}.tsv")(wildcards),
        *(f"benchmarks/{rule}/{phenotype}.tsv" for rule in rules),
        *(f"benchmarks/{name}.tsv" for name in cohorts),
    ]
