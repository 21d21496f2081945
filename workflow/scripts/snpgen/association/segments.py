"""The null model as the compiled loops want it: people in segments, sums of a segment in float32."""

from typing import NamedTuple

import numpy as np
from numba import njit

SEGMENT = 1024  # people whose float32 sums are added before they become float64
UNROLLED = 4  # covariates a loop takes at once

_NOBODY = -100.0  # log odds of the padding: no weight, no residual
_ZERO = np.float32(0)


class Samples(NamedTuple):
    """A null model as the compiled loops want it: people in segments, the last one padded.

    `outcome`, `predictor`, `residual`, `weight` float32 (s, `SEGMENT`); `basis` float32
    (s, k, `SEGMENT`) with k padded to a multiple of `UNROLLED` by zeros; `logistic` is False for a
    linear model, whose weights are 1.
    """

    outcome: np.ndarray
    predictor: np.ndarray
    residual: np.ndarray
    weight: np.ndarray
    basis: np.ndarray
    logistic: bool


def _segments(values: np.ndarray, padding: float) -> np.ndarray:
    n_segments = -(-len(values) // SEGMENT)
    padded = np.full(n_segments * SEGMENT, padding, dtype=np.float32)
    padded[: len(values)] = values
    return padded.reshape(n_segments, SEGMENT)


def make_segments(
    outcome: np.ndarray,
    predictor: np.ndarray,
    weight: np.ndarray,
    basis: np.ndarray,
    logistic: bool,
) -> Samples:
    """Cut a null model in segments: outcome, fitted value's predictor and weight (n,), basis (n, k)."""
    fitted = 1 / (1 + np.exp(-predictor)) if logistic else predictor
    columns = [_segments(column, 0.0) for column in basis.T]
    padding = -len(columns) % UNROLLED
    columns += [np.zeros_like(columns[0])] * padding
    return Samples(
        _segments(outcome, 0.0),
        _segments(predictor, _NOBODY),
        _segments(outcome - fitted, 0.0),
        _segments(weight, 0.0),
        np.stack(columns, axis=1),
        logistic,
    )


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def add_products(values: np.ndarray, basis: np.ndarray, sums: np.ndarray) -> None:
    """Add the products of `values` (m, `SEGMENT`) with `basis` (k, `SEGMENT`) to `sums` (m, k)."""
    for j in range(0, len(basis), UNROLLED):
        q0, q1, q2, q3 = basis[j], basis[j + 1], basis[j + 2], basis[j + 3]
        for row in range(len(values)):
            s0 = s1 = s2 = s3 = _ZERO
            for i in range(SEGMENT):
                value = values[row, i]
                s0 += value * q0[i]
                s1 += value * q1[i]
                s2 += value * q2[i]
                s3 += value * q3[i]
            sums[row, j] += s0
            sums[row, j + 1] += s1
            sums[row, j + 2] += s2
            sums[row, j + 3] += s3


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def add_combination(slopes: np.ndarray, basis: np.ndarray, values: np.ndarray) -> None:
    """Add `slopes` (k,) times the rows of `basis` (k, `SEGMENT`) to `values` (`SEGMENT`,)."""
    for j in range(0, len(slopes), UNROLLED):
        q0, q1, q2, q3 = basis[j], basis[j + 1], basis[j + 2], basis[j + 3]
        s0, s1, s2, s3 = slopes[j], slopes[j + 1], slopes[j + 2], slopes[j + 3]
        for i in range(SEGMENT):
            values[i] += s0 * q0[i] + s1 * q1[i] + s2 * q2[i] + s3 * q3[i]
