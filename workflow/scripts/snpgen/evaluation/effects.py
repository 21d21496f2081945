"""Log odds ratios of single variants without covariates, by the same estimator for every cohort.

Without covariates the logistic likelihood of a variant depends only on the numbers of cases and
controls with 0, 1 and 2 effect alleles. All variants and resamples are therefore fitted at once.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit

from snpgen.association.null_model import neg_log_10_p
from snpgen.evaluation.cohorts import Cohort
from snpgen.evaluation.intervals import fold

MAX_EFFECT = 10.0  # larger log odds ratios are treated as separation


class Effects(NamedTuple):
    """Log odds ratio per effect allele and its standard error, float64; NaN if undefined."""

    beta: np.ndarray
    standard_error: np.ndarray

    @property
    def z(self) -> np.ndarray:
        """Wald statistic."""
        return self.beta / self.standard_error

    @property
    def neg_log_10_p(self) -> np.ndarray:
        """-log10 of the two-sided Wald p."""
        return neg_log_10_p(self.z)


def genotype_counts(cohort: Cohort, seed: int) -> np.ndarray:
    """Individuals by group, class and dosage, float32 (groups, 2 x 3 x m), controls first.

    Missing calls are not counted. `seed` assigns the groups (`fold`).
    """
    cells = [
        (cohort.dosages == dosage) & (cohort.phenotype == label)[:, None]
        for label in (0, 1)
        for dosage in (0, 1, 2)
    ]
    return np.concatenate(
        [fold(cell, seed).sum(axis=0, dtype=np.float32) for cell in cells], axis=1
    )


def fit_effects(counts: np.ndarray) -> Effects:
    """Effects (b, m) from counts (b, 2 x 3 x m).

    Maximum likelihood; if cases and controls are separated, Firth's penalised likelihood (Firth 1993;
    Heinze 2002). NaN if a variant or the phenotype is constant.
    """
    cells = np.asarray(counts, np.float64).reshape(len(counts), 2, 3, -1)
    samples, cases = (part.transpose(1, 0, 2) for part in (cells.sum(axis=1), cells[:, 1]))
    beta, error = _maximise(samples, cases, firth=False)
    found = np.isfinite(beta) & np.isfinite(error) & (np.abs(beta) < MAX_EFFECT)
    n, n_cases = samples.sum(axis=0), cases.sum(axis=0)
    varies = (samples.max(axis=0) < n) & (n_cases > 0) & (n_cases < n)
    again = varies & ~found
    beta[~found], error[~found] = np.nan, np.nan
    beta[again], error[again] = _maximise(samples[:, again], cases[:, again], firth=True)
    return Effects(beta, error)


def _maximise(samples: np.ndarray, cases: np.ndarray, firth: bool) -> tuple[np.ndarray, np.ndarray]:
    """Slope and standard error (...) by Newton's method, from counts by dosage (3, ...).

    With `firth`, the score is eq. 3 of Heinze & Schemper (2002): residuals plus h (1/2 - p), where h is
    the leverage.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        n, n_cases = samples.sum(axis=0), cases.sum(axis=0)
        mean = (samples[1] + 2 * samples[2]) / n
        x = np.stack(
            [dosage - mean for dosage in (0.0, 1.0, 2.0)]
        )  # centred, so that intercept and slope are nearly uncorrelated
        intercept = np.log(n_cases / (n - n_cases))
        beta = np.zeros_like(mean)
        damping = 0.5 if firth else 1.0  # full steps oscillate if there is a single carrier
        for _ in range(200 if firth else 30):
            p = expit(intercept + beta * x)
            residual, w = cases - samples * p, samples * p * (1 - p)
            wx = w * x
            a, c, d = w.sum(axis=0), wx.sum(axis=0), (wx * x).sum(axis=0)
            determinant = a * d - c * c
            if firth:
                residual += w * (d - 2 * c * x + a * x * x) / determinant * (0.5 - p)
            u, v = residual.sum(axis=0), (residual * x).sum(axis=0)
            step = damping * np.clip((a * v - c * u) / determinant, -2, 2)
            intercept += damping * np.clip((d * u - c * v) / determinant, -2, 2)
            beta += step
            open_ = np.isfinite(beta) & (np.abs(beta) < MAX_EFFECT)
            if np.all(np.abs(step[open_]) < 1e-6):
                break
        return beta, np.sqrt(a / determinant)


def marginal_effects(cohort: Cohort) -> Effects:
    """Effects (m,) of one cohort."""
    counts = genotype_counts(cohort, 0).sum(axis=0, keepdims=True)
    fitted = fit_effects(counts)
    return Effects(fitted.beta[0], fitted.standard_error[0])


class CohortEffects:
    """Effects of a cohort for any weights of its groups; `seed` assigns individuals to groups."""

    def __init__(self, cohort: Cohort, seed: int) -> None:
        self.counts = genotype_counts(cohort, seed)
        self.sample = (len(self.counts), seed)

    def __call__(self, weights: np.ndarray) -> Effects:
        """Effects (b, m) under weights (b, groups)."""
        return fit_effects(weights @ self.counts)
