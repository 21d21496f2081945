"""How released class differences depend on z-scores, and what they reveal of the errors of these."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from snpgen.association.shrinkage import Prior, shrink

_SMALLEST_SD = 0.05  # of an observed difference; smaller values count as exact
_STEP, _FINE_UNTIL, _GROWTH = 0.02, 8.0, 0.0025  # of the grid of z-scores
_CHUNK = 512  # variants inverted at once


class ErrorPosterior(NamedTuple):
    """Posterior mean and variance (k,) of errors of z-scores, and the log density (k,) of what was observed."""

    mean: np.ndarray
    variance: np.ndarray
    log_density: np.ndarray


@dataclass(frozen=True)
class ReleaseRule:
    """How released class differences depend on z-scores, as an attacker knows it.

    z has the marginal distribution of the `prior`, truncated to |z| of at least `threshold`. The released
    difference is lambda z, with the shrinkage factor lambda, or z if not `shrunken`, or 0 if lambda is below
    `smallest` for a slope of 1; plus a normal error with standard deviation `sd`. Differences are in units of z.
    """

    prior: Prior
    threshold: float
    smallest: float
    shrunken: bool
    sd: float

    def invert(self, t: np.ndarray) -> ErrorPosterior:
        """Errors of the z-scores of variants, given their released differences `t` (k,)."""
        z, log_density = _marginal_grid(self.prior, self.threshold)
        found = shrink(z, self.prior)
        factor = found.shrinkage if self.shrunken else 1.0
        released = np.where(found.certainty >= self.smallest, factor * z, 0)
        error = z - found.mean
        square = error**2 + found.variance
        sd = max(self.sd, _SMALLEST_SD)
        mean, second, density = np.empty(len(t)), np.empty(len(t)), np.empty(len(t))
        for start in range(0, len(t), _CHUNK):
            part = slice(start, start + _CHUNK)
            # z of both signs
            same, opposite = (
                log_density - 0.5 * ((t[part, None] - side) / sd) ** 2
                for side in (released, -released)
            )
            most = np.maximum(same.max(axis=1), opposite.max(axis=1))
            same, opposite = (np.exp(side - most[:, None]) for side in (same, opposite))
            total = same.sum(axis=1) + opposite.sum(axis=1)
            mean[part] = (same - opposite) @ error / total
            second[part] = (same + opposite) @ square / total
            density[part] = most + np.log(total / (2 * sd * np.sqrt(2 * np.pi)))
        return ErrorPosterior(mean, second - mean**2, density)


def _marginal_grid(prior: Prior, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Grid of |z| of at least `threshold`, and the log probability of each point of it."""
    top = threshold + 6 * np.sqrt(1 + prior.variance[prior.weight > 0].max())
    fine = np.arange(threshold, max(threshold, _FINE_UNTIL) + _STEP, _STEP)
    steps = max(0, int(np.ceil(np.log(top / fine[-1]) / np.log1p(_GROWTH))))
    z = np.concatenate([fine, fine[-1] * (1 + _GROWTH) ** np.arange(1, steps + 1)])
    scale = np.sqrt(1 + prior.variance)
    with np.errstate(divide="ignore"):
        weight = np.log(prior.weight / scale)[:, None] - 0.5 * (z / scale[:, None]) ** 2
    width = np.gradient(z)
    width[[0, -1]] /= 2  # trapezoidal rule
    log_density = logsumexp(weight, axis=0) + np.log(width)
    return z, log_density - logsumexp(log_density)
