"""Distances against scikit-learn, attacks on planted copies, on nobody, and against the forecast."""

import json

import numpy as np
import pandas as pd
import pytest
from example_cohorts import cohort, frequencies, independent, linked
from scipy.stats import binom
from sklearn.neighbors import NearestNeighbors

from snpgen.evaluation import privacy
from snpgen.evaluation.attacks import attack_figures, frequency_scores
from snpgen.evaluation.cohorts import Cohort
from snpgen.evaluation.distances import nearest_distance
from snpgen.forecast import class_selection, effective_snps, forecast_auc, smoothed_frequency
from snpgen.panel import Panel
from snpgen.plink import MISSING, allele_frequency

COUNT = 100
M = 80


def unlabelled(dosages):
    return Cohort(dosages, (np.arange(len(dosages)) % 4 == 0).astype(np.int8))


@pytest.fixture(scope="module")
def people():
    """Training, test, validation and a synthetic cohort that copies nobody."""
    sizes = {"train": 1500, "test": 600, "validation": 400, "snpgen": 1500}
    people = {name: cohort(n, M, 10 * i) for i, (name, n) in enumerate(sizes.items())}
    for name in ("train", "test", "validation"):
        dosages = people[name].dosages
        dosages[np.random.default_rng(1).random(dosages.shape) < 0.01] = MISSING
    return people


def audit(release, people, others=None):
    frequency = allele_frequency(people["train"].dosages)
    sides = (release, people["train"], others or people["test"], people["validation"])
    return privacy.audit_release(*sides, frequency, COUNT, 3)


@pytest.mark.parametrize("m", [7, 64, 101])
def test_nearest_distances_are_those_of_sklearn(m):
    queries, base = (linked(n, frequencies(m), n) for n in (150, 300))
    exact = NearestNeighbors(n_neighbors=1, algorithm="brute", metric="manhattan").fit(base)
    assert (nearest_distance(queries, base) == exact.kneighbors(queries)[0][:, 0]).all()
    assert np.isnan(nearest_distance(queries, base[:0])).all()


def test_planted_copies_are_matched_and_flagged(people):
    planted = privacy.plant_copies(people["snpgen"], people["train"], 1)
    assert (planted.dosages != people["snpgen"].dosages).any(axis=1).sum() == 75
    found = audit(planted, people)
    value, low, high = found.screening["exact_matches", "all"]
    assert value == 0.05 and low < 0.05 < high
    assert found.attacks["mia_distance_tpr_0.001", "all"].low > 0.03
    honest = audit(people["snpgen"], people)
    assert honest.screening["exact_matches", "all"].value == 0
    assert honest.attacks["mia_distance_tpr_0.001", "all"].high < 0.03


def test_release_of_the_members_themselves_is_found_out(people):
    found = audit(people["train"], people)
    assert found.screening["exact_matches", "all"].value == 1
    assert found.screening["dcr_ratio", "all"].value == 0
    assert found.screening["dcr_ratio", "holdout"].value < 1
    assert found.attacks["mia_distance_auc", "all"].value > 0.99


def test_null_is_near_chance(people):
    test = people["test"]
    half, other = privacy.halve(test.phenotype, np.arange(len(test)), 1)
    found = audit(test.take(half), people, test.take(other))
    for stratum in ("all", "case", "control"):
        _, low, high = found.attacks["mia_frequency_auc", stratum]
        assert low - 0.02 < 0.5 < high + 0.02
    _, low, high = found.attacks["mia_distance_auc", "all"]
    assert low - 0.02 < 0.5 < high + 0.02
    for name in ("all", "holdout"):
        assert found.screening["dcr_ratio", name].value == pytest.approx(1, abs=0.06)


def test_every_score_keeps_its_person(people):
    found = audit(people["snpgen"], people)
    assert {name: len(scores) for name, scores in found.scores.items()} == {
        "distance": 2100,
        "frequency": 2100,
    }
    one = people["test"].dosages[17:18]
    filled = np.where(people["snpgen"].dosages == MISSING, 0, people["snpgen"].dosages)
    assert found.scores["distance"][1517] == -nearest_distance(one, filled)[0]


def test_halves_keep_families_and_the_mix_of_classes(tmp_path):
    phenotype = (np.arange(200) % 4 == 0).astype(np.int8)
    iid = np.array([f"P{i}" for i in range(200)])
    pairs = pd.DataFrame(
        [("P0", "P1", 0.25), ("P1", "P2", 0.12), ("P3", "P4", 0.03), ("P5", "elsewhere", 0.25)],
        columns=["IID1", "IID2", "kinship"],
    )
    table, split = tmp_path / "kinship.tsv", tmp_path / "split.json"
    pairs.to_csv(table, sep="\t", index=False)
    split.write_text(json.dumps({"kinship_cut": None, "max_kinship_asked": 0.0442}))
    family = privacy.read_families(str(table), str(split), iid)
    assert family[0] == family[1] == family[2] and len(set(family)) == 198
    assert len(set(privacy.read_families("", str(split), iid))) == 200
    for seed in range(5):
        half, other = privacy.halve(phenotype, family, seed)
        assert sorted([*half, *other]) == list(range(200))
        assert len(set(half) & {0, 1, 2}) in (0, 3)
        assert phenotype[half].sum() == phenotype[other].sum() == 25


def test_frequency_score_is_the_likelihood_ratio():
    p, q = frequencies(30, 1), frequencies(30, 2)
    genotypes = independent(50, p, 3)
    expected = (binom.logpmf(genotypes, 2, p) - binom.logpmf(genotypes, 2, q)).sum(axis=1)
    assert frequency_scores(genotypes, p, q) == pytest.approx(expected)
    holes = genotypes.copy()
    holes[:, :10] = MISSING
    assert frequency_scores(holes, p, q) == pytest.approx(
        frequency_scores(genotypes[:, 10:], p[10:], q[10:])
    )


def test_smoothed_frequencies_are_never_zero_or_one():
    dosages = np.array([[0, 2, 1], [0, 2, MISSING]], np.int8)
    assert smoothed_frequency(dosages) == pytest.approx([0.5 / 5, 4.5 / 5, 1.5 / 3])
    assert np.isnan(smoothed_frequency(dosages[:0])).all()


def attack_independent_sampler(n, m, n_reference, seed, released=None):
    p = frequencies(m, seed)
    members, others, reference = (
        independent(k, p, seed + i) for i, k in enumerate((n, n, n_reference))
    )
    release = independent(released or n, smoothed_frequency(members), seed + 9)
    known = smoothed_frequency(release), smoothed_frequency(reference)
    scores = [frequency_scores(side, *known) for side in (members, others)]
    return attack_figures("frequency", *scores, "all", COUNT, 1), members


def test_frequency_attack_on_an_independent_sampler_and_its_forecast():
    figures, members = attack_independent_sampler(1000, 1024, 2000, 1)
    value, low, high = figures["mia_frequency_auc", "all"]
    assert value == pytest.approx(0.68, abs=0.02) and low < value < high
    assert effective_snps(members) == pytest.approx(1024, rel=0.01)
    assert forecast_auc(1024, 1000, 1000, 2000) == pytest.approx(value, abs=0.03)


@pytest.mark.parametrize(
    ("n", "m", "reference"), [(300, 300, 5000), (2000, 500, 500), (400, 1500, 400)]
)
def test_forecast_holds_at_other_sizes(n, m, reference):
    figures, _ = attack_independent_sampler(n, m, reference, 20)
    forecast = forecast_auc(m, n, n, reference)
    assert forecast == pytest.approx(figures["mia_frequency_auc", "all"].value, abs=0.035)


def test_a_panel_chosen_by_its_members_leaks_more_of_a_class():
    n, m, kept = 1200, 6000, 400
    p = frequencies(m, 3)
    labels = np.repeat([1, 0], [300, 900])
    members, others, reference = (independent(n, p, seed) for seed in (4, 5, 6))
    cases, controls = members[labels == 1], members[labels == 0]
    spread = np.sqrt(p * (1 - p))
    contrast = np.abs(allele_frequency(cases) - allele_frequency(controls)) / spread
    chosen = np.sort(np.argsort(-contrast)[:kept])
    cases, others, known = (side[labels == 1][:, chosen] for side in (members, others, reference))
    release = independent(300, smoothed_frequency(cases), 7)
    frequency = smoothed_frequency(release), smoothed_frequency(known)
    scores = [frequency_scores(side, *frequency) for side in (cases, others)]
    value = attack_figures("frequency", *scores, "case", COUNT, 1)[
        "mia_frequency_auc", "case"
    ].value
    selection = class_selection(cases, known)
    assert selection > 3
    assert forecast_auc(kept, 300, 300, 300, selection) == pytest.approx(value, abs=0.04)
    assert forecast_auc(kept, 300, 300, 300) < value - 0.1
    assert class_selection(known, others) == pytest.approx(1, abs=0.4)


def test_ld_leaves_fewer_snps():
    doubled = np.repeat(independent(4000, frequencies(100), 1), 2, axis=1)
    assert effective_snps(doubled) == pytest.approx(100, rel=0.03)
    assert effective_snps(np.c_[doubled, np.ones((4000, 7), np.int8)]) == pytest.approx(
        100, rel=0.03
    )
    assert np.isnan(effective_snps(np.ones((50, 5), np.int8)))


def test_forecast_rows(people):
    figures = privacy.forecast_attack(people["train"], people["validation"])
    assert set(figures) == {("forecast_auc", name) for name in ("all", "case", "control")}
    assert 0.5 < figures["forecast_auc", "all"].value < 0.6
    nobody = people["validation"].take(np.arange(0))
    empty = privacy.forecast_attack(people["train"], nobody)
    assert all(np.isnan(figure.value) for figure in empty.values())


def test_weighted_median_is_that_of_copies():
    rng = np.random.default_rng(1)
    values, counts = rng.integers(0, 20, 101).astype(float), rng.integers(0, 3, (4, 101))
    counts[:, 0] += 1 - counts.sum(axis=1) % 2  # an odd number has one median
    found = privacy.weighted_median(values, counts.astype(np.float32))
    assert found.tolist() == [np.median(np.repeat(values, row)) for row in counts]


def test_without_a_reference_only_the_frequency_attack_is_lost(people):
    nobody = people["validation"].take(np.arange(0))
    found = audit(people["snpgen"], people | {"validation": nobody})
    assert np.isnan(found.attacks["mia_frequency_auc", "all"].value)
    assert np.isnan(found.attacks["mia_frequency_tpr_0.01", "case"].value)
    assert np.isfinite(found.attacks["mia_distance_auc", "all"].value)


def test_a_release_without_cases_loses_the_cases_only(people):
    controls = people["snpgen"].take(people["snpgen"].phenotype == 0)
    found = audit(controls, people)
    assert np.isnan(found.attacks["mia_frequency_auc", "case"].value)
    assert np.isfinite(found.attacks["mia_frequency_auc", "control"].value)


def test_members_come_first_in_the_score_table():
    panel = Panel(
        np.zeros((4, 1), np.int8),
        np.array(["a", "b", "c", "d"]),
        np.array(["test", "train", "validation", "train"]),
        np.array([0, 1, 0, 0], np.int8),
    )
    table = privacy.score_table(panel)
    assert table.IID.tolist() == ["b", "d", "a"] and table.phenotype.tolist() == [1, 0, 0]
