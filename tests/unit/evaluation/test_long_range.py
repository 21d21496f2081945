"""Covariance of ancestry-informative variants against its definition and planted admixture."""

import numpy as np
import pytest
from example_ancestry import M, admixed, group_frequencies, structured, variants

from snpgen.evaluation.cohorts import Cohort, shuffled_cohort
from snpgen.evaluation.long_range import (
    BINS,
    AncestryCovariance,
    compare_covariance,
    informative_bins,
)
from snpgen.io.panel import Panel

COUNT = 200
W = group_frequencies()[0] - group_frequencies()[1]


def covariance(cohort, seed=1):
    return AncestryCovariance(cohort, W, variants(), seed)


def value(covariance):
    return covariance(np.ones((1, covariance.sample[0])))[0]


def test_covariance_is_that_of_the_definition():
    samples = admixed(300, 1)
    table = variants()
    full = np.cov(samples.dosages.T)
    i, j = np.triu_indices(M, k=1)
    chromosome, position = table.chromosome.to_numpy(), table.position.to_numpy()
    same, distance = chromosome[i] == chromosome[j], np.abs(position[i] - position[j]) / 1e6
    pairs = [same & (distance >= a) & (distance < b) for a, b in ((3, 10), (10, 30), (30, 100))]
    expected = []
    for chosen in (*pairs, ~same):
        product = (W[i] * W[j])[chosen]
        expected.append((full[i, j][chosen] * product).sum() / (product**2).sum())
    assert value(covariance(samples)) == pytest.approx(expected, rel=1e-6)


def test_covariance_decays_as_the_ancestry_tracts():
    """Per haplotype Var(share) + exp(-10 d) E[share (1 - share)]; a dosage has two, and shares both."""
    found = dict(zip(BINS, value(covariance(admixed(8_000, 2))), strict=True))
    variance = 4 * 3 / (7**2 * 8)  # of Beta(4, 3)
    between = 4 * variance
    assert found["far"] == pytest.approx(between, rel=0.1)
    near = np.exp(-10 * np.array([0.04, 0.08])).mean()  # pairs at 4 and 8 Mb
    expected = between + 2 * near * (4 / 7 - variance - (4 / 7) ** 2)
    assert found["3-10mb"] == pytest.approx(expected, rel=0.1)


def test_real_individuals_have_a_ratio_of_one_and_shuffled_chromosomes_none_between_them():
    train, test = admixed(2_000, 3), admixed(1_000, 4)
    real = covariance(test, 2)
    bins = informative_bins(real, COUNT)
    assert bins == [0, 1, 2, 3]
    ratios = compare_covariance(covariance(train), real, bins, "all", COUNT)
    for name in BINS:
        ratio, low, high = ratios[f"ancestry_covariance_{name}", "all"]
        assert low < ratio < high and ratio == pytest.approx(1, abs=0.2)
    panel = Panel(
        train.dosages, np.arange(2_000).astype(str), np.full(2_000, "train"), train.phenotype
    )
    shuffled = shuffled_cohort(train, panel, variants(), np.full(2_000, ""), 1)
    ratios = compare_covariance(covariance(shuffled), real, bins, "all", COUNT)
    assert abs(ratios["ancestry_covariance_far", "all"].value) < 0.1
    assert ratios["ancestry_covariance_3-10mb", "all"].value == pytest.approx(1, abs=0.2)


def test_a_homogeneous_group_is_not_informative():
    one, _ = structured(1_000, (1.0,), 5)
    assert informative_bins(covariance(one), COUNT) == []
    assert compare_covariance(covariance(one), covariance(one), [], "all", COUNT) == {}


def test_missing_calls_and_bins_without_pairs():
    samples = admixed(1_000, 6)
    sparse = np.where(np.random.default_rng(1).random((1_000, M)) < 0.01, -127, samples.dosages)
    found = value(covariance(Cohort(sparse.astype(np.int8), samples.phenotype)))
    assert found == pytest.approx(value(covariance(samples)), rel=0.1)
    one = variants().assign(chromosome="1", position=np.arange(M) * 3_000)
    assert np.isnan(value(AncestryCovariance(samples, W, one, 1))).all()
