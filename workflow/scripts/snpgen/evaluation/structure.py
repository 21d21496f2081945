"""Population structure: principal components, and precision and recall by nearest neighbours."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist

from snpgen.evaluation.cohorts import Cohort
from snpgen.evaluation.distances import all_distances, thermometer_bits
from snpgen.evaluation.intervals import Estimates, Resamples, bootstrap, wilson
from snpgen.genetics.pca import Components, decompose, score
from snpgen.io.panel import thin

N_COMPONENTS = 4
RANGE = (1.0, 99.0)  # percentiles of the real individuals
NEIGHBOURS = 3  # as in Kynkäänniemi et al. 2019
MAX_SAMPLES = 10_000  # individuals of a cohort, which limits the number of pairwise distances
MAX_COMPARED = 1_000  # individuals of each cohort in an energy distance
MIN_CELL = 5  # individuals in a cell of the map
_BINS = (10, 40)  # fewest and most cells of the map along a component


@dataclass(frozen=True)
class ScaledComponents:
    """Components of the training individuals; `spread` (k,) is the standard deviation of their scores."""

    components: Components
    spread: np.ndarray

    def project(self, cohort: Cohort) -> np.ndarray:
        """Coordinates float64 (k, n) in standard deviations of the training individuals.

        Scores are not corrected for shrinkage, neither for the cohort nor for its reference.
        """
        return (score(cohort.dosages, self.components) / self.spread).T


def fit_components(train: Cohort) -> ScaledComponents:
    """The first `N_COMPONENTS` principal components of the training individuals on the panel."""
    components = decompose(train.dosages, N_COMPONENTS)
    variance = components.eigenvalues * len(components.rows) / len(train)
    return ScaledComponents(components, np.sqrt(np.maximum(variance, 1e-12)))


def compare_components(
    mine: np.ndarray, real: np.ndarray, count: int, seeds: tuple[int, int]
) -> Estimates:
    """Compare two cohorts along components by their coordinates (k, n) and (k, n').

    `pc_wasserstein`: Wasserstein distance in standard deviations of the training individuals;
    `pc_outside`: share of individuals outside the percentiles `RANGE` of the real individuals, ideally 2 %.
    Strata: each component, and `all`, the mean over components.
    """
    pairs = [_Component(*pair) for pair in zip(mine, real, strict=True)]

    def statistic(weights: np.ndarray, others: np.ndarray) -> Resamples:
        estimates: Resamples = {}
        for name in ("pc_wasserstein", "pc_outside"):
            values = [getattr(pair, name)(weights, others) for pair in pairs]
            mean = np.mean(values, axis=0) if values else np.full(len(weights), np.nan)
            estimates |= {(name, f"pc{i}"): value for i, value in enumerate(values, 1)}
            estimates[name, "all"] = mean
        return estimates

    samples = [(side.shape[1], seed) for side, seed in zip((mine, real), seeds, strict=True)]
    return bootstrap(statistic, samples, count)


class _Component:
    """Both cohorts along one component, sorted once for all resamples."""

    def __init__(self, mine: np.ndarray, real: np.ndarray) -> None:
        both = np.concatenate([mine, real])
        self.order = np.argsort(both, kind="stable")
        self.gaps = np.diff(both[self.order])
        ends = np.percentile(real, RANGE) if len(real) else (np.nan, np.nan)
        self.outside = (mine < ends[0]) | (mine > ends[1])

    def pc_wasserstein(self, weights: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Area between the two distribution functions, (b,)."""
        mine, real = (
            side / side.sum(axis=1, keepdims=True, dtype=np.float64) for side in (weights, others)
        )
        steps = np.concatenate([mine, -real], axis=1)[:, self.order]
        return np.abs(np.cumsum(steps, axis=1, dtype=np.float64)[:, :-1]) @ self.gaps

    def pc_outside(self, weights: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Share outside the real range, which is the same in all resamples, (b,)."""
        return weights @ self.outside / np.maximum(weights.sum(axis=1), 1)


def energy_distance(
    mine: np.ndarray, real: np.ndarray, stratum: str, count: int, seeds: tuple[int, int]
) -> Estimates:
    """`pc_energy`: energy distance between the coordinates (n, k) and (n', k) of two cohorts.

    2 E|X - Y| - E|X - X'| - E|Y - Y'| with Euclidean distances (Szekely & Rizzo 2013, J Stat Plan Inference
    143:1249). It is 0 only if the distributions are equal. Pairs of an individual with itself are excluded, so
    that it is unbiased and can be slightly negative. At most `MAX_COMPARED` individuals of each cohort are
    used, evenly thinned.
    """
    sides = [thin(side, MAX_COMPARED) for side in (mine, real)]
    between = cdist(*sides)
    own = [cdist(side, side) for side in sides]

    def within(weights: np.ndarray, distances: np.ndarray) -> np.ndarray:
        pairs = weights.sum(axis=1) ** 2 - np.square(weights).sum(axis=1)
        total = np.einsum("bi,bi->b", weights @ distances, weights)
        return total / np.where(pairs > 0, pairs, np.nan)

    def statistic(weights: np.ndarray, others: np.ndarray) -> Resamples:
        weights, others = weights.astype(np.float64), others.astype(np.float64)
        total = np.einsum("bi,bi->b", weights @ between, others)
        mean = total / (weights.sum(axis=1) * others.sum(axis=1))
        distance = 2 * mean - within(weights, own[0]) - within(others, own[1])
        return {("pc_energy", stratum): distance}

    samples = [(len(side), seed) for side, seed in zip(sides, seeds, strict=True)]
    return bootstrap(statistic, samples, count)


def precision_recall(mine: np.ndarray, real: np.ndarray) -> Estimates:
    """`precision` and `recall` of a synthetic cohort by nearest neighbours (Kynkäänniemi et al. 2019).

    An individual a is covered by a cohort if the cohort has an individual b whose distance to a is at most
    the distance from b to its third nearest neighbour in the cohort (eq. 1-2). `precision` is the share of
    synthetic individuals covered by the real cohort; `recall` is the share of real individuals covered by
    the synthetic cohort. Distances are Manhattan distances. Dosages int8 (n, m) have no missing calls; at
    most `MAX_SAMPLES` individuals of each cohort are used, evenly thinned.
    """
    sides = [thermometer_bits(thin(side, MAX_SAMPLES)).astype(np.float32) for side in (mine, real)]
    if min(map(len, sides)) <= NEIGHBOURS:
        return {(name, "all"): wilson(0, 0) for name in ("precision", "recall")}
    out: Estimates = {}
    for name, (side, others) in zip(("precision", "recall"), (sides, sides[::-1]), strict=True):
        radius = np.empty(len(others))
        for start in range(0, len(others), 1000):
            near = all_distances(others[start : start + 1000], others)
            radius[start : start + 1000] = np.partition(near, NEIGHBOURS, axis=1)[:, NEIGHBOURS]
        among = sum(
            int((all_distances(side[start : start + 1000], others) <= radius).any(axis=1).sum())
            for start in range(0, len(side), 1000)
        )
        out[name, "all"] = wilson(among, len(side))
    return out


def map_samples(coordinates: dict[str, np.ndarray], groups: dict[str, np.ndarray]) -> pd.DataFrame:
    """Numbers of individuals of each cohort and group in cells of the first two components.

    By cohort, `coordinates` (k, n) are those of `ScaledComponents.project`, and `groups` (n,) str the group of
    each individual. Columns subject, group, x, y (centre of the cell) and samples. Cells are larger if the
    smallest cohort has fewer individuals. Cells with fewer than `MIN_CELL` individuals of a group are omitted,
    so that the table identifies no individual.
    """
    columns = ["subject", "group", "x", "y", "samples"]
    if min(len(placed) for placed in coordinates.values()) < 2:
        return pd.DataFrame(columns=columns)
    all_samples = np.concatenate([placed[:2] for placed in coordinates.values()], axis=1)
    low, high = np.percentile(all_samples, (0.1, 99.9), axis=1)
    fewest = min(placed.shape[1] for placed in coordinates.values())
    bins = int(np.clip(np.sqrt(fewest), *_BINS))
    edges = np.linspace(low, high, bins + 1, axis=1)
    centres = (edges[:, 1:] + edges[:, :-1]) / 2
    tables = []
    for name, placed in coordinates.items():
        for group in np.unique(groups[name]):
            x, y = placed[:2, groups[name] == group]
            counts = np.histogram2d(x, y, edges)[0].astype(int)
            i, j = np.nonzero(counts >= MIN_CELL)
            cells = (name, group, centres[0][i], centres[1][j], counts[i, j])
            tables.append(pd.DataFrame(dict(zip(columns, cells, strict=True))))
    return pd.concat(tables, ignore_index=True)
