"""Score test and maximum likelihood of one variant at a time: the compiled loops of the scan.

Genotypes are residualised on the covariates in the metric of the null model, so that the information
of the covariates is the identity there and a Newton step of the effect is a quotient of two sums.
Sums over a segment of people are float32, those over segments float64.
"""

import numpy as np
from numba import njit

from snpgen.association.segments import (
    SEGMENT,
    UNROLLED,
    Samples,
    add_combination,
    add_products,
)
from snpgen.genetics.packed import NO_CALL

MAX_SWEEPS = 25
TOLERANCE = 3e-4  # standard errors: the last step, which leaves about a fiftieth of it
LOOSE = 5e-4  # part of the information that is shared with covariates before theirs is summed again

_LOG2_E = np.float32(1.4426950408889634)
_NO_CALL = np.uint8(NO_CALL)
_ZERO, _HALF, _ONE, _TWO = (np.float32(value) for value in (0, 0.5, 1, 2))
_FURTHEST = np.float32(126)  # powers of two that a float32 holds
# Minimax polynomial of 2^x on [-1/2, 1/2], relative error 2e-7 (coefficients ln(2)^i / i!, refined).
_C1, _C2, _C3, _C4, _C5, _C6 = (
    np.float32(value)
    for value in (
        0.69314718055994531,
        0.24022650695910072,
        0.055504108664821580,
        0.0096181291076284772,
        0.0013333558146428443,
        0.00015403530393381610,
    )
)


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _score_sums(
    dosages: np.ndarray, flip: bool, samples: Samples, shared: np.ndarray
) -> tuple[float, float]:
    """Score and information of the variant alone; fill `shared` (1, k), what covariates share in it."""
    weighted = np.empty((1, SEGMENT), dtype=np.float32)
    first, sign = (_TWO, -_ONE) if flip else (_ZERO, _ONE)
    score = information = 0.0
    shared[:] = 0.0
    for t in range(len(dosages)):
        dosage, residual, weight = dosages[t], samples.residual[t], samples.weight[t]
        part = part_information = _ZERO
        for i in range(SEGMENT):
            copies = (first + sign * np.float32(dosage[i])) * np.float32(dosage[i] != _NO_CALL)
            part += residual[i] * copies
            product = weight[i] * copies
            weighted[0, i] = product
            part_information += product * copies
        score += float(part)
        information += float(part_information)
        add_products(weighted, samples.basis[t], shared)
    return score, information


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _subtract_missing(
    dosages: np.ndarray, samples: Samples, metric: np.ndarray, gradient: np.ndarray
) -> float:
    """Take people without a call out of the covariates' information and score.

    Returns the sum of squares of their residuals.
    """
    k = len(gradient)
    squares = 0.0
    for t in range(len(dosages)):
        for i in range(SEGMENT):
            if dosages[t, i] == _NO_CALL:
                residual = np.float64(samples.residual[t, i])
                squares += residual * residual
                for j in range(k):
                    q = np.float64(samples.basis[t, j, i])
                    gradient[j] -= residual * q
                    q *= samples.weight[t, i]
                    for m in range(j + 1):
                        metric[j, m] -= q * samples.basis[t, m, i]
    for j in range(k):
        for m in range(j):
            metric[m, j] = metric[j, m]
    return squares


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _residualise(
    dosages: np.ndarray, flip: bool, samples: Samples, slope: np.ndarray, genotype: np.ndarray
) -> None:
    """Fill `genotype` float32 (s, `SEGMENT`): copies minus `slope` (k,) times the covariates."""
    first, sign = (_TWO, -_ONE) if flip else (_ZERO, _ONE)
    slopes = (-slope).astype(np.float32)
    for t in range(len(dosages)):
        dosage, out = dosages[t], genotype[t]
        for i in range(SEGMENT):
            out[i] = first + sign * np.float32(dosage[i])
        add_combination(slopes, samples.basis[t], out)


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _sweep(
    dosages: np.ndarray,
    genotype: np.ndarray,
    samples: Samples,
    beta: float,
    shift: np.ndarray,
    sums: np.ndarray,
    information: np.ndarray,
    full: bool,
) -> tuple[float, float, float]:
    """Score, information and third derivative of the effect at `beta` and `shift` (k,).

    Fills `sums` (2, k), the covariates' score and what they share in the information, and, where
    `full`, their own `information` (k, k).
    """
    k = len(shift)
    beta_single = np.float32(beta)
    shifts = shift.astype(np.float32)
    moved = False
    for j in range(k):
        moved = moved or shift[j] != 0.0
    x = np.empty(SEGMENT, dtype=np.float32)
    fraction = np.empty(SEGMENT, dtype=np.float32)
    exponent = np.empty(SEGMENT, dtype=np.int32)
    power = exponent.view(np.float32)
    weight = np.empty(SEGMENT, dtype=np.float32)
    values = np.empty((2, SEGMENT), dtype=np.float32)  # residuals and weighted genotypes
    score = own = third = 0.0
    sums[:] = 0.0
    if full:
        information[:] = 0.0
    for t in range(len(dosages)):
        dosage, g, predictor, outcome = (
            dosages[t],
            genotype[t],
            samples.predictor[t],
            samples.outcome[t],
        )
        for i in range(SEGMENT):
            x[i] = predictor[i] + beta_single * g[i]
        if moved:
            add_combination(shifts, samples.basis[t], x)
        # exp(-x) as a power of two: its whole part sets the exponent's bits.
        for i in range(SEGMENT):
            twos = min(max(-x[i] * _LOG2_E, -_FURTHEST), _FURTHEST)
            whole = np.floor(twos + _HALF)
            fraction[i] = twos - whole
            exponent[i] = (np.int32(whole) + np.int32(127)) << np.int32(23)
        part = part_own = part_third = _ZERO
        for i in range(SEGMENT):
            f = fraction[i]
            root = ((((_C6 * f + _C5) * f + _C4) * f + _C3) * f + _C2) * f + _C1
            probability = _ONE / (_ONE + (root * f + _ONE) * power[i])
            called = np.float32(dosage[i] != _NO_CALL)
            r = (outcome[i] - probability) * called
            w = probability * (_ONE - probability) * called
            product = w * g[i]
            values[0, i] = r
            weight[i] = w
            values[1, i] = product
            part += r * g[i]
            part_own += product * g[i]
            part_third += product * g[i] * g[i] * (_ONE - _TWO * probability)
        score += float(part)
        own += float(part_own)
        third += float(part_third)
        add_products(values, samples.basis[t], sums)
        if full:
            for j in range(k):
                q = samples.basis[t, j]
                for i in range(SEGMENT):
                    values[0, i] = weight[i] * q[i]
                block = j - j % UNROLLED + UNROLLED  # to the diagonal, in whole blocks
                add_products(values[:1], samples.basis[t, :block], information[j : j + 1, :block])
    if full:
        for j in range(k):
            for m in range(j):
                information[m, j] = information[j, m]
    return score, own, third


@njit(nogil=True, cache=True)
def _solve(metric: np.ndarray, identity: bool, vector: np.ndarray) -> np.ndarray:
    return vector.copy() if identity else np.linalg.solve(metric, vector)


@njit(nogil=True, cache=True)
def _pad(metric: np.ndarray, n_covariates: int) -> None:
    """Ones on the diagonal of the padding, so that the metric can be solved."""
    for j in range(n_covariates, len(metric)):
        metric[j, j] = 1.0


@njit(nogil=True, cache=True)
def score_test(
    dosages: np.ndarray, flip: bool, missing: bool, n_covariates: int, samples: Samples
) -> tuple[float, float, np.ndarray, np.ndarray, np.ndarray, float]:
    """One Newton step from the null model: score, information and what led to them.

    `dosages` uint8 (s, `SEGMENT`) with `NO_CALL`; with `flip` the other allele is counted. People without
    a call are taken out of the null model to first order. Returns score and information of the
    residualised genotype, the slope (k,) of the genotype on the covariates, the covariates' shift (k,)
    and metric (k, k), and the residual sum of squares that goes with the missing people.
    """
    k = samples.basis.shape[1]
    products, gradient = np.empty((1, k)), np.zeros(k)
    shared = products[0]
    metric = np.eye(k)
    score, information = _score_sums(dosages, flip, samples, products)
    squares = 0.0
    if missing:
        squares = _subtract_missing(dosages, samples, metric, gradient)
        _pad(metric, n_covariates)
    slope = _solve(metric, not missing, shared)
    shift = _solve(metric, not missing, gradient)
    for j in range(k):
        score -= slope[j] * gradient[j]
        information -= slope[j] * shared[j]
        squares += shift[j] * gradient[j]
    return score, information, slope, shift, metric, squares


@njit(nogil=True, cache=True)
def maximise(
    dosages: np.ndarray,
    flip: bool,
    missing: bool,
    n_covariates: int,
    samples: Samples,
    score: float,
    information: float,
    slope: np.ndarray,
    shift: np.ndarray,
    metric: np.ndarray,
    genotype: np.ndarray,
) -> tuple[float, float, bool]:
    """Beta, its standard error, and whether the maximum was reached.

    Arguments as `score_test` takes and gives them; `genotype` float32 like `dosages` is scratch.
    Newton's method from the score test's step, with the covariates' information of the null model
    and, where that is too loose, the one summed at the point itself. Steps stay within the bracket that
    the sign of the score has shown so far.
    """
    k = len(slope)
    sums = np.empty((2, k))
    gradient, cross = sums[0], sums[1]
    _residualise(dosages, flip, samples, slope, genotype)
    beta: float = min(max(score / information, -3.0), 3.0)
    low, high = -float(np.inf), float(np.inf)
    identity, full = not missing, False
    for sweep in range(1, MAX_SWEEPS + 1):
        u, v, third = _sweep(dosages, genotype, samples, beta, shift, sums, metric, full)
        if full:
            _pad(metric, n_covariates)
        solved = _solve(metric, identity, cross)
        v_left = v - np.sum(solved * cross)
        if not v_left > 1e-7 * v or v <= 1e-9:
            return np.nan, np.nan, False
        profile = u - np.sum(solved * gradient)
        step = float(profile / v_left)
        solved_gradient = _solve(metric, identity, gradient)
        change = solved_gradient - solved * step
        moved = max(step * step * v_left, np.sum(change * change))
        loose = not full and np.sum(cross * cross) > LOOSE * v
        if moved < TOLERANCE * TOLERANCE and abs(step) < 0.05 and not loose:
            error = 1.0 / np.sqrt(max(v_left + third * step, 0.5 * v_left))
            return beta + step, error, True
        if loose and (moved < 1e4 * TOLERANCE * TOLERANCE or sweep > 5):
            full, identity = True, False  # from here on their information is summed at the point
        if profile > 0:
            low = beta
        else:
            high = beta
        if not (low < beta + step < high) and np.isfinite(low + high):
            step = 0.5 * (low + high) - beta
        step = min(max(step, -2.0), 2.0)
        beta += step
        shift = shift + solved_gradient - solved * step
    return np.nan, np.nan, False
