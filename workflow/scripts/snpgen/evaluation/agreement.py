"""Agreement of two arrays (b, k), row by row; pairs with a NaN are omitted."""

import numpy as np


def _pair(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x and y as float64, zero where either is NaN, and a mask (b, k) of the valid pairs."""
    valid = np.isfinite(x) & np.isfinite(y)
    zero = np.float64(0)
    return np.where(valid, x, zero), np.where(valid, y, zero), valid


def _moments(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centred sums of squares of x and y, and of their products, (b,); NaN for fewer than 3 pairs."""
    x, y, valid = _pair(x, y)
    n = valid.sum(axis=1, keepdims=True)
    n = np.where(n < 3, np.nan, n)
    x = np.where(valid, x - x.sum(axis=1, keepdims=True) / n, 0.0)
    y = np.where(valid, y - y.sum(axis=1, keepdims=True) / n, 0.0)
    sums = [np.einsum("bk,bk->b", a, b) for a, b in ((x, x), (y, y), (x, y))]
    few = np.isnan(n[:, 0])
    return tuple(np.where(few, np.nan, total) for total in sums)  # type: ignore[return-value]


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a / b, NaN where b is zero up to rounding."""
    return a / np.where(np.abs(b) < 1e-15, np.nan, b)


def pearson(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson's r, (b,); NaN if a row is constant or has fewer than 3 pairs."""
    xx, yy, xy = _moments(x, y)
    return _divide(xy, np.sqrt(xx * yy))


def slope(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Least-squares slope of y on x with an intercept, (b,)."""
    xx, _, xy = _moments(x, y)
    return _divide(xy, xx)


def slope_through_origin(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Least-squares slope of y on x without an intercept, (b,).

    Unlike the slope with an intercept, it does not depend on which allele is counted.
    """
    x, y, _ = _pair(x, y)
    return _divide(np.einsum("bk,bk->b", x, y), np.einsum("bk,bk->b", x, x))


def rmse(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Root mean squared difference, (b,)."""
    x, y, valid = _pair(x, y)
    return np.sqrt(_divide(np.einsum("bk,bk->b", x - y, x - y), valid.sum(axis=1)))


def cosine(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Correlation about zero, (b,): the cosine of the angle between x and y; NaN for fewer than 3 pairs.

    Unlike Pearson's r, it does not depend on which allele is counted.
    """
    x, y, valid = _pair(x, y)
    xx, yy, xy = (np.einsum("bk,bk->b", a, b) for a, b in ((x, x), (y, y), (x, y)))
    return np.where(valid.sum(axis=1) < 3, np.nan, _divide(xy, np.sqrt(xx * yy)))
