"""Distances and the nearest-neighbour adversary against scikit-learn."""

import numpy as np
import pytest
from example_cohorts import frequencies, linked, nearest_two

from snpgen.evaluation.neighbours import compare_samples
from snpgen.evaluation.screening import (
    adversarial_accuracy,
    distance_ratios,
    exact_matches,
    further,
    neighbour_ratio,
    weighted_median,
)
from snpgen.genetics.packed import pack_planes

COUNT = 50


def nearest_other(samples):
    return nearest_two(samples, samples)[:, 1]  # the first is the sample itself, or its twin


@pytest.fixture(scope="module")
def sides():
    """Members, as many synthetic individuals, 60 of them copies, and as many non-members."""
    members, synthetic, others = (linked(201, frequencies(60), seed) for seed in (1, 2, 3))
    synthetic[:60] = members[:60]
    return members, synthetic, others


def ours(samples, others):
    return compare_samples(pack_planes(samples), pack_planes(others)).nearest


def test_ratios_of_distances_are_those_of_sklearn(sides):
    members, synthetic, others = sides
    pairs = [(synthetic, members), (others, members)]
    pairs += [(synthetic, members[:101]), (synthetic, others)]
    found = distance_ratios([ours(*pair) for pair in pairs], COUNT, 1)
    theirs = [nearest_two(*pair) for pair in pairs]
    nearest = [np.median(distance[:, 0]) for distance in theirs]
    ratios = [np.median(distance[:, 0] / distance[:, 1]) for distance in theirs]
    for name, (to_members, real, to_subset, to_non_members) in (
        ("dcr_ratio", nearest),
        ("nndr_ratio", ratios),
    ):
        assert found[name, "all"].value == pytest.approx(to_members / real)
        assert found[name, "holdout"].value == pytest.approx(to_subset / to_non_members)
        assert found[name, "all"].low <= found[name, "all"].value <= found[name, "all"].high


def test_neighbour_ratio_of_twins_and_of_an_empty_set():
    pairs = np.array([[0, 0], [0, 5], [2, 4], [3, np.nan], [np.nan, np.nan]])
    expected = [0, 0, 0.5, np.nan, np.nan]
    np.testing.assert_equal(neighbour_ratio(pairs), expected)


def meet(members, synthetic, others):
    own = {
        name: compare_samples(codes, codes, same=True).nearest[:, 0]
        for name, codes in zip("tse", map(pack_planes, (members, synthetic, others)), strict=True)
    }
    return [
        further(ours(members, synthetic)[:, 0], own["t"]),
        further(ours(synthetic, members)[:, 0], own["s"]),
        further(ours(others, synthetic)[:, 0], own["e"]),
        further(ours(synthetic, others)[:, 0], own["s"]),
    ]


def accuracy(real, synthetic):
    """Yelmen's AA_TS written out, ties as one half."""
    shares = []
    for one, other in ((real, synthetic), (synthetic, real)):
        across, within = nearest_two(one, other)[:, 0], nearest_other(one)
        shares.append(np.mean(across > within) + np.mean(across == within) / 2)
    return np.mean(shares)


def test_adversarial_accuracy_is_that_of_sklearn(sides):
    members, synthetic, others = sides
    found = adversarial_accuracy(meet(*sides), COUNT, 1)
    train, test = accuracy(members, synthetic), accuracy(others, synthetic)
    assert found["nnaa_train", "all"].value == pytest.approx(train)
    assert found["nnaa_test", "all"].value == pytest.approx(test)
    assert found["privacy_loss", "all"].value == pytest.approx(test - train)
    assert found["privacy_loss", "all"].value > 0  # because of the copies


def test_adversary_cannot_distinguish_samples_of_one_population():
    """Few variants: many ties, which would bias the accuracy below one half."""
    sides = [linked(400, frequencies(12), seed) for seed in (1, 2, 3)]
    found = adversarial_accuracy(meet(*sides), COUNT, 1)
    assert found["nnaa_train", "all"].value == pytest.approx(0.5, abs=0.05)
    assert found["privacy_loss", "all"].low < 0 < found["privacy_loss", "all"].high


def test_adversary_detects_a_release_of_members_or_of_non_members(sides):
    members, _, others = sides
    copied = adversarial_accuracy(meet(members, members, others), COUNT, 1)
    assert copied["nnaa_train", "all"].value == 0
    non_members = linked(201, frequencies(60, 9), 4)
    found = adversarial_accuracy(meet(members, non_members, others), COUNT, 1)
    assert found["nnaa_train", "all"].value > 0.95


def test_exact_matches_are_counted():
    value, low, high = exact_matches(np.array([0.0, 3.0, 0.0, 1.0]))
    assert value == 0.5 and low < 0.5 < high
    assert exact_matches(np.array([np.nan])).value == 0
    assert np.isnan(exact_matches(np.empty(0)).value)


def test_weighted_median_is_that_of_copies():
    rng = np.random.default_rng(1)
    values, counts = rng.integers(0, 20, 101).astype(float), rng.integers(0, 3, (4, 101))
    counts[:, 0] += 1 - counts.sum(axis=1) % 2  # an odd number has one median
    found = weighted_median(values, counts.astype(np.float32))
    assert found.tolist() == [np.median(np.repeat(values, row)) for row in counts]
