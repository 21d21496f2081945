"""Components and neighbourhoods compared with numpy, scipy and planted faults."""

import numpy as np
import pytest
from example_cohorts import cohort
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance

from snpgen.evaluation import structure
from snpgen.evaluation.cohorts import Cohort

M = 40


@pytest.fixture(scope="module")
def train():
    return cohort(800, M, 1)


@pytest.fixture(scope="module")
def components(train):
    return structure.fit_components(train)


def compare(mine, real, count=50):
    return structure.compare_components(mine, real, count, (1, 2))


def test_components_are_those_of_the_standardised_genotypes(train, components):
    p = train.dosages.mean(axis=0) / 2
    z = (train.dosages - 2 * p) / np.sqrt(2 * p * (1 - p))
    left, _, _ = np.linalg.svd(z, full_matrices=False)
    placed = components.project(train)
    for mine, theirs in zip(placed, left.T, strict=False):
        assert abs(np.corrcoef(mine, theirs)[0, 1]) == pytest.approx(1, abs=1e-4)
    assert placed.std(axis=1) == pytest.approx(1, abs=1e-3)


def test_distance_along_components_is_that_of_scipy_and_weights_are_copies(components):
    mine, real = (components.project(cohort(n, M, seed)) for n, seed in ((300, 2), (200, 3)))
    estimates = compare(mine, real)
    expected = [wasserstein_distance(*pair) for pair in zip(mine, real, strict=True)]
    assert estimates["pc_wasserstein", "pc1"].value == pytest.approx(expected[0], rel=1e-5)
    assert estimates["pc_wasserstein", "all"].value == pytest.approx(np.mean(expected), rel=1e-5)
    times = np.random.default_rng(1).integers(0, 4, 300)
    weighted = structure._Component(mine[0], real[0]).pc_wasserstein(
        times[None].astype(np.float32), np.ones((1, 200), np.float32)
    )
    copies = wasserstein_distance(np.repeat(mine[0], times), real[0])
    assert weighted[0] == pytest.approx(copies, rel=1e-5)


def test_a_shifted_population_is_outside_the_real_range():
    rng = np.random.default_rng(1)
    real, far = rng.standard_normal((2, 2_000)), rng.standard_normal((2, 1_000)) + 5
    near = compare(rng.standard_normal((2, 2_000)), real)["pc_outside", "all"]
    assert near.value == pytest.approx(0.02, abs=0.01) and near.low <= 0.02 <= near.high
    assert compare(far, real)["pc_outside", "all"].value > 0.99
    assert compare(far, real)["pc_wasserstein", "pc1"].value == pytest.approx(5, abs=0.1)


def test_precision_and_recall_are_those_of_the_definition():
    samples = cohort(240, M, 4)
    real, mine = samples.dosages[:120], samples.dosages[120:]
    mine = np.vstack([mine[:60], 2 - mine[60:]])  # a half from nowhere
    own = np.sort(cdist(real, real, "cityblock"), axis=1)[:, structure.NEIGHBOURS]
    theirs = np.sort(cdist(mine, mine, "cityblock"), axis=1)[:, structure.NEIGHBOURS]
    distance = cdist(mine, real, "cityblock")
    estimates = structure.precision_recall(mine, real)
    assert estimates["precision", "all"].value == np.mean((distance <= own).any(axis=1))
    assert estimates["recall", "all"].value == np.mean((distance.T <= theirs).any(axis=1))


def test_identical_samples_have_full_precision_and_no_recall():
    samples = cohort(200, M, 4).dosages
    same = np.repeat(samples[:1], 200, axis=0)
    estimates = structure.precision_recall(same, samples)
    assert estimates["precision", "all"].value == 1
    assert estimates["recall", "all"].value < 0.02


def map_ungrouped(components, **cohorts):
    return structure.map_samples(
        components, cohorts, {name: np.full(len(samples), "") for name, samples in cohorts.items()}
    )


def test_map_counts_samples_and_omits_small_cells(train, components):
    alone = Cohort(train.dosages[:4], train.phenotype[:4])
    table = map_ungrouped(components, crowd=cohort(5_000, M, 3), alone=alone)
    assert set(table.subject) == {"crowd"}
    assert table.samples.min() >= structure.MIN_CELL
    assert 2_500 < table.samples.sum() <= 5_000
    assert table.dtypes[["x", "y", "samples"]].tolist() == [float, float, int]  # six digits on disk


def test_map_counts_each_group_separately_and_omits_small_ones(components):
    samples = cohort(5_000, M, 3)
    x, y = components.project(samples)[:2]
    group = np.where(x > 0, "east", "west")
    middle = np.argsort(np.hypot(x, y))[:4]  # the densest region of the others
    group[middle] = "few"
    table = structure.map_samples(components, {"real": samples}, {"real": group})
    assert set(table.group) == {"east", "west"}
    width = np.diff(np.unique(table.x)).min()
    assert table[table.group == "east"].x.min() > -width
    assert table[table.group == "west"].x.max() < width
    together = map_ungrouped(components, real=samples)
    both = table.merge(together, on=["x", "y"]).groupby(["x", "y"])
    assert (both.samples_x.sum() <= both.samples_y.first()).all()
    east = table[(table.group == "east") & (table.x > width)].samples.sum()
    assert 0 < east <= (x > 0).sum()


def test_map_without_components_is_empty(train):
    constant = Cohort(np.zeros_like(train.dosages), train.phenotype)
    assert map_ungrouped(structure.fit_components(constant), real=train).empty


def two_ancestries(n, prevalences, seed):
    """Individuals of two ancestries with different frequencies and prevalences, and their groups."""
    rng = np.random.default_rng(seed)
    p = np.random.default_rng(1).uniform(0.1, 0.9, M)
    q = np.clip(p + np.random.default_rng(2).normal(0, 0.3, M), 0.02, 0.98)
    second = rng.random(n) < 0.3
    dosages = np.where(second[:, None], rng.binomial(2, q, (n, M)), rng.binomial(2, p, (n, M)))
    phenotype = rng.random(n) < np.where(second, prevalences[1], prevalences[0])
    groups = np.where(second, "south", "north")
    return Cohort(dosages.astype(np.int8), phenotype.astype(np.int8)), groups


def test_prevalences_by_group_are_those_planted():
    train, groups = two_ancestries(3000, (0.1, 0.6), 5)
    groups[:20] = ["", "other"] * 10
    predictor = structure.GroupPredictor(train, groups)
    mine, truth = two_ancestries(2000, (0.3, 0.4), 7)
    estimates, sizes = predictor.prevalences(mine)
    assert sizes["all"] == 2000 and sizes["group:north"] + sizes["group:south"] == 2000
    for name, expected in (("north", 0.3), ("south", 0.4)):
        value, low, high = estimates["prevalence", f"group:{name}"]
        assert value == pytest.approx(mine.phenotype[truth == name].mean(), abs=0.01)
        assert low < expected < high
    few = mine.take(
        np.r_[np.flatnonzero(truth == "north")[:50], np.flatnonzero(truth == "south")[:8]]
    )
    assert list(predictor.prevalences(few)[0]) == [("prevalence", "group:north")]


def test_without_groups_there_are_no_prevalences(train):
    for groups in (np.full(800, ""), np.repeat(["", "north", "south"], [700, 95, 5])):
        estimates, sizes = structure.GroupPredictor(train, groups).prevalences(train)
        assert estimates == {} and sizes == {"all": 800}
