"""Agreement of two arrays (b, k), row by row; pairs with a NaN are omitted."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _sums_of_pairs(x: np.ndarray, y: np.ndarray, centred: bool) -> np.ndarray:
    """Sums over the valid pairs of each row, float64 (5, b): n, x^2, y^2, x y and (x - y)^2.

    If `centred`, x and y are the deviations from their means over the valid pairs.
    """
    sums = np.zeros((5, len(x)))
    for row in range(len(x)):
        n, x_mean, y_mean = 0, 0.0, 0.0
        for k in range(x.shape[1]):
            if np.isfinite(x[row, k]) and np.isfinite(y[row, k]):
                n, x_mean, y_mean = n + 1, x_mean + x[row, k], y_mean + y[row, k]
        if centred:
            x_mean, y_mean = x_mean / max(n, 1), y_mean / max(n, 1)
        else:
            x_mean = y_mean = 0.0
        xx = yy = xy = dd = 0.0
        for k in range(x.shape[1]):
            a, b = x[row, k] - x_mean, y[row, k] - y_mean
            if np.isfinite(a) and np.isfinite(b):
                xx, yy, xy, dd = xx + a * a, yy + b * b, xy + a * b, dd + (a - b) * (a - b)
        sums[0, row], sums[1, row], sums[2, row], sums[3, row], sums[4, row] = n, xx, yy, xy, dd
    return sums


def _sums(x: np.ndarray, y: np.ndarray, centred: bool = False) -> np.ndarray:
    x, y = (np.ascontiguousarray(side, np.float64) for side in (x, y))
    sums: np.ndarray = _sums_of_pairs(x, y, centred)
    return sums


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a / b, NaN where b is zero up to rounding."""
    return a / np.where(np.abs(b) < 1e-15, np.nan, b)


def pearson(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson's r, (b,); NaN if a row is constant or has fewer than 3 pairs."""
    n, xx, yy, xy, _ = _sums(x, y, centred=True)
    return np.where(n < 3, np.nan, _divide(xy, np.sqrt(xx * yy)))


def slope(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Least-squares slope of y on x with an intercept, (b,); NaN for fewer than 3 pairs."""
    n, xx, _, xy, _ = _sums(x, y, centred=True)
    return np.where(n < 3, np.nan, _divide(xy, xx))


def slope_through_origin(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Least-squares slope of y on x without an intercept, (b,).

    Unlike the slope with an intercept, it does not depend on which allele is counted.
    """
    _, xx, _, xy, _ = _sums(x, y)
    return _divide(xy, xx)


def rmse(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Root mean squared difference, (b,)."""
    n, _, _, _, dd = _sums(x, y)
    return np.sqrt(_divide(dd, n))


def cosine(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Correlation about zero, (b,): the cosine of the angle between x and y; NaN for fewer than 3 pairs.

    Unlike Pearson's r, it does not depend on which allele is counted.
    """
    n, xx, yy, xy, _ = _sums(x, y)
    return np.where(n < 3, np.nan, _divide(xy, np.sqrt(xx * yy)))
