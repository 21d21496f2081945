"""Sampling error of KING-robust kinship, and the smallest kinship that chance does not explain."""

import math

import numpy as np
from scipy.special import ndtri

from snpgen.genetics.ld import unit_columns
from snpgen.io.plink import Fileset, allele_frequency

IDENTICAL = (
    0.3536  # smallest kinship of duplicates and identical twins, 2^-1.5 (Manichaikul et al. 2010)
)
KING_ERROR = 0.75**0.5  # standard error with one independent variant
DEGREES = {"third": 1 / 16, "second": 1 / 8, "first": 1 / 4}  # expected kinship

_SAMPLES = 2_000  # individuals from which r2 is estimated
_PROBES = 1_000  # variants whose r2 with all others is computed
_CHUNK = 1_024


def standard_error(
    fileset: Fileset, variants: np.ndarray, samples: np.ndarray, threads: int
) -> float:
    """Standard error of the KING-robust kinship of two unrelated individuals of one population.

    Let g be the dosages of two individuals at a variant with allele frequency p, and h be 1 if they are
    heterozygous. (g_1 - g_2)^2 - h_1 - h_2 has the mean 0 and the variance 48 w^2, where w = p (1 - p), and
    the correlation of two variants is r^2. With the delta method, the squared standard error is 3/4 sum_jk
    r_jk^2 w_j w_k / (sum_j w_j)^2. The sum contains variants on the same chromosome; the mean r^2 of variants on
    different chromosomes, which results from population structure, is subtracted. It is estimated from at most
    1,000 of the `variants` j (ascending rows of `fileset.variants`), evenly spaced, with all others, in at
    most 2,000 of `samples` (rows of the .fam). This is the error with the mean number of heterozygous genotypes in
    the denominator. The smaller number of KING-robust lowers the estimate of some pairs, but never raises it.
    inf without polymorphic variants.
    """
    individuals = np.asarray(samples)[:: max(1, -(-len(samples) // _SAMPLES))]
    probes = variants[:: max(1, -(-len(variants) // _PROBES))]
    dosages = fileset.read(probes, individuals, threads)
    probe_values, probe_weight = unit_columns(dosages), _weight(dosages)
    chromosome = fileset.variants.chromosome.to_numpy()
    sums = np.zeros((2, 2))  # of r2 and of weights, on the same chromosome and on others
    total = squares = 0.0
    for rows, dosages in fileset.chunks(variants, individuals, _CHUNK, threads):
        weight = _weight(dosages)
        total, squares = total + weight.sum(), squares + np.square(weight).sum()
        r2 = (probe_values.T @ unit_columns(dosages)).astype(np.float64) ** 2
        weights = probe_weight[:, None] * weight
        weights[probes[:, None] == rows] = 0
        same = chromosome[probes][:, None] == chromosome[rows]
        for i, where in enumerate((same, ~same)):
            sums[i] += (r2 * weights)[where].sum(), weights[where].sum()
    if not total:
        return math.inf
    (r2_same, same_weight), (r2_other, other_weight) = sums
    background = r2_other / other_weight if other_weight else 1 / len(individuals)
    ld = max(0.0, r2_same - background * same_weight) / np.square(probe_weight).sum()
    return KING_ERROR * math.sqrt(squares * (1 + ld)) / total


def _weight(dosages: np.ndarray) -> np.ndarray:
    frequency = allele_frequency(dosages)
    return np.nan_to_num(frequency * (1 - frequency))


def smallest_kinship(error: float, n_samples: int) -> float:
    """The kinship that one of all pairs of `n_samples` unrelated individuals is expected to exceed.

    Estimates are normal with the standard error `error`.
    """
    return float(-ndtri(1 / max(2, n_samples * (n_samples - 1) / 2)) * error)


def detectable_degree(limit: float) -> str:
    """The most distant degree of `DEGREES` with an expected kinship of at least `limit`, or ""."""
    return next((name for name, kinship in DEGREES.items() if kinship >= limit), "")
