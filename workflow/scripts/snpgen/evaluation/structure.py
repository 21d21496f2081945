"""Population structure: principal components, ancestry groups, and precision and recall by neighbours."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from snpgen.evaluation.cohorts import MIN_GROUP, Cohort
from snpgen.evaluation.distances import all_distances, thermometer_bits
from snpgen.evaluation.intervals import Estimates, Resamples, bootstrap, wilson
from snpgen.genetics.pca import Components, decompose, score
from snpgen.io.panel import OTHER, thin

N_COMPONENTS = 4
GROUP_COMPONENTS = 10  # from which groups are predicted
RANGE = (1.0, 99.0)  # percentiles of the real individuals
NEIGHBOURS = 3  # as in Kynkäänniemi et al. 2019
MAX_SAMPLES = 10_000  # individuals of a cohort, which limits the number of pairwise distances
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


class GroupPredictor:
    """Predicts ancestry groups from genotypes, in the same way in real and synthetic individuals.

    Linear discriminant analysis of `GROUP_COMPONENTS` principal components of the training individuals.
    `groups` str (n,) are the groups of the training individuals; "" and `OTHER` are not predicted. There
    are no `names` if fewer than two groups have at least `MIN_GROUP` training individuals.
    """

    def __init__(self, train: Cohort, groups: np.ndarray) -> None:
        names, counts = np.unique(groups, return_counts=True)
        self.names = [
            str(name)
            for name, n in zip(names, counts, strict=True)
            if n >= MIN_GROUP and name not in ("", OTHER)
        ]
        if len(self.names) > 1:
            rows = np.isin(groups, self.names)
            self.components = decompose(train.dosages, GROUP_COMPONENTS)
            scores = score(train.dosages[rows], self.components)
            self.model = LinearDiscriminantAnalysis().fit(scores, groups[rows])

    def prevalences(self, cohort: Cohort) -> tuple[Estimates, dict[str, int]]:
        """`prevalence` by predicted group (stratum `group:NAME`), and the numbers of individuals.

        Groups of fewer than `MIN_GROUP` individuals are omitted.
        """
        estimates: Estimates = {}
        sizes = {"all": len(cohort)}
        if len(self.names) < 2 or not len(cohort):
            return estimates, sizes
        predicted = self.model.predict(score(cohort.dosages, self.components))
        for name in self.names:
            phenotype = cohort.phenotype[predicted == name]
            if len(phenotype) >= MIN_GROUP:
                stratum = f"group:{name}"
                estimates["prevalence", stratum] = wilson(int(phenotype.sum()), len(phenotype))
                sizes[stratum] = len(phenotype)
        return estimates, sizes


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


def map_samples(
    components: ScaledComponents, cohorts: dict[str, Cohort], groups: dict[str, np.ndarray]
) -> pd.DataFrame:
    """Numbers of individuals of each cohort and group in cells of the first two components.

    `groups` holds the group (n,) str of each individual by cohort. Columns subject, group, x, y (centre
    of the cell) and samples. Cells are larger if the smallest cohort has fewer individuals. Cells with fewer
    than `MIN_CELL` individuals of a group are omitted, so that the table identifies no individual.
    """
    projected = {name: components.project(cohort)[:2] for name, cohort in cohorts.items()}
    columns = ["subject", "group", "x", "y", "samples"]
    if min(len(coordinates) for coordinates in projected.values()) < 2:
        return pd.DataFrame(columns=columns)
    all_samples = np.concatenate(list(projected.values()), axis=1)
    low, high = np.percentile(all_samples, (0.1, 99.9), axis=1)
    bins = int(np.clip(np.sqrt(min(map(len, cohorts.values()))), *_BINS))
    edges = np.linspace(low, high, bins + 1, axis=1)
    centres = (edges[:, 1:] + edges[:, :-1]) / 2
    tables = []
    for name, coordinates in projected.items():
        for group in np.unique(groups[name]):
            x, y = coordinates[:, groups[name] == group]
            counts = np.histogram2d(x, y, edges)[0].astype(int)
            i, j = np.nonzero(counts >= MIN_CELL)
            cells = (name, group, centres[0][i], centres[1][j], counts[i, j])
            tables.append(pd.DataFrame(dict(zip(columns, cells, strict=True))))
    return pd.concat(tables, ignore_index=True)
