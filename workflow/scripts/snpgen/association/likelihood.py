"""Score test and maximum likelihood of one variant: compiled loops of the GWAS.

Genotypes are residualised on the covariates with the weights of the null model. The covariates are
transformed so that their information is the identity. A Newton step of the effect is therefore the ratio of
two sums. Sums within a segment of individuals are float32, sums over segments float64.
"""

import numpy as np
from numba import njit

from snpgen.association.segments import (
    SEGMENT,
    UNROLLED,
    SegmentedModel,
    add_combination,
    add_products,
)
from snpgen.genetics.packed import NO_CALL

MAX_SWEEPS = 25
TOLERANCE = 3e-4  # of the last step, in standard errors; the error is about 1/50 of this step
# Largest share of a variant's information that the covariates may explain at the current estimate. If they
# explain more, their information is computed at this estimate. Otherwise it is taken from the null model.
MAX_SHARED = 5e-4

_LOG2_E = np.float32(1.4426950408889634)
_NO_CALL = np.uint8(NO_CALL)
_ZERO, _HALF, _ONE, _TWO = (np.float32(value) for value in (0, 0.5, 1, 2))
_MAX_EXPONENT = np.float32(126)  # largest exponent of 2; float32 allows 127
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
    dosages: np.ndarray, flip: bool, model: SegmentedModel, cross: np.ndarray
) -> tuple[float, float]:
    """Score and information of the variant; `cross` (1, k) is set to its information with the covariates."""
    weighted = np.empty((1, SEGMENT), dtype=np.float32)
    first, sign = (_TWO, -_ONE) if flip else (_ZERO, _ONE)
    score = information = 0.0
    cross[:] = 0.0
    for t in range(len(dosages)):
        dosage, residual, weight = dosages[t], model.residual[t], model.weight[t]
        part = part_information = _ZERO
        for i in range(SEGMENT):
            copies = (first + sign * np.float32(dosage[i])) * np.float32(dosage[i] != _NO_CALL)
            part += residual[i] * copies
            product = weight[i] * copies
            weighted[0, i] = product
            part_information += product * copies
        score += float(part)
        information += float(part_information)
        add_products(weighted, model.basis[t], cross)
    return score, information


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _subtract_missing(
    dosages: np.ndarray, model: SegmentedModel, metric: np.ndarray, gradient: np.ndarray
) -> float:
    """Subtract individuals with a missing call from the information and score of the covariates.

    `metric` (k, k) and `gradient` (k,) are updated. Returns the sum of squared residuals of these
    individuals.
    """
    k = len(gradient)
    squares = 0.0
    for t in range(len(dosages)):
        for i in range(SEGMENT):
            if dosages[t, i] == _NO_CALL:
                residual = np.float64(model.residual[t, i])
                squares += residual * residual
                for j in range(k):
                    q = np.float64(model.basis[t, j, i])
                    gradient[j] -= residual * q
                    q *= model.weight[t, i]
                    for m in range(j + 1):
                        metric[j, m] -= q * model.basis[t, m, i]
    for j in range(k):
        for m in range(j):
            metric[m, j] = metric[j, m]
    return squares


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _residualise(
    dosages: np.ndarray, flip: bool, model: SegmentedModel, slope: np.ndarray, genotype: np.ndarray
) -> None:
    """Fill `genotype` float32 (s, `SEGMENT`): dosage minus `slope` (k,) times the covariates."""
    first, sign = (_TWO, -_ONE) if flip else (_ZERO, _ONE)
    slopes = (-slope).astype(np.float32)
    for t in range(len(dosages)):
        dosage, out = dosages[t], genotype[t]
        for i in range(SEGMENT):
            out[i] = first + sign * np.float32(dosage[i])
        add_combination(slopes, model.basis[t], out)


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _sweep(
    dosages: np.ndarray,
    genotype: np.ndarray,
    model: SegmentedModel,
    beta: float,
    shift: np.ndarray,
    sums: np.ndarray,
    information: np.ndarray,
    full: bool,
) -> tuple[float, float, float]:
    """Score, information and third derivative of the effect at `beta` and `shift` (k,).

    `shift` is the change of the covariates' coefficients from the null model. Fills `sums` (2, k): the score
    of the covariates, and their information with the variant. If `full`, also fills `information` (k, k) of
    the covariates.
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
            model.predictor[t],
            model.outcome[t],
        )
        for i in range(SEGMENT):
            x[i] = predictor[i] + beta_single * g[i]
        if moved:
            add_combination(shifts, model.basis[t], x)
        # exp(-x) as a power of two: the integer part of the exponent sets the exponent bits.
        for i in range(SEGMENT):
            twos = min(max(-x[i] * _LOG2_E, -_MAX_EXPONENT), _MAX_EXPONENT)
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
        add_products(values, model.basis[t], sums)
        if full:
            for j in range(k):
                q = model.basis[t, j]
                for i in range(SEGMENT):
                    values[0, i] = weight[i] * q[i]
                block = j - j % UNROLLED + UNROLLED  # whole blocks up to the diagonal
                add_products(values[:1], model.basis[t, :block], information[j : j + 1, :block])
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
    """Set the diagonal elements of padded covariates to one, so that the metric is invertible."""
    for j in range(n_covariates, len(metric)):
        metric[j, j] = 1.0


@njit(nogil=True, cache=True)
def score_test(
    dosages: np.ndarray, flip: bool, missing: bool, n_covariates: int, model: SegmentedModel
) -> tuple[float, float, np.ndarray, np.ndarray, np.ndarray, float]:
    """Score test of one variant: score and information, with the intermediate results.

    `dosages` uint8 (s, `SEGMENT`) with `NO_CALL`; with `flip` the other allele is counted. Individuals with a
    missing call are removed from the null model to first order. Returns score and information of the
    residualised genotype; the slope (k,) of the genotype on the covariates; the change (k,) of the
    covariates' coefficients and their information (k, k); and the residual sum of squares of the individuals
    with a missing call.
    """
    k = model.basis.shape[1]
    products, gradient = np.empty((1, k)), np.zeros(k)
    cross = products[0]
    metric = np.eye(k)
    score, information = _score_sums(dosages, flip, model, products)
    squares = 0.0
    if missing:
        squares = _subtract_missing(dosages, model, metric, gradient)
        _pad(metric, n_covariates)
    slope = _solve(metric, not missing, cross)
    shift = _solve(metric, not missing, gradient)
    for j in range(k):
        score -= slope[j] * gradient[j]
        information -= slope[j] * cross[j]
        squares += shift[j] * gradient[j]
    return score, information, slope, shift, metric, squares


@njit(nogil=True, cache=True)
def maximise(
    dosages: np.ndarray,
    flip: bool,
    missing: bool,
    n_covariates: int,
    model: SegmentedModel,
    score: float,
    information: float,
    slope: np.ndarray,
    shift: np.ndarray,
    metric: np.ndarray,
    genotype: np.ndarray,
) -> tuple[float, float, bool]:
    """Maximum likelihood estimate of beta, its standard error, and whether it converged.

    The other arguments are the arguments and results of `score_test`; `genotype` float32, shaped like
    `dosages`, is a buffer. Newton's method starts from the score test. It uses the information of the
    covariates in the null model. If this is too inaccurate, it uses their information at the current
    estimate. The signs of earlier scores define a bracket that limits the steps.
    """
    k = len(slope)
    sums = np.empty((2, k))
    gradient, cross = sums[0], sums[1]
    _residualise(dosages, flip, model, slope, genotype)
    beta: float = min(max(score / information, -3.0), 3.0)
    low, high = -float(np.inf), float(np.inf)
    identity, full = not missing, False
    for sweep in range(1, MAX_SWEEPS + 1):
        u, v, third = _sweep(dosages, genotype, model, beta, shift, sums, metric, full)
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
        inaccurate = not full and np.sum(cross * cross) > MAX_SHARED * v
        if moved < TOLERANCE * TOLERANCE and abs(step) < 0.05 and not inaccurate:
            error = 1.0 / np.sqrt(max(v_left + third * step, 0.5 * v_left))
            return beta + step, error, True
        if inaccurate and (moved < 1e4 * TOLERANCE * TOLERANCE or sweep > 5):
            full, identity = True, False
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
