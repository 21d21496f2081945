"""The largest group with homogeneous principal components, on simulated structure."""

import numpy as np
import pytest
from example_structure import GROUPS, simulate_groups

from snpgen.genetics.homogeneity import find_homogeneous


def test_the_largest_group_is_found():
    group, _, scores = simulate_groups(seed=1)
    homogeneous = find_homogeneous(scores)
    assert (homogeneous == (group == "large")).mean() > 0.999
    assert not homogeneous[group != "large"].any()
    # On the scale of eigenvectors, and with another order of the columns.
    scaled = scores / np.linalg.norm(scores, axis=0)
    assert (find_homogeneous(scaled[:, ::-1]) == homogeneous).mean() > 0.999


def test_one_of_several_groups_of_similar_size():
    rng = np.random.default_rng(2)
    group = np.repeat([0, 1, 2, 3], [1_600, 1_300, 1_300, 300])
    centres = np.array([[0, 0, 0], [40, 0, 0], [0, 30, 0], [20, 15, 0]])
    scores = centres[group] + rng.standard_normal((4_500, 3))
    np.testing.assert_array_equal(find_homogeneous(scores), group == 0)


@pytest.mark.parametrize(("n", "k"), [(100, 2), (300, 10), (3_000, 1), (3_000, 10), (120_000, 5)])
def test_without_structure_all_individuals_are_in_the_group(n, k):
    scores = np.random.default_rng(n + k).standard_normal((n, k))
    assert find_homogeneous(scores).all()


def test_a_cline_and_relatives_do_not_divide_the_group():
    rng = np.random.default_rng(3)
    scores = 2 * rng.standard_normal((5_000, 6))
    scores[:, 0] += 20 * (rng.beta(1.2, 2.8, 5_000) - 0.3)  # two SD of the noise
    scores[:150] += 3 * rng.standard_normal((150, 6))  # relatives
    assert find_homogeneous(scores).mean() > 0.98


def test_without_components_all_individuals_are_in_the_group():
    assert find_homogeneous(np.empty((7, 0))).tolist() == [True] * 7


def test_every_group_is_simulated():
    group, dosages, scores = simulate_groups(seed=1)
    assert set(group) == set(GROUPS) and len(dosages) == len(scores) == len(group)
