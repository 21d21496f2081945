"""Simulated cohorts of several ancestries, with and without admixture, for tests."""

import numpy as np
import pandas as pd

from snpgen.evaluation.cohorts import Cohort, RealData
from snpgen.io.panel import Panel

CHROMOSOMES, PER_CHROMOSOME, GAP = 6, 30, 4_000_000  # 120 Mb each
M = CHROMOSOMES * PER_CHROMOSOME
NAMES = ("north", "south", "east")


def variants() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "chromosome": np.repeat(np.arange(1, CHROMOSOMES + 1), PER_CHROMOSOME).astype(str),
            "position": np.tile(np.arange(1, PER_CHROMOSOME + 1) * GAP, CHROMOSOMES),
            "variant_id": [f"rs{j}" for j in range(M)],
            "effect_allele": "A",
            "other_allele": "G",
        }
    )


def group_frequencies() -> np.ndarray:
    """Allele frequencies (groups, m), with an Fst of about 0.1."""
    rng = np.random.default_rng(1)
    p = rng.uniform(0.2, 0.8, M)
    return np.clip(p + rng.normal(0, 0.2, (len(NAMES), M)), 0.05, 0.95)


def structured(
    n: int, shares: tuple[float, ...], seed: int, f: float = 0
) -> tuple[Cohort, np.ndarray]:
    """Individuals with these shares of `NAMES`, and their groups; a quarter are cases.

    With `f`, the second haplotype equals the first at this proportion of variants, in one stretch per
    chromosome.
    """
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(shares)), np.round(n * np.array(shares)).astype(int))
    haplotypes = rng.random((2, len(group), M)) < group_frequencies()[group]
    stretch = round(f * PER_CHROMOSOME)
    for chromosome in range(CHROMOSOMES):
        start = rng.integers(0, PER_CHROMOSOME - stretch + 1, len(group))
        places = np.arange(PER_CHROMOSOME) - start[:, None]
        copied = np.zeros((len(group), M), bool)
        columns = slice(chromosome * PER_CHROMOSOME, (chromosome + 1) * PER_CHROMOSOME)
        copied[:, columns] = (places >= 0) & (places < stretch)
        haplotypes[1][copied] = haplotypes[0][copied]
    phenotype = (rng.random(len(group)) < 0.25).astype(np.int8)
    return Cohort(haplotypes.sum(axis=0, dtype=np.int8), phenotype), np.array(NAMES)[group]


def admixed(n: int, seed: int, generations: float = 10) -> Cohort:
    """Individuals with a Beta(4, 3) share of the first group and the rest of the second.

    Along a haplotype, ancestry changes at a rate of `generations` per Morgan (1 cM per Mb).
    """
    rng = np.random.default_rng(seed)
    share = rng.beta(4, 3, n)
    stay = np.exp(-generations * GAP / 1e8)
    p = group_frequencies()
    haplotypes = np.empty((2, n, M), bool)
    for haplotype in haplotypes:
        first = np.zeros(n, bool)
        for j in range(M):
            new = rng.random(n) < share
            changes = (rng.random(n) > stay) | (j % PER_CHROMOSOME == 0)
            first = np.where(changes, new, first)
            haplotype[:, j] = rng.random(n) < np.where(first, p[0, j], p[1, j])
    return Cohort(haplotypes.sum(axis=0, dtype=np.int8), (rng.random(n) < 0.25).astype(np.int8))


def real_data(train: Cohort, test: Cohort, groups: tuple[np.ndarray, np.ndarray]) -> RealData:
    """Real individuals of two splits with assigned `groups`; the validation set is empty."""
    panel = Panel(
        np.concatenate([train.dosages, test.dosages]),
        np.arange(len(train) + len(test)).astype(str),
        np.repeat(["train", "test"], [len(train), len(test)]),
        np.concatenate([train.phenotype, test.phenotype]),
    )
    empty = train.take(np.arange(0))
    return RealData(panel, variants(), train, empty, test, np.concatenate(groups))
