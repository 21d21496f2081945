"""95 % confidence intervals: a seeded bootstrap over individuals, and Wilson's score interval.

Models are not refitted for each resample. The weight of an individual is the number of times it was
sampled, and every estimate is a function of these weights. Estimates that need only sums over
individuals (frequencies, correlations, genotype counts) resample random groups of individuals instead
(`fold`), which keeps 1,000 resamples fast at any cohort size.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from snpgen.evaluation.metrics import possible_range
from snpgen.progress import Meter

GROUPS = 250  # the width of an interval then has an error of about 1/sqrt(2 x 250) = 4.5 %
_BATCH = 100  # resamples in memory at once, fewer for large samples
_MAX_WEIGHTS = 10_000_000  # units times resamples in memory at once
_MAX_CACHED = 10_000  # units of a sample whose resamples are kept in memory
_LOW, _HIGH = 2.5, 97.5


class Estimate(NamedTuple):
    """An estimate and its 95 % confidence interval; NaN if undefined."""

    value: float
    low: float = np.nan
    high: float = np.nan


Key = tuple[str, str]  # metric, stratum
Estimates = dict[Key, Estimate]
Resamples = dict[Key, np.ndarray]  # (resamples,) each


def wilson(successes: int, n: int) -> Estimate:
    """Proportion with Wilson's score interval (Wilson 1927); NaN for n = 0."""
    if n == 0:
        return Estimate(np.nan)
    z = -ndtri((100 - _HIGH) / 100)
    middle = (successes + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * math.sqrt(successes * (n - successes) / n + z**2 / 4)
    return Estimate(successes / n, middle - half if successes else 0.0, min(1.0, middle + half))


def resample_counts(n: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Counts of each of `n` units in each of `count` resamples, float32 (count, n)."""
    units = rng.integers(0, n, size=(count, n)) + n * np.arange(count)[:, None]
    return np.bincount(units.ravel(), minlength=count * n).reshape(count, n).astype(np.float32)


def _batch_size(units: int) -> int:
    """Number of resamples in memory at once; `units` is the size of the largest sample."""
    return max(1, min(_BATCH, _MAX_WEIGHTS // max(1, units)))


def _draw_resamples(n: int, seed: int, count: int, batch: int) -> Iterator[np.ndarray]:
    """Batches of the resamples of `n` units, uint8 (b, n); at most `batch` resamples each."""
    rng = np.random.default_rng(seed)
    for start in range(0, count, batch):
        yield resample_counts(n, min(batch, count - start), rng).astype(np.uint8)


@lru_cache(maxsize=16)
def _keep_resamples(n: int, seed: int, count: int, batch: int) -> list[np.ndarray]:
    return list(_draw_resamples(n, seed, count, batch))


def _resamples(n: int, seed: int, count: int, batch: int) -> Iterable[np.ndarray]:
    """Result of `_draw_resamples`, kept for small samples, because many estimates use the same."""
    return (_keep_resamples if n <= _MAX_CACHED else _draw_resamples)(n, seed, count, batch)


def bootstrap(
    statistic: Callable[..., Resamples],
    samples: Sequence[tuple[int, int]],
    count: int,
) -> Estimates:
    """Estimates of `statistic` with bootstrap confidence intervals.

    `samples` holds (number of units, seed) of each sample that is resampled separately. Two subjects with
    the same seed and number of units have the same resamples, so that their estimates are paired.
    `statistic` takes one float32 array of weights (b, units) per sample and returns arrays (b,) by
    (metric, stratum). The estimate is its value when all weights are one.

    The interval is the percentile interval, shifted so that the median of the resamples equals the
    estimate. Without the shift, an estimate such as an RMSE could lie outside its own interval, because
    each resample adds sampling noise a second time. The interval is truncated to the possible values of
    the metric.
    """
    point = statistic(*(np.ones((1, n), np.float32) for n, _ in samples))
    resampled: dict[Key, list[np.ndarray]] = {key: [] for key in point}
    sizes = [n for n, _ in samples]
    if min(sizes) == 0:
        return dict.fromkeys(point, Estimate(np.nan))
    meter = Meter(count, "resamples")
    batch = _batch_size(max(sizes))
    for counts in zip(*(_resamples(n, seed, count, batch) for n, seed in samples), strict=True):
        weights = [side.astype(np.float32) for side in counts]
        for key, values in statistic(*weights).items():
            resampled[key].append(values)
        meter.add(len(weights[0]))
    return {
        key: interval(float(value[0]), np.concatenate(resampled[key]), possible_range(key[0]))
        for key, value in point.items()
    }


def interval(value: float, resamples: np.ndarray, limits: tuple[float, float]) -> Estimate:
    """95 % interval around `value` from `resamples` (count,); NaN if over a tenth of them is NaN."""
    finite = resamples[np.isfinite(resamples)]
    if not np.isfinite(value) or len(finite) < 0.9 * len(resamples):
        return Estimate(value)
    low, median, high = np.percentile(finite, [_LOW, 50, _HIGH])
    low, high = max(value + low - median, limits[0]), min(value + high - median, limits[1])
    return Estimate(value, float(low), float(high))


def fold(values: np.ndarray, seed: int, fill: np.integer | int = 0) -> np.ndarray:
    """Assign individuals (n, ...) at random to at most `GROUPS` groups, (depth, groups, ...).

    Unused places are `fill`. If they are zero, a sum over axis 0 is the sum over each group.
    """
    n = len(values)
    groups = min(n, GROUPS)
    depth = -(-n // max(groups, 1))
    folded = np.full((depth * groups, *values.shape[1:]), fill, values.dtype)
    order = np.random.default_rng(seed).permutation(n)
    np.take(values, order, axis=0, out=folded[:n], mode="clip")  # without a copy, unlike "raise"
    return folded.reshape(depth, groups, *values.shape[1:])
