"""Slope of the effects of validation individuals on the corrected effects of the training individuals.

Empirical Bayes corrects each effect for the selection of large z-scores among all variants of the GWAS, but
not for the selection among neighbours: of each locus, clumping keeps the variant whose error happens to be
in the direction of its effect. Validation individuals show what remains, because they took no part in the
selection. It is one number for each contrast, which is corrected for its own uncertainty.
"""

import numpy as np

from snpgen.generator.conditions import ConditionEncoding
from snpgen.generator.frequencies import inverse_gram
from snpgen.genetics.imputation import impute_genotypes
from snpgen.io.panel import Panel
from snpgen.job import log

# Standard deviation of slopes around 1 that is assumed before validation individuals are seen. In benchmark
# cohorts, slopes were 0.8 to 1.1.
SLOPE_SD = 0.15
_INDIVIDUALS_PER_COEFFICIENT = 10  # at least, of a regression on validation individuals


def fit_slopes(
    differences: np.ndarray,
    panel: Panel,
    variance: np.ndarray,
    encoding: ConditionEncoding,
    weights: np.ndarray,
    scores: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Slopes by which corrected `differences` float64 (k, m) of the mean dosage are multiplied, (k,).

    `variance` (m,) of the training dosages; `weights` (k, classes) as in `generator.contrasts.Contrasts`; `scores`
    (n, p) are principal components of the individuals of the panel. A slope is the posterior mean under a normal prior with mean 1 and standard deviation
    `SLOPE_SD`; without enough validation individuals, in all levels of the label, it is 1.
    """
    conditions = encoding.encode_split(panel, "validation")
    design = np.column_stack([conditions, scores[panel.split == "validation"]])
    all_levels = (conditions[:, : encoding.n_classes].sum(axis=0) > 0).all()
    if not all_levels or len(design) < _INDIVIDUALS_PER_COEFFICIENT * design.shape[1]:
        log.info("too few validation individuals for the slope of effects; used: 1")
        return np.ones(len(weights))
    dosages, _ = impute_genotypes(panel, "validation", seed)
    slope, error = validation_slopes(differences, dosages, variance, design, weights)
    certainty = SLOPE_SD**2 / (SLOPE_SD**2 + error**2)
    found = np.maximum(1 + certainty * (slope - 1), 0)
    for values in zip(slope, error, found, strict=True):
        log.info("slope of effects in validation %.3f (standard error %.3f); used: %.3f", *values)
    return found


def validation_slopes(
    differences: np.ndarray,
    dosages: np.ndarray,
    variance: np.ndarray,
    design: np.ndarray,
    weights: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Slopes (k,) of effects in other individuals on these `differences` (k, m), and standard errors (k,).

    The individuals have `dosages` int8 (n, m) and a `design` (n, c) of conditions, those of the label first,
    and covariates. `weights` (k, classes) turn the label rows of a regression on the design into contrasts.
    Effects are differences divided by the `variance` (m,) of the dosages; each is weighted by this variance.
    The slope is then the contrast of a polygenic score with these effects, divided by its expected value,
    so that its standard error takes LD into account; infinite, with a slope of 1, without differences.
    """
    unit = np.divide(1, variance, out=np.zeros_like(variance), where=variance > 0)
    score = dosages @ (differences * unit).T
    contrast = np.zeros((len(weights), design.shape[1]))
    contrast[:, : weights.shape[1]] = weights
    inverse = inverse_gram(design)
    coefficients = inverse @ (design.T.astype(np.float64) @ score)
    residual = score - design @ coefficients
    free = max(len(design) - np.linalg.matrix_rank(design), 1)
    spread = (
        (residual**2).sum(axis=0) / free * np.einsum("kc,cd,kd->k", contrast, inverse, contrast)
    )
    found, expected = np.einsum("kc,ck->k", contrast, coefficients), differences**2 @ unit
    slope = np.divide(found, expected, out=np.ones_like(found), where=expected > 0)
    error = np.full_like(found, np.inf)
    np.divide(np.sqrt(spread), expected, out=error, where=expected > 0)
    return slope, error
