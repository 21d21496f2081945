"""Per-SNP log odds ratios without covariates: the same estimator for every cohort.

Without covariates a SNP's logistic likelihood depends on six numbers, the cases and the controls
with 0, 1 and 2 effect alleles, so the exact maximum is found for all SNPs, and all resamples, at
once.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit, log_ndtr

from snpgen.evaluation.cohorts import Cohort
from snpgen.evaluation.intervals import fold

MAX_EFFECT = 10.0  # a log odds ratio beyond this is a separated SNP, not an estimate
_DOSAGE = np.array([0.0, 1.0, 2.0])


class Effects(NamedTuple):
    """Log odds ratio per effect allele and its standard error, float64; NaN where not defined."""

    beta: np.ndarray
    standard_error: np.ndarray

    @property
    def z(self) -> np.ndarray:
        """Wald statistic."""
        return self.beta / self.standard_error

    @property
    def neg_log_10_p(self) -> np.ndarray:
        """-log10 of the two-sided Wald p."""
        return -(log_ndtr(-np.abs(self.z)) + np.log(2)) / np.log(10)


def genotype_counts(cohort: Cohort, seed: int) -> np.ndarray:
    """People by group, class and dosage, float32 (groups, 2 x 3 x m): controls first.

    People with a missing call are in no cell. `seed` deals the groups (`fold`).
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
    """Maximum-likelihood effects from counts (b, 2 x 3 x m), as (b, m) each.

    Newton's method on intercept and slope. NaN where a SNP or a class does not vary, and where
    cases and controls are separated.
    """
    cells = np.asarray(counts, np.float64).reshape(len(counts), 2, 3, -1)
    people, cases = cells.sum(axis=1), cells[:, 1]
    n, n_cases = people.sum(axis=1), cases.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.einsum("bgm,g->bm", people, _DOSAGE) / n
        intercept = np.log(n_cases / (n - n_cases))
        x = _DOSAGE[:, None] - mean[:, None]  # centred, so that the two steps hardly interact
        beta = np.zeros_like(mean)
        for _ in range(30):
            p = expit(intercept[:, None] + beta[:, None] * x)
            residual, w = cases - people * p, people * p * (1 - p)
            wx = w * x
            a, c, d = w.sum(axis=1), wx.sum(axis=1), (wx * x).sum(axis=1)
            u, v = residual.sum(axis=1), (residual * x).sum(axis=1)
            determinant = a * d - c * c
            step = np.clip((a * v - c * u) / determinant, -2, 2)
            intercept += np.clip((d * u - c * v) / determinant, -2, 2)
            beta += step
            finite = np.isfinite(beta) & (np.abs(beta) < MAX_EFFECT)
            if np.all(np.abs(step[finite]) < 1e-6):
                break
        standard_error = np.sqrt(a / determinant)
    known = np.isfinite(beta) & np.isfinite(standard_error) & (np.abs(beta) < MAX_EFFECT)
    return Effects(np.where(known, beta, np.nan), np.where(known, standard_error, np.nan))


def marginal_effects(cohort: Cohort) -> Effects:
    """Effects (m,) of one cohort."""
    counts = genotype_counts(cohort, 0).sum(axis=0, keepdims=True)
    fitted = fit_effects(counts)
    return Effects(fitted.beta[0], fitted.standard_error[0])


class CohortEffects:
    """Effects of one cohort under any weights of its people, in groups dealt with `seed`."""

    def __init__(self, cohort: Cohort, seed: int) -> None:
        self.counts = genotype_counts(cohort, seed)
        self.sample = (len(self.counts), seed)

    def __call__(self, weights: np.ndarray) -> Effects:
        """Effects (b, m) under weights (b, groups)."""
        return fit_effects(weights @ self.counts)
