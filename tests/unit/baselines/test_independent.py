import numpy as np
from example_cohorts import variants

from snpgen.baselines.independent import sample_independent


def test_independent_keeps_genotype_frequencies_by_class_and_breaks_ld() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 4000)
    first = rng.binomial(2, np.where(labels == 1, 0.4, 0.1)).astype(np.int8)
    dosages = np.column_stack([first, first])
    targets = np.repeat([0, 1], 20_000)
    synthetic = sample_independent(dosages, labels, variants(2), targets, seed=1)
    for label in (0, 1):
        for genotype in range(3):
            real = (dosages[labels == label] == genotype).mean(axis=0)
            found = (synthetic[targets == label] == genotype).mean(axis=0)
            assert np.abs(real - found).max() < 0.015
        assert abs(np.corrcoef(synthetic[targets == label].T)[0, 1]) < 0.03
