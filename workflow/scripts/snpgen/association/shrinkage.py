"""Correction for winner's curse by empirical Bayes shrinkage of the effects of a GWAS.

The largest estimates of a GWAS are too large on average, because they are selected. If the true
z-scores follow a mixture of normal distributions centred at zero, the posterior mean is unbiased
under selection. This is adaptive shrinkage (Stephens 2017, Biostatistics 18:275), applied to z-scores.
For the top hits of simulated GWAS, it had a smaller error and less bias than FDR inverse quantile
transformation (Bigdeli et al. 2016, Bioinformatics 32:2598) and Tweedie's formula with a spline
density (Ferguson et al. 2013, Genet Epidemiol 37:60).
"""

from typing import NamedTuple

import numpy as np

MIN_SD = 0.1  # of the narrowest component except the point mass at zero, in units of z
SD_RATIO = np.sqrt(2)  # of successive components
MAX_ITERATIONS = 20_000
TOLERANCE = 1e-8  # largest change of a weight at convergence

_DECIMALS = 2  # to which |z| is rounded in the fit


class Prior(NamedTuple):
    """Distribution of true z-scores: normals centred at 0 with `variance` (k,) and `weight` (k,).

    `slope` multiplies the shrinkage factors: the true z-scores of selected variants can be smaller than those
    of all variants with the same z, for example after clumping, which selects local maxima of |z|.
    """

    variance: np.ndarray
    weight: np.ndarray
    slope: float = 1.0


class Posterior(NamedTuple):
    """Posterior `mean` and `variance` (m,) of true z-scores, and the factor `shrinkage` of differences.

    `shrinkage` is between 0 and 1. It is the mean divided by z (the limit of this ratio at z = 0), unless the
    slope of the prior exceeds 1: the mean is then that for a slope of 1, so that no error counts as known to
    be small because other effects were shrunken too much. `certainty` is the factor for a slope of 1.
    """

    mean: np.ndarray
    variance: np.ndarray
    shrinkage: np.ndarray
    certainty: np.ndarray


def fit_prior(z: np.ndarray) -> Prior:
    """Fit the prior of true z-scores by maximum likelihood (expectation-maximisation).

    `z` (m,) float64, finite, are true z-scores plus standard normal noise, which may be correlated.
    """
    size, count = np.unique(np.abs(z).round(_DECIMALS), return_counts=True)
    largest = 2 * np.sqrt(max(size[-1] ** 2 - 1, 1))
    steps = np.ceil(np.log(largest / MIN_SD) / np.log(SD_RATIO))
    sd = MIN_SD * SD_RATIO ** np.arange(steps + 1)
    variance = np.concatenate([[0.0], sd**2])
    log_density = -0.5 * (size[:, None] ** 2 / (1 + variance) + np.log(1 + variance))
    density = np.exp(log_density - log_density.max(axis=1, keepdims=True))
    weight = np.full(len(variance), 1 / len(variance))
    for _ in range(MAX_ITERATIONS):
        share = density.T @ (count / (density @ weight))
        previous, weight = weight, weight * share / len(z)
        if np.abs(weight - previous).max() < TOLERANCE:
            break
    return Prior(variance, weight)


def shrink(z: np.ndarray, prior: Prior) -> Posterior:
    """Posterior of the true z-scores, given observed `z` (m,) with a standard error of 1."""
    square, widest = 0.5 * z**2, 1 / (1 + prior.variance[-1])
    total, first, second = (np.zeros_like(z) for _ in range(3))
    for weight, variance in zip(prior.weight, prior.variance, strict=True):
        # Relative to the density of the widest component, which does not underflow.
        density = weight * np.exp(-square * (1 / (1 + variance) - widest)) / np.sqrt(1 + variance)
        kept = variance / (1 + variance)
        total += density
        first += density * kept
        second += density * kept**2
    present = total > 0
    shrinkage, squares = (
        np.divide(part, total, out=np.zeros_like(z), where=present) for part in (first, second)
    )
    # Of each component the posterior mean is z kept and the posterior variance is kept.
    variance = shrinkage + z**2 * (squares - shrinkage**2).clip(min=0)
    mean = min(prior.slope, 1.0) * shrinkage * z
    return Posterior(mean, variance, np.minimum(prior.slope * shrinkage, 1), shrinkage)


def correct_effects(beta: np.ndarray, standard_error: np.ndarray) -> np.ndarray:
    """Effects corrected for winner's curse, float64 (m,).

    `beta` and `standard_error` (m,) must include all variants of a GWAS, not only its hits. A
    corrected effect has the sign of `beta` and no larger absolute value; NaN if either input is missing.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.asarray(beta, np.float64) / standard_error
    known = np.isfinite(z)
    corrected = np.full(len(z), np.nan)
    if known.any():
        corrected[known] = shrink(z[known], fit_prior(z[known])).mean
    return corrected * standard_error
