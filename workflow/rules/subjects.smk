"""The synthetic cohorts of a phenotype, and the files of each that the evaluation reads."""


def subjects(wildcards):
    """Every synthetic cohort that is judged, the one that the report is about first."""
    if wildcards.phenotype in EXTERNAL:
        return ["external", *baselines(wildcards)]
    count = SETTINGS[wildcards.phenotype]["evaluation"]["replicates"]
    replicates = [f"snpgen.{number}" for number in range(2, count + 1)]
    return ["snpgen", "snpgen_balanced", "reconstruction", *baselines(wildcards), *replicates]


def main_of(phenotype):
    return "external" if phenotype in EXTERNAL else "snpgen"


def main_subject(wildcards):
    """The synthetic cohort that the report is about."""
    return main_of(wildcards.phenotype)


def main_subjects(wildcards):
    """Those of all phenotypes."""
    return [main_of(phenotype) for phenotype in PHENOTYPES]


def main_samples(wildcards):
    """The .fam of that cohort."""
    return f"results/{wildcards.phenotype}/synthetic/{main_subject(wildcards)}.fam"


def main_bed(wildcards):
    """The .bed of that cohort."""
    return f"results/{wildcards.phenotype}/synthetic/{main_subject(wildcards)}.bed"


def main_curves(wildcards):
    """ROC curves of the attacks on that cohort, and on the controls."""
    folder = f"results/{wildcards.phenotype}/evaluation"
    return [f"{folder}/privacy/{main_subject(wildcards)}.roc.tsv", f"{folder}/controls.roc.tsv"]


def synthetic_beds(wildcards):
    return expand(
        "results/{phenotype}/synthetic/{subject}.bed",
        phenotype=wildcards.phenotype,
        subject=subjects(wildcards),
    )


def audits(wildcards):
    """Privacy metrics of each synthetic cohort."""
    return expand(
        "results/{phenotype}/evaluation/privacy/{subject}.tsv",
        phenotype=wildcards.phenotype,
        subject=subjects(wildcards),
    )


def shadow_losses(wildcards):
    """Losses of the shadow models, none unless the configuration asks for some."""
    if wildcards.phenotype in EXTERNAL:
        return []
    models = SETTINGS[wildcards.phenotype]["evaluation"]["shadow_models"]
    return expand(
        "results/{phenotype}/restricted/shadow/{shadow}.tsv",
        phenotype=wildcards.phenotype,
        shadow=range(1, models + 1),
    )


def losses_of_subject(wildcards):
    """Losses on real people: the model that is attacked by them is that of the main cohort."""
    of_main = wildcards.subject == main_subject(wildcards)
    return unless_external("results/{phenotype}/restricted/losses.tsv")(wildcards) if of_main else []


def shadows_of_subject(wildcards):
    """Those of the shadow models, for the main cohort."""
    return shadow_losses(wildcards) if wildcards.subject == main_subject(wildcards) else []


def cost_benchmarks(wildcards):
    """Benchmark files of the rules whose cost the report shows."""
    phenotype = wildcards.phenotype
    if phenotype in EXTERNAL:
        return []
    cohorts = ["snpgen", "snpgen_balanced", "reconstruction"]
    return [
        *gwas_chunks("benchmarks/run_gwas/{phenotype}.{chunk}.tsv")(wildcards),
        f"benchmarks/train_vae/{phenotype}.tsv",
        f"benchmarks/train_diffusion/{phenotype}.tsv",
        f"benchmarks/calibrate_guidance/{phenotype}.tsv",
        *expand(
            "benchmarks/sample_cohort/{phenotype}.{name}.tsv", phenotype=phenotype, name=cohorts
        ),
    ]
