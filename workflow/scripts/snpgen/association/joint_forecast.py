"""Forecast of attacks that combine several releases of the same cohort."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr, ndtri


def forecast_joint(aucs: Sequence[float]) -> float:
    """Expected AUC for individuals in the training sets of several releases, from the AUC of each release.

    Scores of an attack are approximately normal, and their means in members and in others differ by
    d = sqrt(2) Phi^-1(AUC) standard deviations. The attacker adds the scores, weighted by d; the squares of
    the differences of independent scores then add up. An AUC below 0.5 counts as 0.5. NaN if one is NaN.

    Scores of the same individuals are not independent, but the mean of the squared difference over the
    individuals does not exceed the sum. For exact frequencies it is the mean leverage of the individuals in
    the matrix of their labels, times variants: each linearly independent column adds m / n. The sum counts
    twice what two releases share, such as the overall frequencies, and a second measurement of the same
    contrast adds less than an independent one. There are two exceptions. In a class that contradicts the
    correlation r of two phenotypes, such as cases of one and controls of another with r > 0, the square
    can exceed the sum by the factor 1 / (1 - |r|). And AUCs of individuals of different classes together are
    means over classes, so that their joint AUC is up to 0.01 too small for AUCs of 0.6 or less; combine the
    AUCs by class to avoid this.
    """
    return float(ndtr(np.linalg.norm(ndtri(np.maximum(aucs, 0.5)))))


def forecast_difference(n_variants: int, first: int, second: int, both: int) -> float:
    """Expected AUC for individuals in only one of two training sets, from overall frequencies of two releases.

    The training sets have `first` and `second` individuals, `both` of them in common, and the releases share
    `n_variants`. The difference of the frequencies depends only on the individuals in one of the two sets.
    The errors have the correlation r = both / sqrt(first second), and the attack has the AUC
    Phi(sqrt(m / (2 n (1 - r^2)))) for the n individuals of a set. Frequencies are taken as exact and variants
    as independent, both of which overestimates the AUC. The larger AUC of the two sets; 0.5 if these are equal.
    """
    unshared = 1 - both**2 / (first * second)
    sizes = [n for n in (first, second) if n > both]
    return float(ndtr(np.sqrt(n_variants / (2 * min(sizes) * unshared)))) if sizes else 0.5


def equal_limit(limit: float, phenotypes: int) -> float:
    """The limit of each phenotype at which the joint forecast is at most `limit`, rounded down."""
    return math.floor(1000 * float(ndtr(ndtri(limit) / np.sqrt(phenotypes)))) / 1000
