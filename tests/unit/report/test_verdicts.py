"""Verdicts and warnings: how close to the real-data reference, the strongest attack, no signal."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from example_results import add_groups, change_metrics, make_metrics, make_results, read_example

from snpgen.evaluation.metrics import METRICS
from snpgen.report.comparators import ATTACK, COLUMNS, WORST, comparator_table
from snpgen.report.estimates import Estimates, suppress_cells
from snpgen.report.groups import group_label, group_table
from snpgen.report.verdicts import classify_slope, closeness, judge, strongest
from snpgen.report.warnings import better_baseline, few_samples, list_warnings

WITHOUT_GROUPS = [name for name in COLUMNS if name != WORST]


@pytest.fixture
def metrics():
    """The example, with rows of real data in fidelity and association as in a run."""
    table = make_metrics()
    rows = table[
        table.domain.isin(["fidelity", "association"])
        & (table.subject == "snpgen")
        & (table.stratum == "all")
    ]
    real = rows.assign(
        subject="real", value=rows.ceiling, ci_low=rows.ceiling - 0.01, ci_high=rows.ceiling + 0.01
    )
    return pd.concat([table, real], ignore_index=True)


@pytest.fixture
def quiet(metrics):
    """No attack exceeds chance."""
    return change_metrics(metrics, "mia_frequency_auc", value=0.505, ci_low=0.49, ci_high=0.52)


def by_domain(metrics, n_test=20_000):
    return {verdict.domain: verdict for verdict in judge(metrics, "snpgen", n_test)}


def privacy(metrics, n_test=20_000):
    return by_domain(metrics, n_test)["privacy"]


def test_closeness_is_the_way_from_floor_to_ceiling():
    real = pd.Series({"ci_low": 0.75, "ci_high": 0.81})
    row = pd.Series({"value": 0.71, "ci_low": 0.66, "ci_high": 0.76, "ceiling": 0.78, "floor": 0.5})
    assert closeness(row, real) == pytest.approx(0.75)
    assert closeness(row.replace(0.71, 0.85), real) == pytest.approx(0.75)  # beyond the ceiling
    assert closeness(row.replace(0.71, 0.2), real) == 0
    assert np.isnan(closeness(row.replace(0.5, 0.76), real))  # floor within the interval
    few = pd.Series({"ci_low": 0.49, "ci_high": 0.93})  # from floor to ceiling
    assert np.isnan(closeness(pd.concat([row.drop(few.index), few]), real))


def test_levels_follow_the_estimates(metrics):
    verdicts = by_domain(metrics)
    assert list(verdicts) == ["fidelity", "association", "utility", "privacy", "cost"]
    # (1 - 0.742) / (1 - 0.497) = 0.51; a slope of 0.953 is within 0.1 of 1; (0.757 - 0.501) / (0.784 - 0.501) = 0.905
    levels = [verdicts[name].level for name in ("fidelity", "association", "utility")]
    assert levels == ["bad", "good", "good"]
    worse = by_domain(change_metrics(metrics, "auc_ridge", value=0.72))["utility"]
    assert (worse.status, worse.level) == ("middle", "fair")  # 0.77 of the way
    assert (verdicts["utility"].ceiling, verdicts["utility"].floor) == ("0.784", "0.501")
    assert verdicts["cost"].facts["seconds"] == pytest.approx(119.3)


@pytest.mark.parametrize(
    ("value", "low", "high", "status", "level"),
    [
        (0.95, 0.8, 1.1, "unbiased", "good"),
        (1.08, 0.9, 1.2, "unbiased", "good"),
        (0.8, 0.7, 0.9, "inflated", "fair"),
        (0.1, 0.05, 0.15, "inflated", "bad"),
        (0.5, 0.1, 1.05, "inflated", "fair"),  # the interval contains 1
        (1.2, 1.1, 1.3, "attenuated", "fair"),
        (1.6, 1.3, 1.9, "attenuated", "bad"),
        (0.7, -0.2, 1.6, "not_informative", "none"),
        (1.0, np.nan, np.nan, "unbiased", "good"),
    ],
)
def test_slope_of_held_out_effects_is_compared_with_one(value, low, high, status, level):
    row = pd.Series({"value": value, "ci_low": low, "ci_high": high})
    real = pd.Series({"ci_low": 0.6, "ci_high": 0.9})
    assert classify_slope(row, real) == (status, level)
    nothing = pd.Series({"ci_low": -0.1, "ci_high": 0.6})  # effects in real individuals disagree
    assert classify_slope(row, nothing) == ("not_informative", "none")


def test_fidelity_is_judged_in_the_worst_group(metrics):
    verdict = by_domain(add_groups(metrics))["fidelity"]
    assert verdict.label == "C2ST, XGBoost, worst group"
    assert (verdict.value, verdict.interval) == ("0.680", "0.660 to 0.700")
    assert (verdict.ceiling, verdict.floor) == ("0.510", "0.970")
    assert verdict.status == "far"  # (0.97 - 0.68) / (0.97 - 0.51) = 0.63
    assert verdict.facts["group"] == "south" and verdict.facts["c2st_xgboost"].value == 0.742
    lost = judge(add_groups(metrics), "independent", 20_000)[0]
    assert (lost.value, lost.facts["group"]) == ("1.000", "south")  # not measured there
    assert "worst" not in by_domain(metrics)["fidelity"].facts


def test_attacks_on_an_ancestry_group_count(quiet):
    rows = quiet[(quiet.metric == "mia_frequency_auc") & (quiet.subject == "snpgen")]
    group = rows.assign(stratum="group:south", value=0.61, ci_low=0.55, ci_high=0.67)
    verdict = privacy(pd.concat([quiet, group]))
    assert verdict.status == "strong" and verdict.facts["group_label"] == "south"


def test_table_of_groups(metrics):
    assert group_table(metrics, "snpgen") is None
    table = group_table(add_groups(metrics), "snpgen")
    assert table["columns"] == [
        {"label": "north", "real": 200, "synthetic": 240},
        {"label": "south", "real": 60, "synthetic": 35},
    ]
    assert (table["together"], table["few"]) == ([], ["east"])
    rows = {row["metric"].name: row["cells"] for row in table["rows"]}
    assert list(rows) == [name for name in METRICS if name in rows]  # in the order of the registry
    everyone, north, south = rows["c2st_xgboost"]
    assert (everyone["value"], north["value"], south["value"]) == ("0.742", "0.550", "0.680")
    assert south["ceiling"] == "0.510" and rows["group_share"][0] is None
    assert (
        rows["mia_frequency_auc"][1] is None and rows["mia_frequency_auc"][2]["ceiling"] == "0.520"
    )


def test_groups_that_are_judged_together_are_named(metrics):
    table = add_groups(metrics)
    south = table.stratum == "group:south"
    pooled = table[south].assign(stratum="smaller_groups")
    table = table[~south | (table.metric == "group_share")]
    found = group_table(pd.concat([table, pooled]), "snpgen")
    assert [column["label"] for column in found["columns"]] == ["north", "smaller groups together"]
    assert (found["together"], found["few"]) == (["south", "east"], [])
    assert group_label("group:2") == "group 2"  # found by a mixture


def test_small_cells_are_suppressed(metrics):
    table = add_groups(metrics)
    shown = suppress_cells(table, 10)
    hidden = table.loc[table.index.difference(shown.index)]
    places = set(hidden[["metric", "subject", "stratum"]].itertuples(index=False, name=None))
    assert places == {
        ("group_share", "snpgen", "group:east"),  # 5 individuals
        ("group_share", "snpgen", "group:south"),  # from which the 5 would follow
        ("prevalence", "snpgen", "group:east"),
        ("prevalence", "snpgen", "group:south"),  # 8.75 cases
        ("prevalence", "real", "group:east"),  # 5 cases
        ("prevalence", "independent", "group:east"),
    }
    assert len(suppress_cells(table, 1)) == len(table)
    assert (
        suppress_cells(table, 300).domain.value_counts()["cost"] == (table.domain == "cost").sum()
    )
    none = table.assign(n=table.n.where(table.n != 5, 0))
    assert (suppress_cells(none, 10).n == 0).any()  # an ancestry without individuals is shown


def test_class_whose_size_follows_from_the_other_is_suppressed(metrics):
    row = metrics[(metrics.metric == "mia_frequency_auc") & (metrics.subject == "snpgen")].iloc[:1]
    rows = [row.assign(stratum="case", n=7), row.assign(stratum="control", n=793)]
    table = pd.concat([row, *rows, rows[1].assign(subject="real", n=790)], ignore_index=True)
    shown = suppress_cells(table, 10)
    assert shown[["subject", "stratum"]].to_numpy().tolist() == [
        ["snpgen", "all"],
        ["real", "control"],
    ]
    assert len(suppress_cells(table, 5)) == len(table)


def test_uninformative_and_missing_metrics_have_no_level(metrics):
    nothing = change_metrics(metrics, "auc_ridge", "real", ci_low=0.49, ci_high=0.55)
    assert by_domain(nothing)["utility"].status == "not_informative"
    missing = by_domain(metrics[metrics.metric != "auc_ridge"])["utility"]
    assert (missing.status, missing.level) == ("not_measured", "none")


def test_privacy_is_judged_by_the_strongest_attack(metrics, quiet):
    assert strongest(metrics, "snpgen").metric == "mia_frequency_auc"
    verdict = privacy(metrics)
    assert (verdict.status, verdict.value) == ("moderate", "0.571")
    assert verdict.facts["n_attacks"] == 2
    strong = change_metrics(metrics, "mia_distance_auc", value=0.7, ci_low=0.68, ci_high=0.72)
    assert privacy(strong).status == "strong"
    assert privacy(quiet).status == "none"
    weak = change_metrics(metrics, "mia_frequency_auc", value=0.52, ci_low=0.51, ci_high=0.53)
    assert privacy(weak).status == "weak"
    assert privacy(change_metrics(quiet, "exact_matches", value=0.02)).status == "copies"
    blind = quiet.copy()
    blind.loc[blind.subject == "positive_control", "ci_low"] = 0.0
    assert privacy(blind).status == "void"
    assert privacy(metrics[~metrics.metric.str.startswith("mia_")]).status == "not_measured"


@pytest.mark.parametrize(
    ("value", "low", "high", "status"),
    [
        (0.63, 0.49, 0.77, "not_informative"),  # chance cannot be excluded
        (0.63, 0.51, 0.75, "not_informative"),  # nor for the strongest of several attacks
        (0.63, 0.57, 0.69, "strong"),
        (0.52, 0.43, 0.61, "not_informative"),  # nor can a strong attack
        (0.52, 0.47, 0.57, "none"),
        (0.63, np.nan, np.nan, "strong"),
    ],
)
def test_few_individuals_give_neither_alarm_nor_reassurance(quiet, value, low, high, status):
    few = change_metrics(quiet, "mia_frequency_auc", value=value, ci_low=low, ci_high=high)
    assert privacy(few).status == status


def test_identical_genotypes_by_chance_are_not_copies(quiet):
    def status(copied: tuple, by_chance: tuple) -> str:
        row = quiet[(quiet.metric == "exact_matches") & (quiet.subject == "snpgen")]
        rows = [
            row.assign(subject=subject, value=value, ci_low=low, ci_high=high)
            for subject, (value, low, high) in (("snpgen", copied), ("real", by_chance))
        ]
        return privacy(pd.concat([quiet[quiet.metric != "exact_matches"], *rows])).status

    assert status((0.12, 0.11, 0.13), (0.10, 0.05, 0.18)) == "none"
    assert status((0.25, 0.24, 0.26), (0.10, 0.05, 0.18)) == "copies"
    assert status((0.01, 0.001, 0.02), (0.0, 0.0, 0.05)) == "copies"


def test_low_false_positive_rates_and_groups_count(quiet):
    rows = quiet[(quiet.metric == "mia_frequency_auc") & (quiet.subject == "snpgen")]
    few = rows.assign(metric="mia_frequency_tpr_0.001", value=0.02, ci_low=0.012, ci_high=0.03)
    group = rows.assign(stratum="top_tenth_rare", value=0.61, ci_low=0.55, ci_high=0.67)
    verdict = privacy(pd.concat([quiet, few, group]))
    assert (verdict.status, verdict.level) == ("strong", "bad")
    assert verdict.facts["tpr"].value == 0.02 and verdict.facts["rate"] == 0.001
    assert verdict.facts["group"].stratum == "top_tenth_rare"
    group["ceiling"] = 0.58  # as high on the negative control
    assert privacy(pd.concat([quiet, few, group])).status == "weak"


@pytest.mark.parametrize(("n_test", "rate"), [(10_000, 0.001), (9_999, 0.01), (400, 0.1)])
def test_false_positive_rate_depends_on_the_test_individuals(metrics, n_test, rate):
    rows = metrics[(metrics.metric == "mia_frequency_auc") & (metrics.subject == "snpgen")]
    tprs = [
        rows.assign(metric=f"mia_frequency_tpr_{fpr:g}", subject=subject, value=times * fpr)
        for fpr in (0.001, 0.01, 0.1)
        for subject, times in (("snpgen", 2), ("negative_control", 1.5))
    ]
    others = metrics[~metrics.metric.str.contains("_tpr_")]
    facts = privacy(pd.concat([others, *tprs]), n_test).facts
    assert facts["rate"] == rate
    assert facts["tpr"].value == 2 * rate and facts["control_tpr"].value == 1.5 * rate


def test_reference_of_privacy_is_the_strongest_attack_on_the_negative_control(metrics):
    changed = change_metrics(metrics, "mia_distance_auc", "negative_control", value=0.52)
    assert privacy(changed).ceiling == "0.520"
    real = comparator_table(changed, "snpgen")["rows"][0]
    assert real["cells"][WITHOUT_GROUPS.index(ATTACK)]["value"] == "0.520"


def test_a_baseline_that_is_better_is_named(metrics):
    assert better_baseline(Estimates(metrics, "snpgen")) is None
    change = {"value": 0.55, "ci_low": 0.53, "ci_high": 0.57}
    better = change_metrics(metrics, "c2st_xgboost", "independent", **change)
    assert better_baseline(Estimates(better, "snpgen")) is None  # but it trains a poorer model
    useful = change_metrics(better, "auc_ridge", "independent", value=0.77)
    warning = better_baseline(Estimates(useful, "snpgen"))
    assert warning.facts["baseline"] == "independent" and warning.facts["baseline_c2st"] == 0.55
    overlapping = change_metrics(useful, "c2st_xgboost", "independent", ci_high=0.75)
    assert better_baseline(Estimates(overlapping, "snpgen")) is None
    mosaic = useful.replace({"subject": {"independent": "mosaic"}})
    assert better_baseline(Estimates(mosaic, "snpgen")) is None  # not releasable


@pytest.mark.parametrize(
    ("shrinkage", "kept", "warned"),
    [
        ([0.9, 0.05], [1, 0], False),
        ([0.09, 0.05], [1, 1], True),  # all effects are close to zero
        ([0.9, 0.05], [0, 0], True),  # the limit of the forecast allows no difference
    ],
)
def test_a_cohort_without_signal_is_named(tmp_path, shrinkage, kept, warned):
    results = read_example(make_results(tmp_path))
    results = replace(results, panel=results.panel[:2].assign(shrinkage=shrinkage, kept=kept))

    def kinds(**changes):
        return [warning.kind for warning in list_warnings(replace(results, **changes))]

    assert ("no_signal" in kinds()) == warned
    training = results.models["calibration"] | {"effects": "training"}
    assert "no_signal" not in kinds(models=results.models | {"calibration": training})
    assert "no_signal" not in kinds(models={})  # an external cohort


def test_few_samples_per_variant():
    assert few_samples(1_200, 120) is None
    assert few_samples(1_199, 120).facts["ratio"] == pytest.approx(9.99, abs=0.01)


@pytest.mark.parametrize(
    ("value", "low", "group", "external", "warned"),
    [
        (0.19, 0.16, None, None, True),
        (0.19, 0.12, None, None, False),  # the intervals overlap
        (0.09, 0.085, None, None, False),  # too small to matter
        (0.19, 0.16, "ancestry", None, False),  # groups are generated separately
        (0.19, 0.16, None, "elsewhere/cohort", False),  # no setting would help
    ],
)
def test_shifted_components(metrics, tmp_path, value, low, group, external, warned):
    own = {"value": value, "ci_low": low, "ci_high": 0.25, "ceiling": 0.08, "floor": 0.43}
    real = {"value": 0.08, "ci_low": 0.05, "ci_high": 0.13 if value > 0.1 else 0.082}
    rows = metrics[(metrics.metric == "ld_slope") & (metrics.stratum == "all")]
    rows = rows[rows.subject.isin(["snpgen", "real"])].assign(metric="pc_wasserstein")
    table = change_metrics(rows, "pc_wasserstein", **own)
    results = read_example(make_results(tmp_path))
    settings = {"external_cohort": external, "conditions": {"group": group}}
    table = change_metrics(table, "pc_wasserstein", "real", **real)
    found = {
        warning.kind: warning.facts
        for warning in list_warnings(replace(results, metrics=table, settings=settings))
    }
    assert ("shifted_components" in found) == warned
    if warned:
        assert found["shifted_components"] == {"distance": 0.19, "real": 0.08}


def test_comparison_from_real_data_to_the_permuted_reference(metrics):
    rows = comparator_table(metrics, "snpgen")["rows"]
    names = [row["subject"].name if row["subject"] else None for row in rows]
    assert names == ["real", "snpgen", "snpgen_balanced", "reconstruction", "independent", None]
    assert [row["main"] for row in rows] == [False, True, False, False, False, False]
    cells = [dict(zip(WITHOUT_GROUPS, row["cells"], strict=True)) for row in rows]
    ridge = [row["auc_ridge"]["value"] for row in cells]
    assert ridge == ["0.784", "0.757", "0.757", "0.772", "0.700", "0.501"]
    assert cells[0][ATTACK]["value"] == "0.501"  # the negative control
    assert cells[4][ATTACK]["value"] == "0.604" and cells[5][ATTACK] is None


def test_comparison_has_the_worst_group_if_there_are_groups(metrics):
    table = comparator_table(add_groups(metrics), "snpgen")
    assert [column.label for column in table["columns"] if column][3] == "C2ST, worst group"
    column = COLUMNS.index(WORST)
    values = [row["cells"][column] and row["cells"][column]["value"] for row in table["rows"]]
    assert values == ["0.510", "0.680", None, None, "1.000", "0.970"]
