"""Firth regression by a general-purpose optimiser, independent of the library."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import chi2


def _maximum(design: np.ndarray, phenotype: np.ndarray, free: np.ndarray) -> tuple[float, float]:
    """Maximum of the penalised log-likelihood over the `free` columns, and the last coefficient.

    The other coefficients are 0, but the penalty, log |X'WX| / 2, is always that of the whole
    `design` (n, k), as in the profile likelihood of logistf (Heinze & Schemper 2002).
    """
    case, columns = phenotype == 1, design[:, free]

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        predictor = columns @ theta
        probability = expit(predictor)
        weight = probability * (1 - probability)
        information = (design.T * weight) @ design
        likelihood = -np.logaddexp(0, np.where(case, -predictor, predictor)).sum()
        leverage = weight * ((design @ np.linalg.inv(information)) * design).sum(axis=1)
        score = columns.T @ (case - probability + leverage * (0.5 - probability))
        return -likelihood - np.linalg.slogdet(information)[1] / 2, -score

    start = np.zeros(free.sum())
    start[0] = np.log(case.mean() / (1 - case.mean())) / design[0, 0]  # the intercept
    fit = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-6, "maxiter": 500})
    return -fit.fun, fit.x[-1]


def fit_penalised(
    genotype: np.ndarray, covariates: np.ndarray, phenotype: np.ndarray
) -> tuple[float, float]:
    """Beta of `genotype` (n,) and -log10 p of the penalised likelihood ratio test.

    `covariates` (n, k) without an intercept, `phenotype` (n,) of 0 and 1; nothing missing.
    """
    standard = (covariates - covariates.mean(axis=0)) / covariates.std(axis=0)
    design = np.column_stack([np.ones(len(genotype)), standard, genotype]).astype(float)
    # Scale all columns to the same information, so that the initial Hessian is almost correct.
    variance = phenotype.mean() * (1 - phenotype.mean())
    scale = np.sqrt(variance * np.square(design).sum(axis=0))
    design /= scale
    free = np.ones(design.shape[1], dtype=bool)
    full, beta = _maximum(design, phenotype, free)
    free[-1] = False
    reduced, _ = _maximum(design, phenotype, free)
    p = chi2.logsf(max(0.0, 2 * (full - reduced)), 1)
    return beta / scale[-1], -p / np.log(10)
