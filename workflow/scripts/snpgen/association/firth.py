"""Firth logistic regression of one variant, for rare variants, few cases and separation.

The penalty keeps the estimate finite and removes its first-order bias (Firth 1993, Biometrika 80:27; Heinze &
Schemper 2002, Stat Med 21:2409). The p-value comes from the penalised likelihood ratio test; the model
without the effect keeps the penalty of the full model.

A rare variant directly changes the log odds of its carriers only. The log odds of non-carriers change only
slightly, through the coefficients of the covariates. The contribution of non-carriers to likelihood, score
and information is therefore computed from a Taylor expansion about the penalised null model, which is the
same for all variants. A fit then sums only over carriers and individuals with a missing call.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from scipy.linalg import cholesky, solve_triangular
from scipy.special import expit

from snpgen.genetics.packed import NO_CALL

MAX_STEPS = 50
MAX_DECREMENT = 1e-10  # Newton decrement: squared length of the last step, in standard errors
MAX_STEP = 5.0  # largest change of the log odds in one step, as in logistf
MAX_SHIFT = 0.5  # largest change of the log odds by the covariates within the expansion

_CHUNK = 4_096  # individuals


class Expansion(NamedTuple):
    """Expansion of the likelihood about the penalised null model; n individuals, k covariates; float64.

    `outcome`, `predictor` (n,); `basis` (n, k), transformed so that its information is the identity;
    `score` (k,); `third` (k, k, k) the derivative of the information; `fourth` (k, k) the trace of its
    second derivative; `max_norm` the largest norm of a row of `basis`.
    """

    outcome: np.ndarray
    predictor: np.ndarray
    basis: np.ndarray
    score: np.ndarray
    third: np.ndarray
    fourth: np.ndarray
    max_norm: float


# Passed to the compiled loops for a linear model, which needs no penalty.
NO_EXPANSION = Expansion(
    np.empty(0),
    np.empty(0),
    np.empty((0, 0)),
    np.empty(0),
    np.empty((0, 0, 0)),
    np.empty((0, 0)),
    0.0,
)


def _fit_all(
    design: np.ndarray, outcome: np.ndarray, offset: np.ndarray, n_free: int
) -> tuple[np.ndarray, float, np.ndarray]:
    """Coefficients, maximum of the penalised log-likelihood, and information, over all individuals.

    Only the coefficients of the first `n_free` columns of `design` (n, k) are estimated, but the penalty, log
    |information| / 2, includes all columns (Heinze & Schemper 2002, equation 3). Raises
    `np.linalg.LinAlgError` if the fit does not converge.
    """
    theta, best = np.zeros(n_free), -np.inf
    step = np.zeros(n_free)
    for _ in range(2 * MAX_STEPS):
        x = offset + design[:, :n_free] @ (theta + step)
        probability = expit(x)
        half = np.sqrt(probability * (1 - probability))[:, None] * design
        information = half.T @ half
        root = cholesky(information, lower=True)
        likelihood = (outcome * x - np.logaddexp(0, x)).sum()
        value = likelihood + np.log(np.diag(root)).sum()
        if value < best - 1e-9:
            step /= 2
            continue
        theta, best = theta + step, value
        leverage = np.square(solve_triangular(root, half.T, lower=True)).sum(axis=0)
        score = design[:, :n_free].T @ (outcome - probability + leverage * (0.5 - probability))
        step = np.linalg.solve(information[:n_free, :n_free], score)
        if score @ step < MAX_DECREMENT:
            return theta, best, information
        step *= min(1.0, MAX_STEP / np.abs(design[:, :n_free] @ step).max())
    raise np.linalg.LinAlgError("the penalised likelihood did not converge")


def expand(outcome: np.ndarray, predictor: np.ndarray, basis: np.ndarray) -> Expansion:
    """Fit the covariates by Firth's method, and expand the likelihood about that null model.

    `outcome` (n,); `predictor` (n,) are the log odds of the null model, and `basis` (n, k) are its
    covariates.
    """
    n, k = basis.shape
    outcome, predictor = outcome.astype(np.float64), predictor.astype(np.float64)
    theta, _, information = _fit_all(basis, outcome, predictor, k)
    predictor = predictor + basis @ theta
    root = cholesky(information, lower=True)
    basis = np.ascontiguousarray(solve_triangular(root, basis.T, lower=True).T)
    third, fourth = np.zeros((k * k, k)), np.zeros((k, k))
    for start in range(0, n, _CHUNK):
        q = basis[start : start + _CHUNK]
        p = expit(predictor[start : start + _CHUNK])
        w = p * (1 - p)
        pairs = (q[:, :, None] * q[:, None, :]).reshape(len(q), k * k)
        third += pairs.T @ ((w * (1 - 2 * p))[:, None] * q)
        fourth += (q * (w * (1 - 6 * w) * np.square(q).sum(axis=1))[:, None]).T @ q
    return Expansion(
        outcome,
        predictor,
        basis,
        basis.T @ (outcome - expit(predictor)),
        third.reshape(k, k, k),
        fourth,
        float(np.sqrt(np.square(basis).sum(axis=1).max())),
    )


@njit(nogil=True, cache=True)
def _log_probability(x: float, outcome: float) -> float:
    """Log-likelihood of `outcome` (0 or 1) at log odds `x`."""
    return outcome * x - (x + np.log1p(np.exp(-x)) if x > 0 else np.log1p(np.exp(x)))


@njit(nogil=True, cache=True)
def _penalised(
    theta: np.ndarray,
    carriers: np.ndarray,
    copies: np.ndarray,
    expansion: Expansion,
    gradient: np.ndarray,
    information: np.ndarray,
) -> float:
    """Penalised log-likelihood at `theta` (k + 1,), relative to the null model.

    The last element of `theta` is the effect of the variant. `carriers` are the rows of carriers and of
    individuals with a missing call, and `copies` are their dosages, NaN if missing. Fills `gradient` (k + 1,)
    and `information` (k + 1, k + 1). Returns NaN if the information is singular.
    """
    k = len(theta) - 1
    a, beta = theta[:k], theta[k]
    value = 0.0
    gradient[:] = 0.0
    information[:] = 0.0
    for j in range(k):
        information[j, j] = 1.0
        for m in range(k):
            total = 0.0
            for h in range(k):
                total += expansion.third[j, m, h] * a[h]
            information[j, m] += total
            gradient[j] -= 0.5 * total * a[m]
            value -= total * a[j] * a[m] / 6.0
        gradient[j] += expansion.score[j] - a[j]
        value += (expansion.score[j] - 0.5 * a[j]) * a[j]

    before = np.empty(len(carriers))  # derivative of the weight, without the variant
    after = np.zeros(len(carriers))
    for i in range(len(carriers)):
        q, y = expansion.basis[carriers[i]], expansion.outcome[carriers[i]]
        x = expansion.predictor[carriers[i]]
        for j in range(k):
            x += q[j] * a[j]
        p = 1.0 / (1.0 + np.exp(-x))
        w = p * (1.0 - p)
        before[i] = w * (1.0 - 2.0 * p)
        value -= _log_probability(x, y)
        residual, weight = -(y - p), -w
        if not np.isnan(copies[i]):
            g = copies[i]
            x += beta * g
            p = 1.0 / (1.0 + np.exp(-x))
            w = p * (1.0 - p)
            after[i] = w * (1.0 - 2.0 * p)
            value += _log_probability(x, y)
            residual += y - p
            weight += w
            gradient[k] += (y - p) * g
            information[k, k] += w * g * g
            for j in range(k):
                information[k, j] += w * g * q[j]
        for j in range(k):
            gradient[j] += residual * q[j]
            wq = weight * q[j]
            for m in range(j + 1):
                information[j, m] += wq * q[m]
    for j in range(k + 1):
        for m in range(j):
            information[m, j] = information[j, m]

    sign, log_determinant = np.linalg.slogdet(information)
    if not sign > 0:
        return np.nan
    inverse = np.linalg.inv(information)
    value += 0.5 * log_determinant
    for j in range(k):
        total = 0.0
        for m in range(k):
            for h in range(k):
                total += inverse[m, h] * expansion.third[m, h, j]
            total += expansion.fourth[j, m] * a[m]
            value += 0.25 * a[j] * expansion.fourth[j, m] * a[m]
        gradient[j] += 0.5 * total
    for i in range(len(carriers)):
        q = expansion.basis[carriers[i]]
        covariates = shared = 0.0
        for j in range(k):
            total = 0.0
            for m in range(k):
                total += inverse[j, m] * q[m]
            covariates += total * q[j]
            shared += inverse[k, j] * q[j]
        change = -before[i] * covariates
        if not np.isnan(copies[i]):
            g = copies[i]
            leverage = after[i] * (covariates + g * (2.0 * shared + g * inverse[k, k]))
            change += leverage
            gradient[k] += 0.5 * leverage * g
        for j in range(k):
            gradient[j] += 0.5 * change * q[j]
    return value


@njit(nogil=True, cache=True)
def _fit_carriers(
    carriers: np.ndarray, copies: np.ndarray, expansion: Expansion, free: int
) -> tuple[np.ndarray, float, float]:
    """Maximise the penalised log-likelihood over the first `free` of k + 1 coefficients.

    Returns the coefficients, the maximum, and the standard error of the effect. The maximum is NaN if the fit
    does not converge, or if the log odds change by more than `MAX_SHIFT` through the covariates.
    """
    k = expansion.basis.shape[1]
    theta, step = np.zeros(k + 1), np.zeros(k + 1)
    gradient, information = np.empty(k + 1), np.empty((k + 1, k + 1))
    best = -np.inf
    for _ in range(MAX_STEPS):
        value = _penalised(theta + step, carriers, copies, expansion, gradient, information)
        if not value > best - 1e-9:
            step *= 0.5
            if np.sum(step * step) < 1e-20:
                break
            continue
        theta = theta + step
        best = value
        if np.sqrt(np.sum(theta[:k] * theta[:k])) * expansion.max_norm > MAX_SHIFT:
            break
        step = np.zeros(k + 1)
        step[:free] = np.linalg.solve(
            np.ascontiguousarray(information[:free, :free]), gradient[:free]
        )
        if np.sum(step * gradient) < MAX_DECREMENT:
            return theta, best, float(np.sqrt(np.linalg.inv(information)[k, k]))
        largest = max(abs(step[k]) * 2.0, np.sqrt(np.sum(step[:k] * step[:k])) * expansion.max_norm)
        step *= min(1.0, MAX_STEP / max(largest, 1e-300))
    return theta, np.nan, np.nan


@njit(nogil=True, cache=True)
def fit_sparse(
    dosages: np.ndarray, flip: bool, n_carriers: int, expansion: Expansion
) -> tuple[float, float, float]:
    """Beta, standard error and signed root of the penalised likelihood ratio of one variant.

    `dosages` uint8 (n,) with `NO_CALL`; with `flip` the other allele is counted. `n_carriers` is the number
    of counts that are not 0, including missing calls. Results are NaN outside the range of the expansion,
    where `fit_firth` is needed.
    """
    carriers, copies = np.empty(n_carriers, dtype=np.int64), np.empty(n_carriers)
    found = 0
    for i in range(len(dosages)):
        missing = dosages[i] == NO_CALL
        count = 2 - dosages[i] if flip and not missing else dosages[i]
        if count > 0:
            carriers[found] = i
            copies[found] = np.nan if missing else np.float64(count)
            found += 1
    k = expansion.basis.shape[1]
    theta, best, error = _fit_carriers(carriers, copies, expansion, k + 1)
    _, without, _ = _fit_carriers(carriers, copies, expansion, k)
    if np.isnan(best) or np.isnan(without):
        return np.nan, np.nan, np.nan
    root = float(np.sqrt(max(0.0, 2.0 * (best - without))))
    return float(theta[k]), error, root if theta[k] > 0 else -root


def fit_firth(
    genotype: np.ndarray, outcome: np.ndarray, basis: np.ndarray, offset: np.ndarray
) -> tuple[float, float, float]:
    """Beta, standard error and z as in `fit_sparse`, by sums over all individuals: slower, but exact.

    `genotype`, `outcome`, `offset` (n,) and `basis` (n, k) have no missing values. Results are NaN if the
    penalised likelihood has no maximum.
    """
    design = np.column_stack([basis, genotype])
    k = basis.shape[1]
    try:
        theta, best, information = _fit_all(design, outcome, offset, k + 1)
        _, without, _ = _fit_all(design, outcome, offset, k)
    except np.linalg.LinAlgError:
        return np.nan, np.nan, np.nan
    error = np.sqrt(np.linalg.inv(information)[-1, -1])
    ratio = np.sqrt(max(0.0, 2 * (best - without)))
    return float(theta[-1]), float(error), float(np.copysign(ratio, theta[-1]))
