import numpy as np
import pytest
from example_cohorts import class_frequencies, variants

from snpgen.baselines.frequencies import genotype_frequencies
from snpgen.baselines.independent import sample_independent


def test_genotype_frequencies_have_the_target_and_keep_the_inbreeding_coefficient() -> None:
    rng = np.random.default_rng(1)
    p = rng.uniform(0.1, 0.9, 40)
    dosages = rng.binomial(2, p, (500, 40)).astype(np.int8)
    inbred = rng.random((500, 20)) < 0.3
    dosages[:, :20] = np.where(inbred, 2 * rng.binomial(1, p[:20], (500, 20)), dosages[:, :20])
    own = dosages.mean(axis=0) / 2
    observed = np.stack([(dosages == genotype).mean(axis=0) for genotype in range(3)])
    assert genotype_frequencies(dosages, own) == pytest.approx(observed, abs=1e-12)
    target = own + rng.uniform(-0.08, 0.08, 40)
    found = genotype_frequencies(dosages, target)
    assert found.min() >= 0 and found.sum(axis=0) == pytest.approx(1)
    assert found[1] + 2 * found[2] == pytest.approx(2 * target, abs=1e-12)
    before, after = observed[1] / (own * (1 - own)), found[1] / (target * (1 - target))
    assert after == pytest.approx(before)
    assert before[:20].mean() < 0.8 * before[20:].mean()


def test_genotype_frequencies_at_the_boundaries() -> None:
    """All heterozygous; monomorphic, for either allele; targets that exceed 0 and 1."""
    dosages = np.array([[1, 0, 2, 0, 2]] * 10, np.int8)
    found = genotype_frequencies(dosages, np.array([0.1, 0.2, 0.2, -0.1, 1.1]))
    expected = [[0.8, 0.2, 0], [0.64, 0.32, 0.04], [0.64, 0.32, 0.04], [1, 0, 0], [0, 0, 1]]
    assert found.T == pytest.approx(np.array(expected))


def test_independent_keeps_genotype_frequencies_by_class_and_breaks_ld() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 4000)
    first = rng.binomial(2, np.where(labels == 1, 0.4, 0.1)).astype(np.int8)
    dosages = np.column_stack([first, first])
    targets = np.repeat([0, 1], 20_000)
    frequencies = class_frequencies(dosages, labels)
    frequencies[1] += 0.1
    synthetic = sample_independent(dosages, labels, variants(2), frequencies, targets, seed=1)
    for label in (0, 1):
        expected = genotype_frequencies(dosages[labels == label], frequencies[label])
        for genotype in range(3):
            found = (synthetic[targets == label] == genotype).mean(axis=0)
            assert np.abs(expected[genotype] - found).max() < 0.015
        assert abs(np.corrcoef(synthetic[targets == label].T)[0, 1]) < 0.03
