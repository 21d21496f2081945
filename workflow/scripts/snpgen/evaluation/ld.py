"""Linkage disequilibrium: signed dosage correlations of pairs of variants, by distance."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numba import njit

from snpgen.evaluation.agreement import pearson, rmse, slope_through_origin
from snpgen.evaluation.cohorts import Cohort
from snpgen.evaluation.intervals import Estimates, Resamples, bootstrap, fold
from snpgen.io.plink import MISSING, allele_frequency

EDGES_KB = (0, 10, 50, 100, 250, 500, 1000)
MAX_FAR_PAIRS = 5_000
MAX_REGION = 80  # variants in a matrix that is still legible
_CHUNK = 20_000_000  # products in memory at once
_MAX_FLOATS = 4_000_000  # genotypes converted to floats at once
_MAX_KEPT = 20_000  # pairs whose correlations are kept, at most 80 MB of 1,000 resamples


@dataclass(frozen=True)
class Pairs:
    """Pairs of variants: columns `first` and `second` (k,), and the stratum of each, `far` or a bin."""

    first: np.ndarray
    second: np.ndarray
    stratum: np.ndarray


def choose_pairs(variants: pd.DataFrame, seed: int) -> Pairs:
    """All pairs on a chromosome within 1 Mb, and a sample of pairs on different chromosomes."""
    chromosome = variants.chromosome.to_numpy()
    position = variants.position.to_numpy()
    first, second = np.triu_indices(len(variants), k=1)
    same = chromosome[first] == chromosome[second]
    distance = np.abs(position[second] - position[first])
    near = np.flatnonzero(same & (distance <= 1000 * EDGES_KB[-1]))
    edges = 1000 * np.array(EDGES_KB[1:])
    bins = np.array([f"{a}-{b}kb" for a, b in pairwise(EDGES_KB)])
    far = np.flatnonzero(~same)
    if len(far) > MAX_FAR_PAIRS:
        far = np.random.default_rng(seed).choice(far, MAX_FAR_PAIRS, replace=False)
    strata = np.concatenate([bins[np.searchsorted(edges, distance[near])], ["far"] * len(far)])
    rows = np.concatenate([near, far])
    return Pairs(first[rows], second[rows], strata)


class CorrelationSums:
    """Sums over groups of individuals that determine the correlations of `pairs`, float32.

    By variant (groups, m): `total` of dosages minus their mean, `squares`, and number `called`. By pair
    (groups, k): `products`, and number of individuals called at `both` variants (None if no call is
    missing). `seed` assigns individuals to groups.
    """

    def __init__(self, cohort: Cohort, pairs: Pairs, seed: int) -> None:
        mean = np.nan_to_num(2 * allele_frequency(cohort.dosages)).astype(np.float32)
        folded = fold(cohort.dosages, seed, MISSING)
        depth, groups, m = folded.shape
        self.pairs, self.sample = pairs, (groups, seed)
        total, squares, called = np.zeros((3, m, groups), np.float32)
        products = np.zeros((len(pairs.first), groups), np.float32)
        both = None if cohort.dosages.min(initial=0) >= 0 else np.zeros_like(products)
        size = max(1, _MAX_FLOATS // max(1, groups * m))
        for start in range(0, depth, size):
            part = np.ascontiguousarray(folded[start : start + size].transpose(2, 0, 1))
            c = part != MISSING  # (m, size, groups)
            x = np.where(c, part - mean[:, None, None], np.float32(0))
            for sums, values in ((total, x), (squares, x**2), (called, c)):
                sums += values.sum(axis=1, dtype=np.float32)
            self._add_products(products, x)
            if both is not None:
                self._add_products(both, c.astype(np.float32))
        self.total, self.squares, self.called = total.T, squares.T, called.T
        self.products = products.T
        self.both = None if both is None else both.T

    def _add_products(self, sums: np.ndarray, values: np.ndarray) -> None:
        """Add to `sums` (k, groups) the products of both variants of each pair, from values (m, depth, groups)."""
        _, depth, groups = values.shape
        size = max(1, _CHUNK // (8 * max(1, groups)))
        for start in range(0, len(sums), size):
            i, j = (side[start : start + size] for side in (self.pairs.first, self.pairs.second))
            for sample in range(depth):
                sums[start : start + size] += values[i, sample] * values[j, sample]

    def correlation(self, weights: np.ndarray) -> np.ndarray:
        """Signed r of each pair (b, k) under weights (b, groups); NaN if a variant is constant.

        Covariances use the individuals called at both variants; mean and variance of a variant use all
        individuals called at it. Missing calls therefore do not attenuate r.
        """
        called = weights @ self.called
        called = np.where(called > 0, called, np.nan)
        mean = weights @ self.total / called
        variance = weights @ self.squares / called - mean**2
        scale = np.sqrt(np.where(variance > 1e-7, variance, np.nan))
        i, j = self.pairs.first, self.pairs.second
        both = np.take(called, i, axis=1) if self.both is None else weights @ self.both
        r: np.ndarray = weights @ self.products
        _correlate(r, both, mean, scale, i, j)
        return r


class KeptCorrelations(CorrelationSums):
    """`CorrelationSums` of real individuals, with which many cohorts are compared under the same resamples.

    Correlations are kept and not computed again under the same weights, unless there are many `pairs`.
    """

    def __init__(self, cohort: Cohort, pairs: Pairs, seed: int) -> None:
        super().__init__(cohort, pairs, seed)
        self.kept: dict[bytes, np.ndarray] = {}

    def correlation(self, weights: np.ndarray) -> np.ndarray:
        """The same as `CorrelationSums.correlation`."""
        key = weights.tobytes()
        if key in self.kept:
            return self.kept[key]
        r = super().correlation(weights)
        if len(self.pairs.first) <= _MAX_KEPT:
            self.kept[key] = r
        return r


@njit(cache=True, nogil=True)
def _correlate(
    products: np.ndarray,
    both: np.ndarray,
    mean: np.ndarray,
    scale: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
) -> None:
    """Replace sums of `products` over `both` individuals (b, k) by correlations.

    `mean` and `scale` (b, m) are those of the variants, whose pairs are `first` and `second` (k,).
    """
    for row in range(len(products)):
        for k in range(products.shape[1]):
            i, j = first[k], second[k]
            if both[row, k] > 0:
                covariance = products[row, k] / both[row, k] - mean[row, i] * mean[row, j]
                products[row, k] = covariance / (scale[row, i] * scale[row, j])
            else:
                products[row, k] = np.nan


def compare_ld(
    sums: CorrelationSums, reference: CorrelationSums, count: int, bins: bool = True
) -> Estimates:
    """Agreement of correlations between a cohort and real individuals, by (metric, stratum).

    Pearson correlation, slope through the origin and RMSE are computed for all pairs within 1 Mb (stratum
    `all`) and, with `bins`, for each distance bin that has pairs. `ld_r2` is the mean r2 of the cohort in a
    distance bin. `ld_far_rmse` is the RMSE for pairs on different chromosomes.
    """
    strata = sums.pairs.stratum
    far = np.flatnonzero(strata == "far")
    near = {"all": np.flatnonzero(strata != "far")}
    if bins:
        names = dict.fromkeys(strata[near["all"]].tolist())
        near |= {name: np.flatnonzero(strata == name) for name in names}

    def statistic(mine: np.ndarray, real: np.ndarray) -> Resamples:
        y, x = sums.correlation(mine), reference.correlation(real)
        estimates = {}
        for name, rows in near.items():
            some, others = np.take(x, rows, axis=1), np.take(y, rows, axis=1)
            estimates["ld_pearson", name] = pearson(some, others)
            estimates["ld_slope", name] = slope_through_origin(some, others)
            estimates["ld_rmse", name] = rmse(some, others)
            if name != "all":
                estimates["ld_r2", name] = rmse(np.zeros_like(others), others) ** 2
        estimates["ld_far_rmse", "all"] = rmse(np.take(x, far, axis=1), np.take(y, far, axis=1))
        return estimates

    return bootstrap(statistic, [sums.sample, reference.sample], count)


def densest_region(variants: pd.DataFrame) -> np.ndarray:
    """Rows, in genomic order, of at most `MAX_REGION` variants of the 1 Mb region with most variants."""
    chromosome, position = variants.chromosome.to_numpy(), variants.position.to_numpy()
    best = np.arange(0)
    for name in dict.fromkeys(chromosome):
        rows = np.flatnonzero(chromosome == name)
        rows = rows[np.argsort(position[rows], kind="stable")]
        stop = np.searchsorted(position[rows], position[rows] + 1000 * EDGES_KB[-1], side="right")
        start = int(np.argmax(stop - np.arange(len(rows))))
        if stop[start] - start > len(best):
            best = rows[start : stop[start]]
    return best[:MAX_REGION]


def region_table(variants: pd.DataFrame, cohorts: dict[str, Cohort]) -> pd.DataFrame:
    """Signed r of all pairs in the densest region: subject, i, j, first, second, r.

    i and j are the indices of both variants in the region, from 0; first and second their IDs.
    """
    region = densest_region(variants)
    i, j = np.triu_indices(len(region), k=1)
    first, second = region[i], region[j]
    pairs = Pairs(first, second, np.full(len(first), "region"))
    ids = variants.variant_id.to_numpy()
    columns = {"i": i, "j": j, "first": ids[first], "second": ids[second]}
    tables = []
    for subject, cohort in cohorts.items():
        sums = CorrelationSums(cohort, pairs, 0)
        r = sums.correlation(np.ones((1, sums.sample[0]), np.float32))[0]
        tables.append(pd.DataFrame({"subject": subject, **columns, "r": r}))
    return pd.concat(tables, ignore_index=True)
