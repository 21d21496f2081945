"""Memory and run time of jobs, computed from the numbers of samples and variants in their input."""

import math
from functools import cache

from snpgen.generator.hyperparameters import size_multiple
from snpgen.resources import (
    REQUESTS,
    chromosome_share,
    count_samples,
    count_variants,
    memory_mb,
    runtime_minutes,
)

FEW_GENOTYPES = 1_000_000_000


@cache
def sized_files(chromosomes):
    """The file of each fileset with these chromosomes that gives its size: .bed, or the user's .pgen."""
    pattern, ending = GENOTYPES.removesuffix(".pgen"), "pgen" if IS_PGEN else "bed"
    return [Path(file) for file in list_files(pattern, chromosomes, [ending])]


@cache
def cohort_samples():
    """Number of genotyped individuals, the same in all filesets."""
    if GENOTYPES.startswith(SIMULATED):
        return config["simulation"]["samples"]
    return count_samples(sized_files(tuple(CHROMOSOMES))[0])


@cache
def cohort_variants(chromosomes):
    """Number of variants in the filesets with these chromosomes."""
    if GENOTYPES.startswith(SIMULATED):
        return config["simulation"]["variants"]
    return sum(count_variants(file, cohort_samples()) for file in sized_files(chromosomes))


@cache
def gwas_variants(phenotype, chromosome):
    """Number of variants in each GWAS job of a chromosome."""
    share = 1
    if GENOTYPES.startswith(SIMULATED):
        share = 1 / len(CHROMOSOMES)
    elif "{chromosome}" not in GENOTYPES:
        share = chromosome_share(sized_files((chromosome,))[0], chromosome)
    jobs = SETTINGS[phenotype]["gwas"]["jobs"]
    return math.ceil(share * cohort_variants((chromosome,)) / jobs)


@cache
def external_samples(phenotype):
    """Number of individuals in the external cohort; 0 if there is none."""
    if phenotype not in EXTERNAL:
        return 0
    return count_samples(Path(list_plink(SETTINGS[phenotype]["external_cohort"])[0]))


def job_size(wildcards):
    """Samples, variants and panel size of the files that a job reads, and the size of synthetic cohorts."""
    chromosome = wildcards.get("fileset", "").removeprefix("chr")
    chromosomes = (chromosome,) if chromosome in CHROMOSOMES else tuple(CHROMOSOMES)
    phenotype, samples, panel, multiple = wildcards.get("phenotype"), cohort_samples(), 0, 1
    if phenotype:
        samples = max(samples, external_samples(phenotype))
        panel = SETTINGS[phenotype]["panel"]
        panel = panel["size"] or panel["max_size"]
        if phenotype in GENERATED:
            size, share = SETTINGS[phenotype]["sampling"]["size"], config["split"]["train"]
            multiple = max(
                size_multiple(samples, size), share * size_multiple(share * samples, size)
            )
    if "chromosome" in wildcards.keys():
        return samples, gwas_variants(phenotype, wildcards.chromosome), panel, multiple
    return samples, cohort_variants(chromosomes), panel, multiple


def requests(rule):
    """The resources mem_mb and runtime of `rule`; a repeated attempt requests more."""

    def mem_mb(wildcards, attempt):
        return memory_mb(rule, *job_size(wildcards)) * attempt

    def runtime(wildcards, attempt):
        return runtime_minutes(rule, *job_size(wildcards)) * attempt

    return {"mem_mb": mem_mb, "runtime": runtime}


def up_to(count):
    """Threads of a rule: `count`, or 1 for a small cohort, whose jobs rather run at the same time."""

    def threads(wildcards):
        samples, variants, _, _ = job_size(wildcards)
        return count if samples * variants > FEW_GENOTYPES else 1

    return threads


def largest_job(wildcards):
    """The rule that requests most memory in a run of the phenotype, and this memory (MB)."""
    settings, is_generated = SETTINGS[wildcards.phenotype], wildcards.phenotype in GENERATED
    generator = ["train_vae", "train_diffusion", "calibrate_guidance", "sample_cohort"]
    is_run = dict.fromkeys([*generator, "measure_losses"], is_generated) | {
        "simulate_cohort": GENOTYPES.startswith(SIMULATED),
        "estimate_kinship": kinship_table(wildcards) and not config["cohort"]["kinship"],
        "train_shadow": is_generated and settings["evaluation"]["shadow_models"],
    }
    size = job_size(wildcards)
    rules = [rule for rule in REQUESTS if is_run.get(rule, True)]
    largest = max(rules, key=lambda rule: memory_mb(rule, *size))
    return largest, memory_mb(largest, *size)
