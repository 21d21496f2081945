"""Groups are found where they were planted, and assigned by training individuals only."""

import numpy as np
import pandas as pd
import pytest
from example_ancestry import NAMES, M, admixed, structured, variants
from example_cohorts import cohort
from example_cohorts import variants as linked_variants

from snpgen.evaluation.cohorts import Cohort
from snpgen.evaluation.grouping import GroupClassifier, find_clusters, fit_structure_components
from snpgen.genetics.ancestry import count_structured

SHARES = (0.8, 0.15, 0.05)


@pytest.fixture(scope="module")
def train():
    return structured(2_000, SHARES, 1)


@pytest.fixture(scope="module")
def components(train):
    return fit_structure_components(train[0], variants())


@pytest.fixture(scope="module")
def classifier(train, components):
    return GroupClassifier(components, *train)


def test_a_mixture_finds_the_planted_groups(train, components):
    clusters = find_clusters(components, train[0], 1)
    table = pd.crosstab(clusters, train[1])
    assert set(clusters) == {"1", "2", "3"}
    assert [table.loc[str(i), name] for i, name in enumerate(NAMES, 1)] == [1600, 300, 100]


def test_a_homogeneous_cohort_and_its_ld_give_no_groups():
    for rho in (0.5, 0.99):
        samples = cohort(2_000, 200, 3, rho=rho)
        components = fit_structure_components(samples, linked_variants(200))
        assert count_structured(components.components, len(samples)) == 0
        assert (find_clusters(components, samples, 1) == "").all()


def test_a_continuum_of_admixture_is_one_group():
    samples = admixed(2_000, 2)
    components = fit_structure_components(samples, variants())
    assert count_structured(components.components, len(samples)) == 1
    assert set(find_clusters(components, samples, 1)) == {"1"}


def test_a_cluster_below_the_minimum_share_is_not_kept():
    few = structured(10_000, (0.6, 0.395, 0.005), 4)
    components = fit_structure_components(few[0], variants())
    clusters = find_clusters(components, few[0], 1)
    assert set(clusters) <= {"1", "2", ""} and (clusters[few[1] == "north"] == "1").all()


def test_individuals_without_structure_on_one_chromosome_have_no_group(train):
    one = variants().assign(chromosome="1", position=np.arange(M))
    components = fit_structure_components(train[0], one)
    classifier = GroupClassifier(components, *train)
    assert classifier.names == [] and (classifier.assign(train[0]) == "").all()


def test_new_individuals_are_assigned_to_their_group(classifier):
    new, truth = structured(1_000, (0.2, 0.3, 0.5), 5)
    assert classifier.names == list(NAMES)  # the largest first
    assert (classifier.assign(new) == truth).mean() > 0.99


def test_small_groups_other_and_unknown_labels_are_not_used(train, components, caplog):
    labels = train[1].copy()
    labels[labels == "east"] = np.repeat(["few", "other"], [49, 51])
    labels[:30] = ""
    classifier = GroupClassifier(components, train[0], labels)
    assert classifier.names == ["north", "south"]
    assert "few" in caplog.text and "other" not in caplog.text
    assert set(classifier.assign(train[0])) == {"north", "south"}


def test_assignment_depends_on_training_individuals_only(classifier):
    """An individual has the same group whoever is assigned together with it."""
    new, _ = structured(300, SHARES, 6)
    alone = classifier.assign(new.take(np.arange(1)))
    others = Cohort(np.concatenate([new.dosages[:1], 2 - new.dosages]), np.zeros(301, np.int8))
    assert alone[0] == classifier.assign(others)[0] == classifier.assign(new)[0]


def test_without_two_groups_nobody_is_assigned(train, components):
    classifier = GroupClassifier(components, train[0], np.full(len(train[0]), "all"))
    assert classifier.names == [] and set(classifier.assign(train[0])) == {""}
