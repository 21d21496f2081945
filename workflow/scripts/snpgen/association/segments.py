"""The null model arranged for the compiled loops: individuals in segments, which are summed in float32."""

from typing import NamedTuple

import numpy as np
from numba import njit
from scipy.special import expit

SEGMENT = 1024  # individuals summed in float32; sums of segments are added in float64
UNROLLED = 4  # covariates per step of an unrolled loop

_PADDING = -100.0  # log odds of padded individuals, whose weight and residual become zero
_ZERO = np.float32(0)


class SegmentedModel(NamedTuple):
    """A null model with individuals in s segments of `SEGMENT`, the last one padded.

    `outcome`, `predictor`, `residual`, `weight` float32 (s, `SEGMENT`); `basis` float32
    (s, k, `SEGMENT`), k zero-padded to a multiple of `UNROLLED`. The weights of a linear model
    (`logistic` False) are 1.
    """

    outcome: np.ndarray
    predictor: np.ndarray
    residual: np.ndarray
    weight: np.ndarray
    basis: np.ndarray
    logistic: bool


def _split(values: np.ndarray, padding: float) -> np.ndarray:
    n_segments = -(-len(values) // SEGMENT)
    padded = np.full(n_segments * SEGMENT, padding, dtype=np.float32)
    padded[: len(values)] = values
    return padded.reshape(n_segments, SEGMENT)


def segment_model(
    outcome: np.ndarray,
    predictor: np.ndarray,
    weight: np.ndarray,
    basis: np.ndarray,
    logistic: bool,
) -> SegmentedModel:
    """Split a null model into segments: `outcome`, `predictor`, `weight` (n,) and `basis` (n, k)."""
    fitted = expit(predictor) if logistic else predictor
    columns = [_split(column, 0.0) for column in basis.T]
    padding = -len(columns) % UNROLLED
    columns += [np.zeros_like(columns[0])] * padding
    return SegmentedModel(
        _split(outcome, 0.0),
        _split(predictor, _PADDING),
        _split(outcome - fitted, 0.0),
        _split(weight, 0.0),
        np.stack(columns, axis=1),
        logistic,
    )


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def add_products(values: np.ndarray, basis: np.ndarray, sums: np.ndarray) -> None:
    """Add `values` (m, `SEGMENT`) times transposed `basis` (k, `SEGMENT`) to `sums` (m, k)."""
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
    """Add `slopes` (k,) times `basis` (k, `SEGMENT`) to `values` (`SEGMENT`,)."""
    for j in range(0, len(slopes), UNROLLED):
        q0, q1, q2, q3 = basis[j], basis[j + 1], basis[j + 2], basis[j + 3]
        s0, s1, s2, s3 = slopes[j], slopes[j + 1], slopes[j + 2], slopes[j + 3]
        for i in range(SEGMENT):
            values[i] += s0 * q0[i] + s1 * q1[i] + s2 * q2[i] + s3 * q3[i]
