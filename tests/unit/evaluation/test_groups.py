"""Evaluation by group with planted cohorts: as real, without an ancestry, and with chromosomes permuted."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from example_ancestry import NAMES, admixed, real_data, structured, variants
from sklearn.metrics import roc_auc_score

from snpgen.baselines.registry import NEGATIVE_CONTROL, SNPGEN
from snpgen.evaluation import groups as by_group
from snpgen.evaluation.cohorts import Cohort, shuffle_columns, shuffled_cohort
from snpgen.evaluation.group_auc import auc_within_groups, evaluate_attacks, evaluate_predictions
from snpgen.evaluation.grouping import GroupClassifier, fit_structure_components
from snpgen.evaluation.metrics import SMALLER_GROUPS, WORST_GROUP

SHARES = (0.6, 0.3, 0.1)
SETTINGS = {"bootstraps": 100, "folds": 3}
SEED = 5


def make_reference(train, test):
    components = fit_structure_components(train[0], variants())
    classifier = GroupClassifier(components, *train)
    assigned = classifier.assign(train[0]), classifier.assign(test[0])
    real = real_data(train[0], test[0], assigned)
    reference = by_group.GroupReference(real, classifier.names, components, SETTINGS, SEED, 1)
    return reference, classifier


@pytest.fixture(scope="module")
def fitted():
    return make_reference(structured(3_000, SHARES, 1), structured(2_000, SHARES, 2))


@pytest.fixture(scope="module")
def reference(fitted):
    return fitted[0]


def compare(cohort, fitted):
    reference, classifier = fitted
    groups = classifier.assign(cohort)
    parts = by_group.compare_by_group(cohort, groups, reference)
    parts.append(by_group.describe_individuals(cohort, groups, reference))
    parts.append(by_group.count_groups(cohort, groups, reference))
    return {key: found for part, _ in parts for key, found in part.items()}


def value(estimates, metric, stratum):
    return estimates[metric, stratum].value


def test_strata_of_large_small_and_too_small_groups(caplog):
    test = np.repeat(["a", "b", "c", "d"], [500, 100, 60, 40])
    strata = by_group.judged_strata("abcd", test)
    assert strata == {"group:a": ["a"], "group:b": ["b"], SMALLER_GROUPS: ["c", "d"]}
    assert not caplog.text
    strata = by_group.judged_strata("abcd", test[:-1])  # 99 together
    assert strata == {"group:a": ["a"], "group:b": ["b"]}
    assert "too few test individuals to be judged, even together: c, d" in caplog.text
    assert by_group.judged_strata("ab", np.array(["b"] * 99)) == {}
    assert by_group.judged_strata([], test) == {}


def test_other_real_individuals_are_like_the_test_individuals_in_every_group(fitted):
    estimates = compare(structured(3_000, SHARES, 3)[0], fitted)
    for name, share in zip(NAMES, SHARES, strict=True):
        stratum = f"group:{name}"
        assert value(estimates, "group_share", stratum) == pytest.approx(share, abs=0.01)
        assert value(estimates, "c2st_xgboost", stratum) == pytest.approx(0.5, abs=0.06)
        assert value(estimates, "pc_energy", stratum) == pytest.approx(0, abs=0.02)
        assert value(estimates, "f_mean", stratum) == pytest.approx(0, abs=0.02)
        assert value(estimates, "prevalence", stratum) == pytest.approx(0.25, abs=0.06)
    error = np.sqrt(2 * 0.21 / 2 / 200)  # two samples of 200 individuals
    assert value(estimates, "af_rmse", "group:east") == pytest.approx(error, rel=0.15)
    assert value(estimates, "c2st_xgboost", WORST_GROUP) < 0.56
    for metric in ("3-10mb", "10-30mb", "30-100mb", "far"):  # structure in the whole cohort
        ratio = value(estimates, f"ancestry_covariance_{metric}", "all")
        assert ratio == pytest.approx(1, abs=0.1)
        assert (f"ancestry_covariance_{metric}", "group:north") not in estimates


def test_inbreeding_in_a_group_is_found_there(fitted):
    north, south = structured(2_000, SHARES, 4), structured(2_000, SHARES, 5, f=0.2)
    rows = north[1] != "south", south[1] == "south"
    parts = [side.take(mask) for (side, _), mask in zip((north, south), rows, strict=True)]
    cohort = Cohort(
        *(np.concatenate([getattr(x, name) for x in parts]) for name in ("dosages", "phenotype"))
    )
    estimates = compare(cohort, fitted)
    assert value(estimates, "f_mean", "group:south") == pytest.approx(0.2, abs=0.02)
    assert value(estimates, "f_mean", "group:north") == pytest.approx(0, abs=0.02)
    runs = [value(estimates, "runs_mean", f"group:{name}") for name in ("south", "north")]
    assert runs[0] > runs[1] + 0.05
    ratio = value(estimates, "heterozygosity", "group:south") / value(
        compare(structured(2_000, SHARES, 6)[0], fitted), "heterozygosity", "group:south"
    )
    assert ratio == pytest.approx(0.8, abs=0.02)
    assert value(estimates, "c2st_xgboost", "group:north") < 0.56


def test_a_missing_ancestry_is_the_worst_group(fitted):
    estimates = compare(structured(3_000, (0.7, 0.3), 7)[0], fitted)
    assert value(estimates, "group_share", "group:east") == pytest.approx(0, abs=0.003)
    assert np.isnan(value(estimates, "c2st_xgboost", "group:east"))
    assert value(estimates, "c2st_xgboost", "group:south") < 0.57
    assert value(estimates, "c2st_xgboost", WORST_GROUP) == 1
    assert ("f_mean", "group:east") not in estimates


def test_the_worst_group_is_the_one_without_ld(reference, fitted):
    train = reference.real.train
    doubled = np.tile(train.dosages[:, :1], (1, train.dosages.shape[1]))
    groups = reference.real.groups("train")
    dosages = np.where((groups == "south")[:, None], np.maximum(doubled, 0), train.dosages)
    estimates = compare(train, fitted)
    parts = by_group.compare_by_group(Cohort(dosages, train.phenotype), groups, reference)
    broken = {key: found for part, _ in parts for key, found in part.items()}
    assert broken["c2st_xgboost", WORST_GROUP] == broken["c2st_xgboost", "group:south"]
    assert value(broken, "c2st_xgboost", "group:south") > 0.95
    assert value(broken, "c2st_xgboost", "group:north") == pytest.approx(
        value(estimates, "c2st_xgboost", "group:north")
    )


def test_permuted_chromosomes_within_a_group_lose_covariance_between_chromosomes():
    """Two thirds of the individuals are of one ancestry, the others are admixed."""

    def cohort(n, seed):
        one, mixed = structured(2 * n, (1.0,), seed)[0], admixed(n, seed + 1)
        parts = [(one, "north"), (mixed, "mixed")]
        whole = (
            np.concatenate([getattr(x, name) for x, _ in parts])
            for name in ("dosages", "phenotype")
        )
        return Cohort(*whole), np.repeat(["north", "mixed"], [2 * n, n])

    train, test = cohort(1_500, 10), cohort(600, 12)
    real = real_data(train[0], test[0], (train[1], test[1]))
    components = fit_structure_components(train[0], variants())
    reference = by_group.GroupReference(real, ["north", "mixed"], components, SETTINGS, SEED, 1)
    shuffled = shuffled_cohort(train[0], real.panel, real.variants, train[1], 1)
    found = [
        by_group.describe_individuals(side, train[1], reference)[0] for side in (train[0], shuffled)
    ]
    far, near = (f"ancestry_covariance_{name}" for name in ("far", "3-10mb"))
    assert value(found[0], far, "group:mixed") == pytest.approx(1, abs=0.3)
    assert value(found[1], far, "group:mixed") == pytest.approx(0, abs=0.1)
    assert value(found[1], near, "group:mixed") == pytest.approx(
        value(found[0], near, "group:mixed"), abs=0.05
    )


def test_without_groups_only_the_whole_cohort_is_described(fitted):
    train, test = structured(800, (1.0,), 14), structured(400, (1.0,), 15)
    reference, classifier = make_reference(train, test)
    assert classifier.names == [] and reference.strata == {}
    estimates = compare(train[0], (reference, classifier))
    assert {stratum for _, stratum in estimates} == {"all"}
    assert {"pc_energy", "f_sd", "runs_mean"} <= {metric for metric, _ in estimates}
    assert not any(metric.startswith("ancestry_covariance") for metric, _ in estimates)


def test_independent_variants_within_groups_keep_shares_and_lose_covariance_within_groups(
    reference,
):
    train, groups = reference.real.train, reference.real.groups("train")
    floor = shuffle_columns(train, 1, groups)
    for name in NAMES:
        before, after = (side.dosages[groups == name].sum(axis=0) for side in (train, floor))
        assert (before == after).all()
    assert (floor.dosages != train.dosages).any(axis=1).mean() > 0.99


def test_predictions_and_attacks_within_groups_are_those_of_their_individuals(reference):
    rng = np.random.default_rng(1)
    test, groups = reference.real.test, reference.real.groups("test")
    scores = {
        name: rng.normal(size=len(test)) + test.phenotype for name in ("prs", "ridge", "xgboost")
    }
    scores["prs_given_pcs"] = scores["prs"] + 5 * (groups == "south")
    estimates, sizes = evaluate_predictions(test.phenotype, scores, reference)
    assert sizes["group:south"] == (groups == "south").sum()
    for name in NAMES:
        rows = groups == name
        expected = roc_auc_score(test.phenotype[rows], scores["ridge"][rows])
        found, low, high = estimates["auc_ridge", f"group:{name}"]
        assert found == pytest.approx(expected) and low < found < high

    both = np.concatenate([reference.real.groups("train"), groups])
    member = np.arange(len(both)) < len(reference.real.train)
    table = pd.DataFrame(
        {
            "split": np.where(member, "train", "test"),
            "frequency.snpgen": rng.normal(size=len(both)) + member * (both == "east"),
            "frequency.negative_control": np.where(
                rng.random(len(both)) < 0.5, np.nan, 1.0 * member
            ),
        }
    )
    attacks, _ = evaluate_attacks(table, SNPGEN, reference)
    assert set(attacks) == {("mia_frequency_auc", f"group:{name}") for name in NAMES}
    rows = both == "east"
    expected = roc_auc_score(member[rows], table["frequency.snpgen"][rows])
    assert attacks["mia_frequency_auc", "group:east"].value == pytest.approx(expected)
    assert expected > 0.7 and attacks["mia_frequency_auc", "group:north"].value < 0.55
    control, sizes = evaluate_attacks(table, NEGATIVE_CONTROL, reference)
    assert control["mia_frequency_auc", "group:east"].value == 1
    assert sizes["group:east"] == (rows & table["frequency.negative_control"].notna()).sum()
    table["frequency.snpgen"] = np.where(member | ~rows, 0.0, np.nan)  # no non-members there
    few, _ = evaluate_attacks(table, SNPGEN, reference)
    assert ("mia_frequency_auc", "group:east") not in few


def test_auc_within_groups_compares_pairs_of_one_group():
    rng = np.random.default_rng(4)
    groups = np.repeat(["north", "south", "small", ""], [300, 150, 9, 41])
    phenotype = (rng.random(500) < 0.3).astype(np.int8)
    score = rng.normal(size=500) + phenotype + 5 * (groups == "south")
    estimates = auc_within_groups(phenotype, score, groups, 50, 1)
    wins = pairs = 0
    for name in ("north", "south"):
        cases, controls = (score[(groups == name) & (phenotype == label)] for label in (1, 0))
        wins += (cases[:, None] > controls).sum()
        pairs += len(cases) * len(controls)
    found, low, high = estimates["auc_prs_within_group", "all"]
    assert found == pytest.approx(wins / pairs) and low < found < high
    assert auc_within_groups(phenotype, score, np.full(500, ""), 50, 1) == {}


def test_test_individuals_change_no_assignment_and_no_expected_heterozygosity(fitted, reference):
    other = replace(reference, real=replace(reference.real, test=structured(500, SHARES, 20)[0]))
    for name in NAMES:
        assert (other.expected[name] == reference.expected[name]).all()
    for stratum, w in reference.directions.items():
        assert (other.directions[stratum] == w).all()
