import numpy as np
import pytest
from example_cohorts import linked
from scipy.stats import multivariate_normal

from snpgen.baselines import baselines
from snpgen.baselines.baselines import (
    factorise,
    genotype_cuts,
    sample_copula,
    sample_independent,
    sample_mosaic,
    score_correlation,
    shuffle_chromosomes,
)


def frequencies(dosages: np.ndarray) -> np.ndarray:
    return np.stack([(dosages == genotype).mean(axis=0) for genotype in range(3)])


def test_independent_keeps_genotype_frequencies_by_class_and_breaks_ld() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 4000)
    first = rng.binomial(2, np.where(labels == 1, 0.4, 0.1)).astype(np.int8)
    dosages = np.column_stack([first, first])
    wanted = np.repeat([0, 1], 20_000)
    drawn = sample_independent(dosages, labels, wanted, seed=1)
    for label in (0, 1):
        for genotype in range(3):
            real = (dosages[labels == label] == genotype).mean(axis=0)
            synthetic = (drawn[wanted == label] == genotype).mean(axis=0)
            assert np.abs(real - synthetic).max() < 0.015
        assert abs(np.corrcoef(drawn[wanted == label].T)[0, 1]) < 0.03


def people_of(cuts: np.ndarray, correlation: float, n: int) -> np.ndarray:
    """People in the proportions of two cut normal scores, by the normal integral of each cell."""
    law = multivariate_normal(cov=[[1, correlation], [correlation, 1]])
    ends = np.pad(cuts, ((0, 0), (1, 1)), constant_values=((-9, 9),))
    cells = [(a, b) for a in range(3) for b in range(3)]
    share = [
        law.cdf(
            [ends[0, a + 1], ends[1, b + 1]],
            lower_limit=[ends[0, a], ends[1, b]],
            rng=np.random.default_rng(0),
        )
        for a, b in cells
    ]
    return np.repeat(np.array(cells, np.int8), np.rint(n * np.array(share)).astype(int), axis=0)


@pytest.mark.parametrize("correlation", [-0.9, -0.3, 0.0, 0.2, 0.7, 0.97])
def test_correlation_of_the_scores_is_found_from_the_dosages(correlation: float) -> None:
    dosages = people_of(np.array([[0.3, 1.4], [-1.0, 0.9]]), correlation, 1_000_000)
    found = score_correlation(dosages, genotype_cuts(dosages))
    assert found[0, 1] == pytest.approx(correlation, abs=0.004)
    assert found[1, 0] == found[0, 1] and found[0, 0] == 1


def test_nearest_correlations_are_those_of_higham() -> None:
    """The example of Higham (2002), section 4."""
    broken = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], dtype=np.float32)
    nearest = [[1, 0.7607, 0.1573], [0.7607, 1, 0.7607], [0.1573, 0.7607, 1]]
    factor = factorise(broken)
    assert np.allclose(factor @ factor.T, nearest, atol=0.01)
    whole = np.array([[1, 0.5], [0.5, 1]], dtype=np.float32)
    factor = factorise(whole)
    assert np.allclose(factor @ factor.T, whole, atol=1e-6)


def test_copula_keeps_frequencies_and_ld_of_each_class() -> None:
    p = np.random.default_rng(1).uniform(0.05, 0.95, 30)
    samples = [linked(4000, p, 1, rho=0.8), linked(2000, 1 - p, 2, rho=0.3)]
    samples[0][:, 0], samples[1][:, 0] = 2, 0  # monomorphic in each class
    labels = np.repeat([0, 5], [4000, 2000])
    wanted = np.repeat([5, 0], 20_000)
    drawn = sample_copula(np.concatenate(samples), labels, wanted, seed=3)
    assert drawn.dtype == np.int8
    for real, label in zip(samples, (0, 5), strict=True):
        synthetic = drawn[wanted == label]
        assert np.abs(frequencies(real) - frequencies(synthetic)).max() < 0.015
        assert (synthetic[:, 0] == real[0, 0]).all()
        theirs, ours = (np.corrcoef(side[:, 1:].T) for side in (real, synthetic))
        assert np.abs(theirs - ours).max() < 0.05


def test_copula_of_a_class_of_few_people_and_of_a_single_variant() -> None:
    dosages = np.array([[0, 2, 1, 0], [1, 2, 1, 2], [2, 2, 0, 0], [1, 0, 1, 1]], np.int8)
    labels = np.array([0, 0, 0, 1])
    wanted = np.repeat([0, 1], 6000)
    drawn = sample_copula(dosages, labels, wanted, seed=1)
    assert np.abs(frequencies(drawn[wanted == 0]) - frequencies(dosages[:3])).max() < 0.025
    assert (drawn[wanted == 1] == dosages[3]).all()
    assert set(np.unique(sample_copula(dosages[:, :1], labels, wanted, 1))) == {0, 1, 2}


def test_copula_of_a_large_panel_is_taken_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "COPULA_BLOCK", 4)
    first = np.random.default_rng(1).binomial(2, 0.4, 3000).astype(np.int8)
    labels = np.zeros(3000, int)
    drawn = sample_copula(np.tile(first[:, None], 6), labels, np.zeros(8000, int), seed=2)
    correlation = np.corrcoef(drawn.T)
    same = np.equal.outer(np.arange(6) // 3, np.arange(6) // 3)
    assert correlation[same].min() > 0.95
    assert np.abs(correlation[~same]).max() < 0.05


def test_mosaic_breaks_as_often_as_the_distance_says() -> None:
    """Each training person has one genotype throughout, so that donors can be told apart."""
    dosages = np.repeat(np.array([[0], [1], [2], [0]], np.int8), 5, axis=1)
    labels = np.array([0, 0, 0, 1])
    chromosomes = np.array(["1", "1", "1", "2", "2"])
    positions = np.array([100, 100, 700_100, 700_200, 2_700_200])
    wanted = np.repeat([1, 0], [1000, 40_000])
    drawn = sample_mosaic(dosages, labels, chromosomes, positions, wanted, seed=1)
    assert (drawn[wanted == 1] == 0).all()
    same = (drawn[wanted == 0][:, 1:] == drawn[wanted == 0][:, :-1]).mean(axis=0)
    unbroken = np.array([1.0, np.exp(-0.7), 0.0, np.exp(-2.0)])
    assert np.allclose(same, unbroken + (1 - unbroken) / 3, atol=0.01)
    assert np.abs(frequencies(drawn[wanted == 0]) - 1 / 3).max() < 0.015


def test_shuffled_people_carry_whole_chromosomes_of_their_class_and_group() -> None:
    n = 600
    labels, groups = np.arange(n) % 2, np.array(["a", "b", "b"])[np.arange(n) % 3]
    chromosomes = np.array(["1", "1", "2", "2", "2"])
    dosages = np.random.default_rng(1).integers(0, 3, (n, 5)).astype(np.int8)
    shuffled = shuffle_chromosomes(dosages, labels, groups, chromosomes, seed=4)
    for stratum in {(label, group) for label, group in zip(labels, groups, strict=True)}:
        rows = (labels == stratum[0]) & (groups == stratum[1])
        for chromosome in ("1", "2"):
            before, after = (
                sorted(map(tuple, side[rows][:, chromosomes == chromosome].tolist()))
                for side in (dosages, shuffled)
            )
            assert before == after
    stays = [
        (dosages[:, chromosomes == c] == shuffled[:, chromosomes == c]).all(axis=1) for c in "12"
    ]
    assert stays[0].mean() < 0.2 and stays[1].mean() < 0.1  # by chance 1/9 and 1/27


@pytest.mark.parametrize("sample", [sample_independent, sample_copula])
def test_same_seed_same_people(sample) -> None:
    dosages = linked(300, np.full(10, 0.3), 1)
    labels = np.arange(300) % 2
    first, again, other = (sample(dosages, labels, labels, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
