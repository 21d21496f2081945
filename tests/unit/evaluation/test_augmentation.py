"""Synthetic cohorts added to shares of real ones, with planted gains, no gain, and a loss."""

import numpy as np
import pytest
from example_cohorts import cohort
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from snpgen.evaluation import augmentation
from snpgen.evaluation.augmentation import (
    SHARES,
    compare_added,
    predict_added,
    sample_shares,
)
from snpgen.evaluation.cohorts import limit_size, shuffle_labels
from snpgen.evaluation.utility import predict_risks
from snpgen.io.plink import allele_frequency

COUNT = 200
M = 40


@pytest.fixture(scope="module")
def train():
    return cohort(2000, M, 1, effect=0.5)


@pytest.fixture(scope="module")
def test():
    return cohort(800, M, 11, effect=0.5)


@pytest.fixture(scope="module")
def risks(train, test):
    sampled = sample_shares(train.phenotype, 5)
    shares = {share: sampled[share] for share in (5, 100)}
    sources = {
        "alone": None,
        "more samples": cohort(2000, M, 21, effect=0.5),
        "no effect": shuffle_labels(train, 1),
    }
    fixed = test.dosages, allele_frequency(train.dosages), 3, 1
    found = {name: predict_added(train, shares, source, *fixed) for name, source in sources.items()}
    return found | {"train": predict_risks(train, *fixed)}


def test_shares_keep_the_classes_and_each_holds_the_smaller_ones(train):
    shares = sample_shares(train.phenotype, 5)
    assert list(shares) == list(SHARES)
    before: set[int] = set()
    for share, rows in shares.items():
        for label in (0, 1):
            all_samples = (train.phenotype == label).sum()
            assert (train.phenotype[rows] == label).sum() == round(all_samples * share / 100)
        assert before <= set(rows) and len(set(rows)) == len(rows)
        before = set(rows)
    assert before == set(range(len(train)))
    again, other = sample_shares(train.phenotype, 5), sample_shares(train.phenotype, 6)
    assert (again[5] == shares[5]).all() and set(other[5]) != set(shares[5])


def test_all_training_samples_alone_are_the_ceiling_to_the_digit(risks):
    assert (risks["alone"][100] == risks["train"]["ridge"]).all()


def test_more_samples_of_the_population_complete_a_share(risks, test):
    y, alone = test.phenotype, risks["alone"]
    estimates = compare_added(y, alone, risks["more samples"], COUNT, 7)
    assert estimates["auc_gain_ridge", "added_to_5"].low > 0.01
    reached = estimates["auc_ridge_added_to_5", "all"].value
    assert reached == pytest.approx(roc_auc_score(y, risks["train"]["ridge"]), abs=0.02)


def test_a_subset_of_a_large_cohort_is_added(train, test, monkeypatch):
    monkeypatch.setattr(augmentation, "MAX_SAMPLES", 500)
    shares, large = {5: np.arange(100)}, cohort(2000, M, 21, effect=0.5)
    fixed = test.dosages, allele_frequency(train.dosages), 3, 1
    found, expected = (
        predict_added(train, shares, source, *fixed)[5]
        for source in (large, limit_size(large, 500, 3))
    )
    assert (found == expected).all()


def test_a_cohort_without_effects_harms(risks, test):
    estimates = compare_added(test.phenotype, risks["alone"], risks["no effect"], COUNT, 7)
    assert estimates["auc_gain_ridge", "added_to_100"].high < 0


def test_estimates_equal_sklearn_and_nothing_added_gains_nothing(risks, test):
    y, alone, added = test.phenotype, risks["alone"], risks["more samples"]
    estimates = compare_added(y, alone, added, COUNT, 7)
    for share in (5, 100):
        auc, before = roc_auc_score(y, added[share]), roc_auc_score(y, alone[share])
        assert estimates[f"auc_ridge_added_to_{share}", "all"].value == pytest.approx(auc)
        gain = estimates["auc_gain_ridge", f"added_to_{share}"].value
        assert gain == pytest.approx(auc - before)
    nothing = compare_added(y, alone, alone, COUNT, 7)
    assert nothing["auc_gain_ridge", "added_to_5"] == (0, 0, 0)


def test_intervals_of_auc_and_of_the_paired_gain_cover_the_truth():
    """Binormal scores, whose AUC is known: the distance of the means over root two of their spread."""
    rng = np.random.default_rng(1)
    n, distance, noise, repeats = 600, 0.8, 0.7, 400
    auc, noisy = norm.cdf(distance / np.sqrt(2 * np.array([1, 1 + noise**2])))
    covered = np.zeros(2)
    for seed in range(repeats):
        y = (rng.random(n) < 0.3).astype(np.int8)
        score = distance * y + rng.normal(size=n)
        blurred = score + rng.normal(0, noise, n)
        estimates = compare_added(y, {5: blurred}, {5: score}, 300, seed)
        level = estimates["auc_ridge_added_to_5", "all"]
        gain = estimates["auc_gain_ridge", "added_to_5"]
        covered += level.low <= auc <= level.high, gain.low <= auc - noisy <= gain.high
        if seed == 0:  # pairing pays
            assert gain.high - gain.low < 0.8 * (level.high - level.low)
    assert (0.93 < covered / repeats).all() and (covered / repeats < 0.97).all()
