"""Log odds ratios of single variants, with and without principal components as covariates.

Without covariates the logistic likelihood of a variant depends only on the numbers of cases and
controls with 0, 1 and 2 effect alleles, so that all variants are fitted at once. Effects given
principal components are linear discriminant estimates, which need only sums over individuals and are
therefore fast to resample.
"""

from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from snpgen.association.null_model import neg_log_10_p
from snpgen.evaluation.cohorts import Cohort
from snpgen.evaluation.intervals import GROUPS, fold
from snpgen.genetics.ancestry import AncestryComponents, orthonormal_basis
from snpgen.io.plink import allele_frequency, fill_missing

MAX_EFFECT = 10.0  # larger log odds ratios are treated as separation
_CHUNK = 256  # variants converted to floats at once, fewer for large cohorts
_MAX_FLOATS = 20_000_000  # genotypes converted to floats at once
_ROWS = 10_000  # individuals whose genotypes are counted at once
_CONSTANT = 1e-9  # variances below this are zero


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


def genotype_counts(cohort: Cohort) -> np.ndarray:
    """Individuals by class and dosage, float64 (2, 3, m), controls first; missing calls are not counted."""
    counts = np.zeros((2, 3, cohort.dosages.shape[1]))
    for start in range(0, len(cohort), _ROWS):
        rows = slice(start, start + _ROWS)
        part, phenotype = cohort.dosages[rows], cohort.phenotype[rows]
        for label, dosage in product((0, 1), (0, 1, 2)):
            counts[label, dosage] += (part[phenotype == label] == dosage).sum(axis=0)
    return counts


def marginal_effects(cohort: Cohort) -> Effects:
    """Effects (m,) of one cohort without covariates.

    Maximum likelihood; if cases and controls are separated, Firth's penalised likelihood (Firth 1993;
    Heinze 2002). NaN if a variant or the phenotype is constant.
    """
    counts = genotype_counts(cohort)
    samples, cases = counts.sum(axis=0), counts[1]
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


class CohortEffects:
    """Effects of a cohort given principal components, for any weights of its groups of individuals.

    The dosage x and the phenotype y are residualised on the components of the variant's chromosome. The
    log odds ratio is b / s2, where b is the least-squares slope of y on x and s2 the residual variance of
    y. This is the linear discriminant estimate of a logistic coefficient (Cornfield 1962; Halperin,
    Blackwelder & Verter 1971, J Chronic Dis 24:125). It is close to maximum likelihood for the effects of
    single variants. Unlike maximum likelihood, it has no bias in small samples with many components, and
    it is finite if a variant separates cases from controls. Its z is the t statistic of the regression.

    Missing calls are set to twice the frequency in the cohort. `seed` assigns individuals to groups.
    Residuals are not recomputed for each resample.
    """

    def __init__(self, cohort: Cohort, components: AncestryComponents, seed: int) -> None:
        n, m = cohort.dosages.shape
        groups = min(n, GROUPS)
        self.n, self.sample = n, (groups, seed)
        self.degrees_of_freedom = np.full(m, np.nan)
        self.xy, self.xx, self.yy = np.zeros((3, groups, m))  # sums of products by group
        frequency = np.nan_to_num(allele_frequency(cohort.dosages))
        size = max(1, min(_CHUNK, _MAX_FLOATS // max(1, n)))
        phenotype = _centre(cohort.phenotype.astype(np.float64))
        for columns, scores in components.project(cohort.dosages):
            basis = orthonormal_basis(scores)
            y = (phenotype - basis @ (basis.T @ phenotype))[:, None]
            free = n - basis.shape[1] - 2  # without intercept and slope
            self.degrees_of_freedom[columns] = free if free > 0 else np.nan
            self.yy[:, columns] = fold(y * y, seed).sum(axis=0)
            for start in range(0, len(columns), size):
                chunk = columns[start : start + size]
                x = _centre(fill_missing(cohort.dosages[:, chunk], frequency[chunk]))
                x -= basis @ (basis.T @ x)
                self.xy[:, chunk] = fold(x * y, seed).sum(axis=0)
                self.xx[:, chunk] = fold(x * x, seed).sum(axis=0)

    def __call__(self, weights: np.ndarray) -> Effects:
        """Effects (b, m) under weights (b, groups); NaN if a variant or the phenotype is constant."""
        xy, xx, yy = (weights @ part for part in (self.xy, self.xx, self.yy))
        xx = np.where(xx > _CONSTANT * self.n, xx, np.nan)
        residual = (yy - xy**2 / xx) / self.degrees_of_freedom
        residual = np.where(residual > _CONSTANT, residual, np.nan)
        return Effects(xy / xx / residual, 1 / np.sqrt(residual * xx))

    @property
    def estimates(self) -> Effects:
        """Effects (m,) of the cohort itself."""
        effects = self(np.ones((1, self.sample[0])))
        return Effects(effects.beta[0], effects.standard_error[0])


def _centre(values: np.ndarray) -> np.ndarray:
    """The values (n, ...) as float64, minus their means over individuals."""
    centred: np.ndarray = values - values.sum(axis=0, dtype=np.float64) / max(len(values), 1)
    return centred
