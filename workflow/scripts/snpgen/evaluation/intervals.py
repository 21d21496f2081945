"""95 % intervals: a seeded bootstrap over people, and Wilson's interval for proportions.

Nothing is refitted in a resample: a person's weight is how often he was drawn, and every figure is
a function of weights. Figures that need only sums over people (frequencies, correlations, genotype
counts) draw groups of people in the place of single people (`fold`), which keeps 1,000 resamples
cheap at any size: groups dealt at random are as independent as the people in them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from snpgen.progress import Meter

GROUPS = 250  # an interval's width then has an error of about 1/sqrt(2 x 250) = 4.5 %
_BATCH = 100  # resamples held at once
_LOW, _HIGH = 2.5, 97.5
_Z = float(norm.ppf(_HIGH / 100))


class Estimate(NamedTuple):
    """A figure and its 95 % interval; NaN where not defined."""

    value: float
    low: float = np.nan
    high: float = np.nan


Key = tuple[str, str]  # metric, stratum
Estimates = dict[Key, Estimate]
Draws = dict[Key, np.ndarray]  # (resamples,) each


def wilson(successes: int, n: int) -> Estimate:
    """Proportion with Wilson's score interval (Wilson 1927); NaN for n = 0."""
    if n == 0:
        return Estimate(np.nan)
    p, z2 = successes / n, _Z**2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * np.sqrt(p * (1 - p) / n + z2 / (4 * n**2))
    low = middle - half if successes else 0.0  # as it is but for rounding
    return Estimate(p, max(0.0, low), min(1.0, middle + half))


def resample_counts(n: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """How often each of `n` units is drawn in each of `count` resamples, float32 (count, n)."""
    drawn = rng.integers(0, n, size=(count, n)) + n * np.arange(count)[:, None]
    return np.bincount(drawn.ravel(), minlength=count * n).reshape(count, n).astype(np.float32)


def bootstrap(
    statistic: Callable[..., Draws],
    samples: Sequence[tuple[int, int]],
    count: int,
    limits: Mapping[str, tuple[float, float]] | None = None,
) -> Estimates:
    """Figures of `statistic` with bootstrap intervals.

    `samples` holds (number of units, seed) of each sample that is drawn on its own; the same seed
    and number give the same resamples, which is how two subjects are paired. `statistic` takes
    one float32 array of weights (b, units) a sample and gives arrays (b,) by (metric, stratum); its
    value at weights of one is the figure.

    The interval is the percentile interval moved so that the median of the resamples lies on the
    figure: a resample adds the sampling noise once more, which would push figures such as an RMSE
    off their own interval. `limits` (by metric) cuts it at what is possible.
    """
    rngs = [np.random.default_rng(seed) for _, seed in samples]
    point = statistic(*(np.ones((1, n), np.float32) for n, _ in samples))
    draws: dict[Key, list[np.ndarray]] = {key: [] for key in point}
    if min(n for n, _ in samples) == 0:
        return dict.fromkeys(point, Estimate(np.nan))
    meter = Meter(count, "resamples")
    for start in range(0, count, _BATCH):
        size = min(_BATCH, count - start)
        weights = [resample_counts(n, size, rng) for (n, _), rng in zip(samples, rngs, strict=True)]
        for key, values in statistic(*weights).items():
            draws[key].append(values)
        meter.add(size)
    limits = limits or {}
    return {
        key: interval(float(value[0]), np.concatenate(draws[key]), limits.get(key[0]))
        for key, value in point.items()
    }


def interval(
    value: float, draws: np.ndarray, limits: tuple[float, float] | None = None
) -> Estimate:
    """95 % interval around `value` from resamples (count,); NaN if a tenth of them is NaN."""
    finite = draws[np.isfinite(draws)]
    if not np.isfinite(value) or len(finite) < 0.9 * len(draws):
        return Estimate(value)
    low, median, high = np.percentile(finite, [_LOW, 50, _HIGH])
    ends = value + low - median, value + high - median
    if limits:
        ends = max(ends[0], limits[0]), min(ends[1], limits[1])
    return Estimate(value, float(ends[0]), float(ends[1]))


def fold(values: np.ndarray, seed: int) -> np.ndarray:
    """Deal people (n, ...) at random into at most `GROUPS` groups: (people a group, groups, ...).

    Places that stay empty are zero, so that a sum over axis 0 is the sum over each group.
    """
    n = len(values)
    groups = min(n, GROUPS)
    depth = -(-n // max(groups, 1))
    folded = np.zeros((depth * groups, *values.shape[1:]), values.dtype)
    folded[:n] = values[np.random.default_rng(seed).permutation(n)]
    return folded.reshape(depth, groups, *values.shape[1:])
