"""Slope of the effects of validation individuals on the corrected effects of the training individuals.

Empirical Bayes corrects each effect for the selection of large z-scores among all variants of the GWAS, but
not for the selection among neighbours: within a locus, clumping tends to keep the variant whose error
has the sign of its effect. Validation individuals show what remains, because they took no part in the
selection. It is one number for each contrast, which is corrected for its own uncertainty.
"""

from collections.abc import Iterable

import numpy as np

from snpgen.generator.conditions import ConditionEncoding
from snpgen.generator.frequencies import inverse_gram
from snpgen.genetics.ancestry import AncestryComponents
from snpgen.genetics.imputation import impute_genotypes
from snpgen.io.panel import Panel
from snpgen.job import log

# Standard deviation of slopes around 1 that is assumed before validation individuals are seen. In benchmark
# cohorts, slopes were 0.8 to 1.1.
SLOPE_SD = 0.15
# Fewest validation individuals for each coefficient of the regression, and in each level of the label: the standard
# error is too small with fewer.
_INDIVIDUALS_PER_COEFFICIENT, _INDIVIDUALS_PER_LEVEL = 10, 10
_ALIASED = 1e-6  # part of a contrast that the design does not determine
_LEVERAGE = 1 - 1e-9  # of an individual whose residual is 0 by definition


def fit_slopes(
    differences: np.ndarray,
    panel: Panel,
    variance: np.ndarray,
    encoding: ConditionEncoding,
    weights: np.ndarray,
    ancestry: AncestryComponents,
    scores: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Slopes by which corrected `differences` float64 (k, m) of the mean dosage are multiplied, (k,).

    `variance` (m,) of the training dosages; `weights` (k, classes) as in `generator.contrasts.Contrasts`;
    differences are those given the components of `ancestry` or, if there are none, of the whole genome, whose
    `scores` (n, p) are those of the validation individuals. A slope is the posterior mean under a normal prior with
    mean 1 and standard deviation `SLOPE_SD`. It is 1 if there are fewer than ten validation individuals in a level
    of the label that the contrast compares, or fewer than ten per coefficient of the regression.
    """
    conditions = encoding.encode_split(panel, "validation")
    levels = conditions[:, : encoding.n_classes].sum(axis=0)
    enough = ((levels >= _INDIVIDUALS_PER_LEVEL) | (weights == 0)).all(axis=1)
    if not enough.any():
        return _no_slopes(weights)
    dosages, _ = impute_genotypes(panel, "validation", seed)
    genome_wide = [(np.arange(dosages.shape[1]), scores)]
    components = list(ancestry.project(dosages)) if ancestry.exist else genome_wide
    width = conditions.shape[1] + max(scores.shape[1] for _, scores in components)
    if len(dosages) < _INDIVIDUALS_PER_COEFFICIENT * width:
        return _no_slopes(weights)
    slope, error = validation_slopes(
        differences, dosages, variance, conditions, components, weights
    )
    certainty = SLOPE_SD**2 / (SLOPE_SD**2 + error**2)
    found = np.where(enough, np.maximum(1 + certainty * (slope - 1), 0), 1)
    for values in zip(slope, error, found, strict=True):
        log.info("slope of effects in validation %.3f (standard error %.3f); used: %.3f", *values)
    return found


def _no_slopes(weights: np.ndarray) -> np.ndarray:
    log.info("too few validation individuals for the slope of effects; used: 1")
    return np.ones(len(weights))


def validation_slopes(
    differences: np.ndarray,
    dosages: np.ndarray,
    variance: np.ndarray,
    conditions: np.ndarray,
    components: Iterable[tuple[np.ndarray, np.ndarray]],
    weights: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Slopes (k,) of effects in other individuals on these `differences` (k, m), and standard errors (k,).

    The individuals have `dosages` int8 (n, m) and `conditions` (n, c), those of the label first. `components` are
    variants (indices) and the scores (n, d) given which their effects are estimated. `weights` (k, classes) turn
    the label rows of a regression on conditions and scores into contrasts. Effects are differences divided by the
    `variance` (m,) of the dosages; each is weighted by this variance. The slope is then the sum of contrasts of
    polygenic scores with these effects, divided by its expected value. Its standard error takes LD into account and
    does not assume equal variances (HC3, MacKinnon & White 1985, J Econometrics 29:305). Without differences, or if
    the contrast is aliased with other conditions, the slope is 1 and its error infinite.
    """
    effects = np.divide(differences, variance, out=np.zeros_like(differences), where=variance > 0)
    found, influence = np.zeros(len(weights)), np.zeros((len(dosages), len(weights)))
    known = (differences != 0).any(axis=1)
    for variants, scores in components:
        design = np.column_stack([conditions, scores]).astype(np.float64)
        polygenic = dosages[:, variants] @ effects[:, variants].T
        inverse = inverse_gram(design)
        wanted = np.zeros((len(weights), design.shape[1]))
        wanted[:, : weights.shape[1]] = weights
        determined = wanted @ inverse @ (design.T @ design)
        known &= np.abs(determined - wanted).max(axis=1) < _ALIASED
        contrast = design @ inverse @ wanted.T
        residual = polygenic - design @ (inverse @ (design.T @ polygenic))
        leverage = ((design @ inverse) * design).sum(axis=1, keepdims=True)
        found += (contrast * polygenic).sum(axis=0)
        influence += contrast * residual / (1 - leverage.clip(max=_LEVERAGE))
    expected = (differences * effects).sum(axis=1)
    known &= expected > 0
    slope = np.divide(found, expected, out=np.ones_like(found), where=known)
    error = np.full_like(found, np.inf)
    np.divide(np.sqrt((influence**2).sum(axis=0)), expected, out=error, where=known)
    return slope, error
