"""Winner's curse: effects shrunk by as much as all effects of the scan together ask for.

The largest estimates of a scan owe part of their size to chance. Where true effects, in standard
errors, come from a mixture of normals around zero, the posterior mean undoes this on average: the
adaptive shrinkage of Stephens 2017 (Biostatistics 18:275), on z. Against FDR inverse quantile
transformation (Bigdeli et al. 2016, Bioinformatics 32:2598) and Tweedie's formula with a spline
density (Ferguson et al. 2013, Genet Epidemiol 37:60) it had the smallest error and hardly any bias
among the top hits of simulated scans.
"""

import numpy as np

SMALLEST_SPREAD = 0.1  # standard deviation of the narrowest component but that at zero, in z
SPREAD_STEP = np.sqrt(2)  # from one component to the next
ITERATIONS = 20_000
TOLERANCE = 1e-8  # largest change of a weight at which the fit ends

_DIGITS = 2  # to which |z| is rounded in the fit


def fit_prior(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variances (k,) and weights (k,) of the mixture of normals that true z-scores come from.

    `z` (m,) float64, finite, is a true z-score and standard normal noise, which may be correlated.
    The weights maximise the likelihood, by expectation-maximisation.
    """
    size, count = np.unique(np.abs(z).round(_DIGITS), return_counts=True)
    largest = 2 * np.sqrt(max(size[-1] ** 2 - 1, 1))
    steps = np.ceil(np.log(largest / SMALLEST_SPREAD) / np.log(SPREAD_STEP))
    spread = SMALLEST_SPREAD * SPREAD_STEP ** np.arange(steps + 1)
    variance = np.concatenate([[0.0], spread**2])
    log_density = -0.5 * (size[:, None] ** 2 / (1 + variance) + np.log(1 + variance))
    density = np.exp(log_density - log_density.max(axis=1, keepdims=True))
    weight = np.full(len(variance), 1 / len(variance))
    for _ in range(ITERATIONS):
        share = density.T @ (count / (density @ weight))
        previous, weight = weight, weight * share / len(z)
        if np.abs(weight - previous).max() < TOLERANCE:
            break
    return variance, weight


def shrink(z: np.ndarray, variance: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Posterior mean of the true z-scores, float64 (m,), under the prior of `fit_prior`."""
    square, widest = 0.5 * z**2, 1 / (1 + variance[-1])
    total, kept = np.zeros_like(z), np.zeros_like(z)
    for part, prior in zip(weight, variance, strict=True):
        # Densities relative to that of the widest component, which never vanishes.
        density = part * np.exp(-square * (1 / (1 + prior) - widest)) / np.sqrt(1 + prior)
        total += density
        kept += density * prior / (1 + prior)
    return z * np.divide(kept, total, out=np.zeros_like(z), where=total > 0)


def correct_effects(beta: np.ndarray, standard_error: np.ndarray) -> np.ndarray:
    """Effects corrected for winner's curse, float64 (m,).

    `beta` and `standard_error` (m,) are those of a whole scan, not of its hits alone. A corrected
    effect has the sign of `beta` and is not larger; NaN where one of the two is missing.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.asarray(beta, np.float64) / standard_error
    known = np.isfinite(z)
    corrected = np.full(len(z), np.nan)
    if known.any():
        corrected[known] = shrink(z[known], *fit_prior(z[known]))
    return corrected * standard_error
