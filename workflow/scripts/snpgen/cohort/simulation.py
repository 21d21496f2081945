"""Simulation of the demo cohort: ancestry, relatives, genotypes, phenotypes and causal variants."""

import os
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from threading import Thread

import numpy as np
import pandas as pd

from snpgen.cohort.coalescent import drop_genes, simulate_haplotypes
from snpgen.cohort.populations import (
    DEMO,
    SOUTHERN_SHARE,
    Ancestry,
    Composition,
    simulate_ancestry,
    simulate_southern_share,
)
from snpgen.io.plink import MISSING, allele_frequency
from snpgen.io.plink_tables import VARIANT_COLUMNS
from snpgen.job import derive_seed, log
from snpgen.messages import Code, InputError
from snpgen.progress import track

CENTRES = ["midlands", "north", "south"]
SEVERITIES = ["none", "mild", "severe"]

# Effects on liability of male sex, of one year of age, and of each centre.
_SEX_EFFECT, _AGE_EFFECT, _CENTRE_EFFECTS = 0.3, 0.017, [0.0, 0.15, 0.3]

# Mean liability of each group, relative to Europeans, and effect of southern instead of northern ancestry.
_GROUP_EFFECTS = {"South_Asian": 0.15, "African": -0.2, "East_Asian": 0.1, "Admixed": -0.1}
_SOUTHERN_EFFECT = 0.3

_NOISE = 0.5  # SD of the noise added to the liability for severity and biomarker
_SEVERE = 0.4  # proportion of severe cases among all mild and severe cases

_MISSING_RATE = 0.0025  # mean over variants
_POOR_VARIANTS, _POOR_RATE = 0.001, 0.08
_POOR_SAMPLES, _POOR_FACTOR = 0.001, 25.0  # their proportion; factor of their missing rate
_CHILDREN = (1, 2)  # families have one and two children alternately
_FAMILIES_PER_COPY = 20

# Allele pairs and their frequencies: mostly transitions, few palindromic variants.
_ALLELES = ["AG", "GA", "CT", "TC", "AC", "CA", "GT", "TG", "AT", "CG"]
_ALLELE_WEIGHTS = [0.18, 0.18, 0.18, 0.18, 0.065, 0.065, 0.065, 0.065, 0.01, 0.01]


@dataclass(frozen=True)
class Samples:
    """The samples of the cohort: founders, then children, then copies.

    `founders` is the ancestry of the founders; `parents` (n_children, 2) and `copied` (n_copies,) are rows of
    founders; `table` has IID, sex (1, 2), age, centre and ancestry (the group) of all samples;
    `southern` (n,) is the share of southern European in their European ancestry.
    """

    founders: Ancestry
    parents: np.ndarray
    copied: np.ndarray
    table: pd.DataFrame
    southern: np.ndarray


@dataclass(frozen=True)
class Cohort:
    """A simulated cohort: `dosages` of A1, int8 (n_samples, n_variants), and its tables.

    `samples` and `variants` are the tables of `plink.write_fileset`; `phenotypes` has FID, IID, trait,
    sex, age, centre, ancestry, severity and biomarker; `causal` has `VARIANT_COLUMNS` and beta_liability, the
    effect of one A1 allele, of the causal variants.
    """

    dosages: np.ndarray
    samples: pd.DataFrame
    variants: pd.DataFrame
    phenotypes: pd.DataFrame
    causal: pd.DataFrame


def _deal_groups(n: int, groups: Mapping[str, float], rng: np.random.Generator) -> np.ndarray:
    """Groups of `n` individuals or couples in random order, in these proportions."""
    upper = np.cumsum(list(groups.values()))
    number = np.searchsorted(upper, (np.arange(n) + 0.5) / n)
    return np.array(list(groups))[rng.permutation(number)]


def simulate_samples(
    n: int, n_families: int, seed: int, composition: Composition = DEMO
) -> Samples:
    """Simulate `n` samples that include `n_families` nuclear families and a few copies of founders.

    The parents of a family are of the same group. Copies are identical twins or duplicated samples. In the
    midlands, the ancestry is that of the whole cohort; the southern share of European ancestry is higher in the
    centre south than in the centre north. Raises `InputError` if there are too many families.
    """
    rng = np.random.default_rng(seed)
    couples = np.arange(2 * n_families).reshape(-1, 2)
    parents = np.repeat(couples, np.resize(_CHILDREN, n_families), axis=0)
    n_copies = n_families // _FAMILIES_PER_COPY
    n_founders = n - len(parents) - n_copies
    if n_founders < 2 * n_families + n_copies:
        raise InputError(
            Code.CONFLICTING_SETTINGS,
            f"{n_families} families are too many for {n} individuals",
            "Lower 'simulation.families', or increase 'simulation.samples'",
            key="simulation.families",
        )
    copied = 2 * n_families + np.arange(n_copies)
    group = np.concatenate(
        [
            _deal_groups(n_families, composition.groups, rng).repeat(2),
            _deal_groups(n_founders - 2 * n_families, composition.groups, rng),
        ]
    )
    southern = simulate_southern_share(n_founders, rng)
    founders = simulate_ancestry(group, southern, derive_seed(seed, "ancestry"), composition)
    group = np.concatenate([group, group[parents[:, 0]], group[copied]])
    southern = np.concatenate([southern, southern[parents].mean(axis=1), southern[copied]])

    sex, age = rng.integers(1, 3, n), rng.integers(40, 70, n)
    near = np.where(rng.random(n) < southern / (2 * SOUTHERN_SHARE), "south", "north")
    centre = np.where(rng.random(n) < 1 / 3, "midlands", near)
    sex[couples] = [1, 2]
    age[couples] = rng.integers(64, 70, couples.shape)
    age[n_founders : n - n_copies] = rng.integers(40, 44, len(parents))
    sex[n - n_copies :], age[n - n_copies :] = sex[copied], age[copied]
    iid = 1_000_000 + rng.choice(9_000_000, n, replace=False)
    table = pd.DataFrame({"IID": iid.astype(str), "sex": sex, "age": age, "centre": centre})
    return Samples(founders, parents, copied, table.assign(ancestry=group), southern)


def make_variants(chromosome: str, position: np.ndarray, seed: int) -> pd.DataFrame:
    """Table with `VARIANT_COLUMNS`, random alleles, and IDs such as rs9..., which dbSNP does not use yet."""
    rng = np.random.default_rng(seed)
    first = 9_000_000_000 + int(chromosome) * 10_000_000
    numbers = first + rng.choice(10_000_000, len(position), replace=False)
    alleles = rng.choice(_ALLELES, len(position), p=_ALLELE_WEIGHTS)
    columns = {
        "chromosome": chromosome,
        "variant_id": [f"rs{number}" for number in numbers],
        "position": position,
        "effect_allele": [pair[0] for pair in alleles],
        "other_allele": [pair[1] for pair in alleles],
    }
    return pd.DataFrame(columns)[VARIANT_COLUMNS]


def mask_calls(dosages: np.ndarray, sample_factor: np.ndarray, seed: int) -> np.ndarray:
    """A copy of `dosages` with missing calls.

    The probability of a missing call is the rate of the variant times `sample_factor` (n_samples,).
    """
    rng = np.random.default_rng(seed)
    n_samples, n_variants = dosages.shape
    usual = rng.gamma(1.0, _MISSING_RATE, n_variants)
    rate = np.where(rng.random(n_variants) < _POOR_VARIANTS, _POOR_RATE, usual)
    probability = np.outer(sample_factor.astype(np.float32), rate.astype(np.float32))
    missing = rng.random((n_samples, n_variants), dtype=np.float32) < probability
    return np.where(missing, MISSING, dosages)


def _simulate_chromosome(
    chromosome: str,
    n_variants: int,
    n_causal: int,
    individuals: Samples,
    sample_factor: np.ndarray,
    avoid: pd.DataFrame,
    seed: int,
) -> tuple[np.ndarray, pd.DataFrame, np.ndarray, np.ndarray]:
    """Observed dosages of A1, variants, effects (n_variants,) and genetic values (n_samples,)."""
    haplotypes = simulate_haplotypes(chromosome, individuals.founders, n_variants, avoid, seed)
    dosages = drop_genes(
        haplotypes, individuals.parents, individuals.copied, derive_seed(seed, "genes")
    )
    observed = mask_calls(dosages, sample_factor, derive_seed(seed, "missing"))
    major = allele_frequency(observed) > 0.5  # A1 is the minor allele, as in PLINK 1.9
    for table in (dosages, observed):
        table[:, major] = np.where(table[:, major] == MISSING, MISSING, 2 - table[:, major])
    effects = draw_effects(dosages, n_causal, derive_seed(seed, "effects"))
    causal = np.flatnonzero(effects)
    # A matrix product is not used, because rounding errors of BLAS depend on the number of threads.
    value = np.einsum("ij,j->i", dosages[:, causal].astype(float), effects[causal])
    variants = make_variants(chromosome, haplotypes.position, derive_seed(seed, "variants"))
    log.info("chromosome %s: %d variants", chromosome, n_variants)
    return np.asfortranarray(observed), variants, effects, value


def draw_effects(dosages: np.ndarray, n_causal: int, seed: int) -> np.ndarray:
    """Effects per allele, (n_variants,): 0 except for `n_causal` common (MAF >= 5 %) variants.

    Common variants are divided into `n_causal` consecutive segments of equal size, and one causal
    variant is sampled from each. Effects per standard deviation of the genotype are N(0, 1). Raises
    `InputError` if there are too few common variants.
    """
    rng = np.random.default_rng(seed)
    frequency = allele_frequency(dosages)
    common = np.flatnonzero(np.minimum(frequency, 1 - frequency) >= 0.05)
    if len(common) < n_causal:
        raise InputError(
            Code.CONFLICTING_SETTINGS,
            f"a chromosome has {len(common)} common variants, but {n_causal} causal variants are needed",
            "Lower 'simulation.causal', or increase 'simulation.variants'",
            key="simulation.causal",
        )
    effects = np.zeros(len(frequency))
    for segment in np.array_split(common, n_causal) if n_causal else []:
        variant = rng.choice(segment)
        spread = np.sqrt(2 * frequency[variant] * (1 - frequency[variant]))
        effects[variant] = rng.standard_normal() / spread
    return effects


def simulate_liability(
    genetic: np.ndarray, individuals: pd.DataFrame, southern: np.ndarray, seed: int
) -> np.ndarray:
    """Liability to the trait, float64 (n_samples,), of variance 1 (Falconer 1965).

    The sum of the `genetic` values (n_samples,), effects of sex, age, centre and ancestry of `individuals`, an
    effect of the `southern` share in Europeans, and Gaussian noise with the remaining variance. Mean genetic
    values differ between groups by genetic drift. The effect of a group is the difference of its mean
    liability from that of Europeans, and includes this difference.
    """
    centre = pd.Categorical(individuals.centre, categories=CENTRES).codes
    group = individuals.ancestry
    known = _SEX_EFFECT * (individuals.sex == 1) + _AGE_EFFECT * individuals.age
    known = known.to_numpy(float) + np.array(_CENTRE_EFFECTS)[centre]
    known += np.where(group == "European", _SOUTHERN_EFFECT * (southern - SOUTHERN_SHARE), 0)
    drift = pd.Series(genetic, individuals.index).groupby(group).transform("mean")
    known += genetic + (group.map(_GROUP_EFFECTS).fillna(0) - drift).to_numpy()
    noise = np.random.default_rng(seed).standard_normal(len(individuals))
    return known + np.sqrt(max(1 - known.var(), 0)) * noise


def simulate_trait(liability: np.ndarray, prevalence: float) -> np.ndarray:
    """Cases (1) and controls (0), int8 (n_samples,). The individuals with the highest liability are cases."""
    return (liability > np.quantile(liability, 1 - prevalence)).astype(np.int8)


def simulate_severity(liability: np.ndarray, prevalence: float, seed: int) -> np.ndarray:
    """One of `SEVERITIES` for each individual: liability plus noise, cut at two thresholds."""
    noise = np.random.default_rng(seed).standard_normal(len(liability))
    noisy = liability + _NOISE * noise
    cuts = np.quantile(noisy, [1 - prevalence, 1 - _SEVERE * prevalence])
    return np.array(SEVERITIES)[np.searchsorted(cuts, noisy)]


def simulate_biomarker(liability: np.ndarray, seed: int) -> np.ndarray:
    """A quantitative trait: 5 plus centred liability plus noise, rounded to two decimals."""
    noise = np.random.default_rng(seed).standard_normal(len(liability))
    return np.round(5 + liability - liability.mean() + _NOISE * noise, 2)


def _mask(values: pd.Series, rate: float, rng: np.random.Generator) -> pd.Series:
    """The values as text; each is replaced by NA with probability `rate`."""
    return values.astype(str).mask(rng.random(len(values)) < rate, "NA")


def _end_with_parent(parent: int) -> None:
    """End this process soon after its parent process has ended, even if the parent was killed."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def simulate_cohort(
    samples: int,
    variants: int,
    families: int,
    causal: int,
    heritability: float,
    prevalence: float,
    chromosomes: list[str],
    avoid: pd.DataFrame,
    seed: int,
    threads: int,
) -> Cohort:
    """Simulate the cohort; the result does not depend on `threads` (the number of processes).

    `heritability` is the proportion of the variance of liability that the `causal` variants explain. The
    liability includes the effects of sex, age, centre and ancestry. No variant lies in a region of `avoid` (chromosome,
    start, end).
    """
    individuals = simulate_samples(samples, families, derive_seed(seed, "simulated people"))
    rng = np.random.default_rng(derive_seed(seed, "simulated cohort"))
    factor = rng.lognormal(0, 0.3, samples)
    factor[rng.choice(samples, max(1, round(_POOR_SAMPLES * samples)), replace=False)] = (
        _POOR_FACTOR
    )
    n_variants = np.diff(np.arange(len(chromosomes) + 1) * variants // len(chromosomes))
    n_causal = np.diff(np.arange(len(chromosomes) + 1) * causal // len(chromosomes))
    seeds = [derive_seed(seed, "simulated chromosome", name) for name in chromosomes]

    # Processes are forked, because a spawned interpreter would run the calling script again.
    fork = get_context("fork")
    with ProcessPoolExecutor(threads, fork, _end_with_parent, (os.getpid(),)) as pool:
        jobs = [
            pool.submit(_simulate_chromosome, name, int(m), int(c), individuals, factor, avoid, own)
            for name, m, c, own in zip(chromosomes, n_variants, n_causal, seeds, strict=True)
        ]
        parts = [job.result() for job in track(jobs, "chromosomes")]

    order = rng.permutation(samples)
    dosages = np.concatenate([part[0] for part in parts], axis=1)[order]
    sites = pd.concat([part[1] for part in parts], ignore_index=True)
    effects = np.concatenate([part[2] for part in parts])
    genetic = np.sum([part[3] for part in parts], axis=0)
    scale = np.sqrt(heritability) / genetic.std() if causal else 0.0
    table = individuals.table.iloc[order].reset_index(drop=True)
    table["IID"] = table.IID.sort_values(
        ignore_index=True
    )  # the order in which SNPgen writes samples
    liability = simulate_liability(
        scale * genetic[order], table, individuals.southern[order], derive_seed(seed, "trait")
    )
    trait = simulate_trait(liability, prevalence)

    table.insert(0, "FID", table.IID)
    table.insert(2, "trait", _mask(pd.Series(trait), 0.005, rng))
    fam = table[["FID", "IID"]].assign(father="0", mother="0", sex=table.sex)
    fam["phenotype"] = table.trait.map({"0": "1", "1": "2", "NA": "-9"})
    table["age"] = _mask(table.age, 0.002, rng)
    others = {
        "severity": simulate_severity(liability, prevalence, derive_seed(seed, "severity")),
        "biomarker": simulate_biomarker(liability, derive_seed(seed, "biomarker")),
    }
    for name, values in others.items():
        own = np.random.default_rng(derive_seed(seed, name, "missing"))
        table[name] = _mask(pd.Series(values), 0.005, own)
    truth = sites.assign(beta_liability=scale * effects)[effects != 0]
    columns = ["variant_id", "chromosome", "position", "effect_allele", "other_allele"]
    return Cohort(dosages, fam, sites, table, truth[[*columns, "beta_liability"]])
