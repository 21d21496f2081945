"""Where people lie: along principal components, and among each other."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.linalg import eigh

from snpgen.evaluation.cohorts import Cohort
from snpgen.evaluation.distances import all_distances, thermometer_bits
from snpgen.evaluation.intervals import Draws, Estimates, bootstrap, wilson
from snpgen.genetics.pca import standardise
from snpgen.io.panel import thin
from snpgen.io.plink import allele_frequency

N_COMPONENTS = 4
RANGE = (1.0, 99.0)  # percentiles of real people
NEIGHBOURS = 3  # as Kynkäänniemi et al. 2019
MAX_SAMPLES = 10_000  # whose distances are all computed
FEWEST = 5  # real people in a cell of the map
_CHUNK = 20_000  # people held as floats at once
_BINS = (10, 40)  # cells of the map along a component, with few people and with many
UNLESS = "nobody on one side, or fewer SNPs that vary than components"


@dataclass(frozen=True)
class Axes:
    """Components of training people: `rows` (m,) SNPs that vary, `frequency` (m,), `loadings` (m, k)."""

    rows: np.ndarray
    frequency: np.ndarray
    loadings: np.ndarray

    def place(self, cohort: Cohort) -> np.ndarray:
        """Coordinates float64 (k, n) in the standard deviations of training people."""
        parts = [
            standardise(cohort.dosages[start : start + _CHUNK, self.rows], self.frequency)
            @ self.loadings
            for start in range(0, len(cohort), _CHUNK)
        ]
        empty = np.empty((0, self.loadings.shape[1]))
        return np.concatenate([empty, *parts]).T


def fit_axes(train: Cohort) -> Axes:
    """The first `N_COMPONENTS` principal components of training people on the panel."""
    frequency = allele_frequency(train.dosages)
    rows = np.flatnonzero((frequency > 0) & (frequency < 1))
    n, m = len(train), len(rows)
    k = min(N_COMPONENTS, m)
    square = np.zeros((m, m))
    for start in range(0, n, _CHUNK):
        z = standardise(train.dosages[start : start + _CHUNK, rows], frequency[rows])
        square += z.T @ z
    if not m:
        return Axes(rows, frequency[rows], square)
    values, vectors = eigh(square / n, subset_by_index=(m - k, m - 1))
    scale = np.sqrt(np.maximum(values, 1e-12))
    return Axes(rows, frequency[rows], (vectors / scale)[:, ::-1])


def compare_components(
    mine: np.ndarray, real: np.ndarray, count: int, seeds: tuple[int, int]
) -> Estimates:
    """Two cohorts along components, from coordinates (k, n) and (k, n') as `Axes.place` gives them.

    `pc_wasserstein`: Wasserstein distance, in standard deviations of training people; `pc_outside`:
    share of people outside the real `RANGE`, 2 % where all is right. Strata: each component, and `all`,
    the mean over them.
    """
    pairs = [_Component(*pair) for pair in zip(mine, real, strict=True)]

    def statistic(weights: np.ndarray, others: np.ndarray) -> Draws:
        figures: Draws = {}
        for name in ("pc_wasserstein", "pc_outside"):
            values = [getattr(pair, name)(weights, others) for pair in pairs]
            mean = np.mean(values, axis=0) if values else np.full(len(weights), np.nan)
            figures |= {(name, f"pc{i}"): value for i, value in enumerate(values, 1)}
            figures[name, "all"] = mean
        return figures

    samples = [(side.shape[1], seed) for side, seed in zip((mine, real), seeds, strict=True)]
    limits = {"pc_wasserstein": (0.0, np.inf), "pc_outside": (0.0, 1.0)}
    return bootstrap(statistic, samples, count, limits)


class _Component:
    """Both cohorts along one component, sorted once for all resamples."""

    def __init__(self, mine: np.ndarray, real: np.ndarray) -> None:
        both = np.concatenate([mine, real])
        self.order = np.argsort(both, kind="stable")
        self.gaps = np.diff(both[self.order])
        ends = np.percentile(real, RANGE) if len(real) else (np.nan, np.nan)
        self.external = (mine < ends[0]) | (mine > ends[1])

    def pc_wasserstein(self, weights: np.ndarray, others: np.ndarray) -> np.ndarray:
        """The area between the two distribution functions, (b,)."""
        mine, real = (side / side.sum(axis=1, keepdims=True) for side in (weights, others))
        steps = np.concatenate([mine, -real], axis=1)[:, self.order]
        return np.abs(np.cumsum(steps, axis=1, dtype=np.float64)[:, :-1]) @ self.gaps

    def pc_outside(self, weights: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Share of `mine` outside the real range, which stays fixed, (b,)."""
        return weights @ self.external / np.maximum(weights.sum(axis=1), 1)


def precision_recall(mine: np.ndarray, real: np.ndarray) -> Estimates:
    """`precision`, the share of synthetic people who lie among real ones, and `recall`, the reverse.

    A person lies among the others if he is no further from one of them than that one's third
    neighbour (Kynkäänniemi et al. 2019, eq. 1-2), in Manhattan distance. Dosages int8 (n, m) without
    missing calls; at most `MAX_PEOPLE` of each, taken evenly.
    """
    sides = [thermometer_bits(thin(side, MAX_SAMPLES)).astype(np.float32) for side in (mine, real)]
    if min(map(len, sides)) <= NEIGHBOURS:
        return {(name, "all"): wilson(0, 0) for name in ("precision", "recall")}
    out: Estimates = {}
    for name, (individuals, others) in zip(
        ("precision", "recall"), (sides, sides[::-1]), strict=True
    ):
        radius = np.empty(len(others))
        for start in range(0, len(others), 1000):
            near = all_distances(others[start : start + 1000], others)
            radius[start : start + 1000] = np.partition(near, NEIGHBOURS, axis=1)[:, NEIGHBOURS]
        among = sum(
            int(
                (all_distances(individuals[start : start + 1000], others) <= radius)
                .any(axis=1)
                .sum()
            )
            for start in range(0, len(individuals), 1000)
        )
        out[name, "all"] = wilson(among, len(individuals))
    return out


def map_samples(
    axes: Axes, cohorts: dict[str, Cohort], groups: dict[str, np.ndarray]
) -> pd.DataFrame:
    """How many people of each cohort and group lie where along the first two components.

    `groups` has the group (n,) str of the people of each cohort. Columns subject, group, x, y (middle
    of the cell) and people; the fewer the people of the smallest cohort, the larger are the cells. A
    group's cells with fewer than `FEWEST` people are left out, so that the table shows nobody.
    """
    placed = {name: axes.place(cohort)[:2] for name, cohort in cohorts.items()}
    columns = ["subject", "group", "x", "y", "samples"]
    if min(len(coordinates) for coordinates in placed.values()) < 2:
        return pd.DataFrame(columns=columns)
    all_samples = np.concatenate(list(placed.values()), axis=1)
    low, high = np.percentile(all_samples, (0.1, 99.9), axis=1)
    bins = int(np.clip(np.sqrt(min(map(len, cohorts.values()))), *_BINS))
    edges = np.linspace(low, high, bins + 1, axis=1)
    middles = (edges[:, 1:] + edges[:, :-1]) / 2
    tables = []
    for name, coordinates in placed.items():
        for group in np.unique(groups[name]):
            x, y = coordinates[:, groups[name] == group]
            counts = np.histogram2d(x, y, edges)[0].astype(int)
            i, j = np.nonzero(counts >= FEWEST)
            cells = (name, group, middles[0][i], middles[1][j], counts[i, j])
            tables.append(pd.DataFrame(dict(zip(columns, cells, strict=True))))
    return pd.concat(tables, ignore_index=True)
