"""Components and neighbourhoods compared with numpy, scipy and planted faults."""

import numpy as np
import pytest
from example_cohorts import cohort
from scipy.spatial.distance import cdist
from scipy.stats import norm, wasserstein_distance

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
        {name: components.project(samples) for name, samples in cohorts.items()},
        {name: np.full(len(samples), "") for name, samples in cohorts.items()},
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
    placed = components.project(samples)
    x, y = placed[:2]
    group = np.where(x > 0, "east", "west")
    middle = np.argsort(np.hypot(x, y))[:4]  # the densest region of the others
    group[middle] = "few"
    table = structure.map_samples({"real": placed}, {"real": group})
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


def energy(mine, real, count=50):
    return structure.energy_distance(mine, real, "all", count, (1, 2))["pc_energy", "all"]


def test_energy_distance_of_normal_distributions_is_that_of_the_closed_form():
    """In one dimension, E|X - Y| is 2 s phi(d / s) + d (2 Phi(d / s) - 1), where s is the SD of X - Y."""

    def mean_distance(shift, spread):
        z = shift / spread
        return 2 * spread * norm.pdf(z) + shift * (2 * norm.cdf(z) - 1)

    rng = np.random.default_rng(1)
    mine, real = rng.normal(0.5, 1.5, (2_000, 1)), rng.normal(0, 1, (2_000, 1))
    expected = 2 * mean_distance(0.5, np.hypot(1.5, 1))
    expected -= mean_distance(0, 1.5 * np.sqrt(2)) + mean_distance(0, np.sqrt(2))
    value, low, high = energy(mine, real)
    assert low < expected < high and value == pytest.approx(expected, abs=0.04)


def test_energy_distance_is_unbiased_and_its_weights_are_copies():
    rng = np.random.default_rng(2)
    equal = [energy(*rng.normal(size=(2, 30, 3)), count=10).value for _ in range(100)]
    assert abs(np.mean(equal)) < 3 * np.std(equal) / 10
    mine, real = rng.normal(0, 1, (40, 2)), rng.normal(0.3, 1, (50, 2))
    between = cdist(mine, real).mean()
    own = [cdist(side, side).sum() / (len(side) * (len(side) - 1)) for side in (mine, real)]
    assert energy(mine, real).value == pytest.approx(2 * between - sum(own))
