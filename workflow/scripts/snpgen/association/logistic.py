"""Logistic regression of dense data, with an offset and a ridge penalty, by Newton's method."""

import numpy as np
from scipy.special import expit

TILE = 4_096  # individuals; products within a tile are summed in the precision of the design
MAX_STEPS = 20  # after about 30 steps, separated data would appear to converge
MAX_STEP = 5.0  # largest change of an individual's log odds


def make_tiles(start: int, stop: int) -> list[slice]:
    """Divide rows into slices of at most `TILE`."""
    return [slice(first, min(first + TILE, stop)) for first in range(start, stop, TILE)]


def fit_logistic(
    design: np.ndarray,
    outcome: np.ndarray,
    offset: np.ndarray | float = 0.0,
    ridge: float = 0.0,
    start: np.ndarray | None = None,
    tiles: list[slice] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (k,) at the maximum of the penalised likelihood, and information (k, k), float64.

    `design` (n, k), float32 or float64, includes any intercept; `outcome` (n,) is 0 or 1; `offset`
    (n,) is a fixed term of the log odds; the penalty is `ridge` / 2 times the sum of squared
    coefficients. The search begins at `start` (k,), by default zero. Only the individuals in `tiles`
    are used, by default all. Iteration stops when the Newton decrement (squared length of the step in
    standard errors) is below 100 times the machine epsilon of `design`.
    Raises `np.linalg.LinAlgError`, with the last coefficients as its argument, if the likelihood has
    no maximum.
    """
    n, k = design.shape
    offset = np.broadcast_to(offset, n)
    theta = np.zeros(k) if start is None else start
    tiles = make_tiles(0, n) if tiles is None else tiles
    for _ in range(MAX_STEPS):
        score, information = -ridge * theta, ridge * np.eye(k)
        for tile in tiles:
            x = design[tile]
            probability = expit(offset[tile] + x @ theta.astype(x.dtype))
            score += x.T @ (outcome[tile] - probability).astype(x.dtype)
            half = np.sqrt(probability * (1 - probability)).astype(x.dtype)[:, None] * x
            information += half.T @ half
        step = np.linalg.lstsq(information, score)[0]
        if score @ step < 100 * np.finfo(design.dtype).eps:
            return theta + step, information
        largest = max(np.abs(design[tile] @ step.astype(design.dtype)).max() for tile in tiles)
        theta = theta + step * min(1.0, MAX_STEP / largest)
    raise np.linalg.LinAlgError(theta)
