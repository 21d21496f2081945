"""Small simulated cohorts with LD and known effects, for tests."""

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.neighbors import NearestNeighbors

from snpgen.evaluation.cohorts import Cohort


def frequencies(m: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.02, 0.98, m)


def independent(n: int, p: np.ndarray, seed: int) -> np.ndarray:
    """Genotypes of independent variants, int8 (n, m)."""
    return np.random.default_rng(seed).binomial(2, p, (n, len(p))).astype(np.int8)


def linked(n: int, p: np.ndarray, seed: int, rho: float = 0.8, chromosome: int = 20) -> np.ndarray:
    """Genotypes whose haplotypes are thresholded AR(1) normals, independent for every `chromosome` variants."""
    rng = np.random.default_rng(seed)
    z = np.empty((2 * n, len(p)))
    for j in range(len(p)):
        new = rng.normal(size=2 * n)
        starts = j % chromosome == 0
        z[:, j] = new if starts else rho * z[:, j - 1] + np.sqrt(1 - rho**2) * new
    alleles = (z < norm.ppf(p)).astype(np.int8)
    return alleles[:n] + alleles[n:]


def class_frequencies(dosages: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Allele frequencies, float64 (classes, m), by label."""
    return np.stack([dosages[labels == label].mean(axis=0) / 2 for label in np.unique(labels)])


def logistic_labels(
    dosages: np.ndarray, beta: np.ndarray, intercept: float, seed: int
) -> np.ndarray:
    """Phenotypes, int8 (n,), with log odds ratios `beta`; `intercept` is the log odds at the mean genotype."""
    liability = intercept + (dosages - dosages.mean(axis=0)) @ beta
    risk = 1 / (1 + np.exp(-liability))
    return (np.random.default_rng(seed).random(len(risk)) < risk).astype(np.int8)


def cohort(n: int, m: int, seed: int, effect: float = 0.15, rho: float = 0.8) -> Cohort:
    """A cohort with LD in which every fifth variant has a log odds ratio of `effect`; a quarter are cases."""
    dosages = linked(n, frequencies(m), seed, rho)
    beta = np.where(np.arange(m) % 5 == 0, effect, 0.0)
    return Cohort(dosages, logistic_labels(dosages, beta, -1.1, seed + 1))


def unlabelled(dosages: np.ndarray) -> Cohort:
    """A cohort without an association: every fourth sample is a case."""
    return Cohort(dosages, (np.arange(len(dosages)) % 4 == 0).astype(np.int8))


def nearest_two(queries: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Manhattan distances (n, 2) to the two nearest of `base`, by scikit-learn."""
    exact = NearestNeighbors(n_neighbors=2, algorithm="brute", metric="manhattan").fit(base)
    return exact.kneighbors(queries)[0]


def variants(m: int, chromosome: int = 20, gap: int = 30_000) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "chromosome": (np.arange(m) // chromosome + 1).astype(str),
            "position": (np.arange(m) % chromosome + 1) * gap,
            "variant_id": [f"rs{j}" for j in range(m)],
            "effect_allele": "A",
            "other_allele": "G",
        }
    )
