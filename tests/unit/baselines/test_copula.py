import numpy as np
import pytest
from example_cohorts import class_frequencies, linked, variants
from scipy.stats import multivariate_normal

from snpgen.baselines import copula
from snpgen.baselines.copula import factorise, genotype_cuts, sample_copula, score_correlation
from snpgen.baselines.frequencies import genotype_frequencies


def frequencies(dosages: np.ndarray) -> np.ndarray:
    return np.stack([(dosages == genotype).mean(axis=0) for genotype in range(3)])


def dosages_of(cuts: np.ndarray, correlation: float, n: int) -> np.ndarray:
    """Dosages of two variants in the proportions of two cut normal scores, from normal integrals."""
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
    dosages = dosages_of(np.array([[0.3, 1.4], [-1.0, 0.9]]), correlation, 1_000_000)
    found = score_correlation(dosages, genotype_cuts(dosages, dosages.mean(axis=0) / 2))
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
    labels = np.repeat([0, 1], [4000, 2000])
    targets = np.repeat([1, 0], 20_000)
    dosages = np.concatenate(samples)
    target = class_frequencies(dosages, labels)
    target[1, 1:] = 0.9 * target[1, 1:] + 0.05
    synthetic = sample_copula(dosages, labels, variants(30), target, targets, seed=3)
    assert synthetic.dtype == np.int8
    for label, real in enumerate(samples):
        of_class = synthetic[targets == label]
        expected = genotype_frequencies(real, target[label])
        assert np.abs(expected - frequencies(of_class)).max() < 0.015
        assert (of_class[:, 0] == real[0, 0]).all()
        expected, found = (np.corrcoef(side[:, 1:].T) for side in (real, of_class))
        assert np.abs(expected - found).max() < 0.05


def test_copula_of_a_class_of_few_samples_and_of_a_single_variant() -> None:
    dosages = np.array([[0, 2, 1, 0], [1, 2, 1, 2], [2, 2, 0, 0], [1, 0, 1, 1]], np.int8)
    labels = np.array([0, 0, 0, 1])
    targets = np.repeat([0, 1], 6000)
    target = class_frequencies(dosages, labels)
    synthetic = sample_copula(dosages, labels, variants(4), target, targets, seed=1)
    assert np.abs(frequencies(synthetic[targets == 0]) - frequencies(dosages[:3])).max() < 0.025
    assert (synthetic[targets == 1] == dosages[3]).all()
    single = sample_copula(dosages[:, :1], labels, variants(1), target[:, :1], targets, seed=1)
    assert set(np.unique(single)) == {0, 1, 2}


def test_copula_of_a_large_panel_is_divided_into_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copula, "BLOCK", 4)
    first = np.random.default_rng(1).binomial(2, 0.4, 3000).astype(np.int8)
    labels = np.zeros(3000, int)
    dosages = np.tile(first[:, None], 6)
    target = class_frequencies(dosages, labels)
    synthetic = sample_copula(dosages, labels, variants(6), target, np.zeros(8000, int), seed=2)
    correlation = np.corrcoef(synthetic.T)
    same = np.equal.outer(np.arange(6) // 3, np.arange(6) // 3)
    assert correlation[same].min() > 0.95
    assert np.abs(correlation[~same]).max() < 0.05
