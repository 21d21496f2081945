"""Firth's penalised likelihood of one variant, for rare variants, few cases and separation.

The penalty keeps the estimate finite and takes off the bias of first order (Firth 1993, Biometrika
80:27; Heinze & Schemper 2002, Stat Med 21:2409). P is that of the penalised likelihood ratio, the
penalty of the model without the effect being that of all columns.

A rare variant changes the log odds of its carriers only. For all others the covariates move a little
from the penalised null model, and what they add to likelihood, score and information is an expansion
about it, summed once for all variants. So a fit goes over carriers and people without a call, not
over everybody.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from scipy.linalg import cholesky, solve_triangular

from snpgen.genetics.packed import NO_CALL

MAX_STEPS = 50
DECREMENT = 1e-10  # squared length of the last step, in standard errors
LONGEST_STEP = 5.0  # on the log odds, as in logistf
MAX_REACH = 0.5  # log odds by which covariates may move anybody before the expansion is too short

_CHUNK = 4_096


class Expansion(NamedTuple):
    """The likelihood about the penalised null model, for n people and k covariates, all float64.

    `outcome`, `predictor` (n,); `basis` (n, k), whose information is the identity; `score` (k,);
    `third` (k, k, k) the derivative of the information; `fourth` (k, k) the trace of the second;
    `longest` the length of the longest row of `basis`.
    """

    outcome: np.ndarray
    predictor: np.ndarray
    basis: np.ndarray
    score: np.ndarray
    third: np.ndarray
    fourth: np.ndarray
    longest: float


# What a linear model, which has no likelihood to penalise, gives the compiled loops.
NO_EXPANSION = Expansion(
    np.empty(0),
    np.empty(0),
    np.empty((0, 0)),
    np.empty(0),
    np.empty((0, 0, 0)),
    np.empty((0, 0)),
    0.0,
)


def _maximise_exactly(
    design: np.ndarray, outcome: np.ndarray, offset: np.ndarray, n_free: int
) -> tuple[np.ndarray, float, np.ndarray]:
    """Coefficients, penalised log-likelihood and information at its maximum, over all people.

    Only the first `n_free` columns of `design` (n, k) have a coefficient, but the penalty,
    log |information| / 2, is that of all columns (Heinze & Schemper 2002, equation 3).
    """
    theta, best = np.zeros(n_free), -np.inf
    step = np.zeros(n_free)
    for _ in range(2 * MAX_STEPS):
        x = offset + design[:, :n_free] @ (theta + step)
        probability = 1 / (1 + np.exp(-x))
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
        if score @ step < DECREMENT:
            return theta, best, information
        step *= min(1.0, LONGEST_STEP / np.abs(design[:, :n_free] @ step).max())
    raise np.linalg.LinAlgError("the penalised likelihood did not reach its maximum")


def expand(outcome: np.ndarray, predictor: np.ndarray, basis: np.ndarray) -> Expansion:
    """Fit the covariates by Firth's likelihood and sum the expansion there over people.

    `outcome` (n,), `predictor` (n,) the log odds of the null model, `basis` (n, k) its covariates.
    """
    n, k = basis.shape
    outcome, predictor = outcome.astype(np.float64), predictor.astype(np.float64)
    theta, _, information = _maximise_exactly(basis, outcome, predictor, k)
    predictor = predictor + basis @ theta
    root = cholesky(information, lower=True)
    basis = np.ascontiguousarray(solve_triangular(root, basis.T, lower=True).T)
    third, fourth = np.zeros((k * k, k)), np.zeros((k, k))
    for start in range(0, n, _CHUNK):
        q = basis[start : start + _CHUNK]
        p = 1 / (1 + np.exp(-predictor[start : start + _CHUNK]))
        w = p * (1 - p)
        pairs = (q[:, :, None] * q[:, None, :]).reshape(len(q), k * k)
        third += pairs.T @ ((w * (1 - 2 * p))[:, None] * q)
        fourth += (q * (w * (1 - 6 * w) * np.square(q).sum(axis=1))[:, None]).T @ q
    return Expansion(
        outcome,
        predictor,
        basis,
        basis.T @ (outcome - 1 / (1 + np.exp(-predictor))),
        third.reshape(k, k, k),
        fourth,
        float(np.sqrt(np.square(basis).sum(axis=1).max())),
    )


@njit(nogil=True, cache=True)
def _log_probability(x: float, outcome: float) -> float:
    """Log-likelihood of an outcome at log odds `x`."""
    return outcome * x - (x + np.log1p(np.exp(-x)) if x > 0 else np.log1p(np.exp(x)))


@njit(nogil=True, cache=True)
def _penalised(
    theta: np.ndarray,
    samples: np.ndarray,
    copies: np.ndarray,
    null: Expansion,
    gradient: np.ndarray,
    information: np.ndarray,
) -> float:
    """Penalised log-likelihood at `theta` (k + 1,), the effect last, relative to the null model's.

    `people` are carriers and those without a call, `copies` their alleles, NaN for no call. Fills
    `gradient` (k + 1,) and `information` (k + 1, k + 1). NaN where the information is singular.
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
                total += null.third[j, m, h] * a[h]
            information[j, m] += total
            gradient[j] -= 0.5 * total * a[m]
            value -= total * a[j] * a[m] / 6.0
        gradient[j] += null.score[j] - a[j]
        value += (null.score[j] - 0.5 * a[j]) * a[j]

    before = np.empty(len(samples))  # derivative of the weight without the variant, and with it
    after = np.zeros(len(samples))
    for i in range(len(samples)):
        q, y = null.basis[samples[i]], null.outcome[samples[i]]
        x = null.predictor[samples[i]]
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
                total += inverse[m, h] * null.third[m, h, j]
            total += null.fourth[j, m] * a[m]
            value += 0.25 * a[j] * null.fourth[j, m] * a[m]
        gradient[j] += 0.5 * total
    for i in range(len(samples)):
        q = null.basis[samples[i]]
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
def _maximise(
    samples: np.ndarray, copies: np.ndarray, null: Expansion, free: int
) -> tuple[np.ndarray, float, float]:
    """Maximum over the first `free` of k + 1 coefficients: them, the value, the effect's error.

    The value is NaN where no maximum was reached, or covariates had to move further than the
    expansion reaches.
    """
    k = null.basis.shape[1]
    theta, step = np.zeros(k + 1), np.zeros(k + 1)
    gradient, information = np.empty(k + 1), np.empty((k + 1, k + 1))
    best = -np.inf
    for _ in range(MAX_STEPS):
        value = _penalised(theta + step, samples, copies, null, gradient, information)
        if not value > best - 1e-9:
            step *= 0.5
            if np.sum(step * step) < 1e-20:
                break
            continue
        theta = theta + step
        best = value
        if np.sqrt(np.sum(theta[:k] * theta[:k])) * null.longest > MAX_REACH:
            break
        step = np.zeros(k + 1)
        step[:free] = np.linalg.solve(
            np.ascontiguousarray(information[:free, :free]), gradient[:free]
        )
        if np.sum(step * gradient) < DECREMENT:
            return theta, best, float(np.sqrt(np.linalg.inv(information)[k, k]))
        furthest = max(abs(step[k]) * 2.0, np.sqrt(np.sum(step[:k] * step[:k])) * null.longest)
        step *= min(1.0, LONGEST_STEP / max(furthest, 1e-300))
    return theta, np.nan, np.nan


@njit(nogil=True, cache=True)
def fit_sparse(
    dosages: np.ndarray, flip: bool, n_special: int, null: Expansion
) -> tuple[float, float, float]:
    """Beta, standard error and signed root of the penalised likelihood ratio of one variant.

    `dosages` uint8 (n,) with `NO_CALL`, of which `n_special` are not zero once flipped. NaN where the
    expansion does not reach: `fit_firth` does.
    """
    samples, copies = np.empty(n_special, dtype=np.int64), np.empty(n_special)
    found = 0
    for i in range(len(dosages)):
        missing = dosages[i] == NO_CALL
        count = 2 - dosages[i] if flip and not missing else dosages[i]
        if count > 0:
            samples[found] = i
            copies[found] = np.nan if missing else np.float64(count)
            found += 1
    k = null.basis.shape[1]
    theta, best, error = _maximise(samples, copies, null, k + 1)
    _, without, _ = _maximise(samples, copies, null, k)
    if np.isnan(best) or np.isnan(without):
        return np.nan, np.nan, np.nan
    root = float(np.sqrt(max(0.0, 2.0 * (best - without))))
    return float(theta[k]), error, root if theta[k] > 0 else -root


def fit_firth(
    genotype: np.ndarray, outcome: np.ndarray, basis: np.ndarray, offset: np.ndarray
) -> tuple[float, float, float]:
    """What `fit_sparse` gives, by sums over all people: slower, and with no bound on the covariates.

    `genotype`, `outcome`, `offset` (n,) and `basis` (n, k) without missing values. NaN where the
    penalised likelihood has no maximum either.
    """
    design = np.column_stack([basis, genotype])
    k = basis.shape[1]
    try:
        theta, best, information = _maximise_exactly(design, outcome, offset, k + 1)
        _, without, _ = _maximise_exactly(design, outcome, offset, k)
    except np.linalg.LinAlgError:
        return np.nan, np.nan, np.nan
    error = np.sqrt(np.linalg.inv(information)[-1, -1])
    ratio = np.sqrt(max(0.0, 2 * (best - without)))
    return float(theta[-1]), float(error), float(np.copysign(ratio, theta[-1]))
