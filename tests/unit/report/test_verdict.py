"""The first screen in words: near the ceiling or far from it, who is found, and what noise drowns."""

import numpy as np
import pandas as pd
import pytest
from example_results import make_metrics

from snpgen.report.comparators import COLUMNS, comparator_table
from snpgen.report.verdict import (
    Estimates,
    closeness,
    judge,
    strongest,
    tell_time,
)
from snpgen.report.warnings import (
    drowned_effects,
    list_warnings,
    warn_of_noise,
    warn_of_simpler,
)


@pytest.fixture
def metrics():
    """The example's, whose fidelity and association have a row of real people as in a run."""
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


def by_axis(metrics, non_members=20_000, blurred=False):
    return {verdict.domain: verdict for verdict in judge(metrics, "snpgen", non_members, blurred)}


def put(metrics, metric, subject="snpgen", **values):
    changed = metrics.copy()
    rows = (changed.metric == metric) & (changed.subject == subject) & (changed.stratum == "all")
    assert rows.any()
    changed.loc[rows, list(values)] = list(values.values())
    return changed


def test_the_way_from_floor_to_ceiling():
    real = pd.Series({"ci_low": 0.75, "ci_high": 0.81})
    row = pd.Series({"value": 0.71, "ceiling": 0.78, "floor": 0.5})
    assert closeness(row, real) == pytest.approx(0.75)
    assert closeness(row.replace(0.71, 0.85), real) == pytest.approx(0.75)  # too good is as far
    assert closeness(row.replace(0.71, 0.2), real) == 0
    assert np.isnan(closeness(row.replace(0.5, 0.76), real))  # the floor is as good as real people


def test_words_follow_the_figures(metrics):
    verdicts = by_axis(metrics)
    assert list(verdicts) == ["fidelity", "association", "utility", "privacy", "cost"]
    # (1 - 0.742) / (1 - 0.497) = 0.51; the slope 0.953 of 0.94; (0.757 - 0.501) / (0.784 - 0.501) = 0.905
    levels = [verdicts[name].level for name in ("fidelity", "association", "utility")]
    assert levels == ["bad", "good", "good"]
    assert verdicts["fidelity"].word == "Far from real people"
    assert "in 74\u00a0% of pairs" in verdicts["fidelity"].text
    worse = by_axis(put(metrics, "auc_ridge", value=0.72))["utility"]
    assert (worse.word, worse.level) == ("Short of real people", "fair")  # 0.77 of the way
    assert (verdicts["utility"].ceiling, verdicts["utility"].floor) == ("0.784", "0.501")
    assert verdicts["cost"].value == "119 seconds"


def test_a_phenotype_that_no_model_can_learn_gets_no_verdict(metrics):
    nothing = put(metrics, "auc_ridge", subject="real", ci_low=0.49, ci_high=0.55)
    verdict = by_axis(nothing)["utility"]
    assert verdict.word == "Nothing to tell" and "tells nothing" in verdict.text
    missing = metrics[metrics.metric != "auc_ridge"]
    assert by_axis(missing)["utility"].word == "Not measured"


def test_privacy_is_judged_by_the_strongest_attack(metrics):
    assert strongest(metrics, "snpgen").metric == "mia_frequency_auc"
    verdict = by_axis(metrics)["privacy"]
    assert (verdict.word, verdict.value) == ("Attacks find some", "0.571")
    assert "The strongest of 2 attacks (frequency likelihood ratio)" in verdict.text
    found = put(metrics, "mia_distance_auc", value=0.7, ci_low=0.68, ci_high=0.72)
    assert by_axis(found)["privacy"].word == "Attacks find members"
    quiet = put(metrics, "mia_frequency_auc", value=0.505, ci_low=0.49, ci_high=0.52)
    assert by_axis(quiet)["privacy"].word == "No attack works"
    little = put(metrics, "mia_frequency_auc", value=0.52, ci_low=0.51, ci_high=0.53)
    assert by_axis(little)["privacy"].word == "Attacks find little"
    copied = put(quiet, "exact_matches", value=0.02)
    assert by_axis(copied)["privacy"].word == "Holds real people"
    blind = quiet[~(quiet.subject == "positive_control")]
    blind = pd.concat([blind, quiet[quiet.subject == "positive_control"].assign(ci_low=0.0)])
    assert by_axis(blind)["privacy"].word == "Audit void"


def test_a_few_who_are_found_and_a_group_that_is_found_are_told(metrics):
    quiet = put(metrics, "mia_frequency_auc", value=0.505, ci_low=0.49, ci_high=0.52)
    rows = quiet[(quiet.metric == "mia_frequency_auc") & (quiet.subject == "snpgen")]
    few = rows.assign(metric="mia_frequency_tpr_0.001", value=0.02, ci_low=0.012, ci_high=0.03)
    group = rows.assign(stratum="top_tenth_rare", value=0.61, ci_low=0.55, ci_high=0.67)
    verdict = by_axis(pd.concat([quiet, few, group]))["privacy"]
    assert (verdict.word, verdict.level) == ("Attacks find members", "bad")
    assert "the best finds 20.0 training people in 1,000; 1 is chance." in verdict.text
    beside = (
        "most rare alleles one reaches 61.0\u00a0% (AUC 0.550 to 0.670), with nobody to find 50.0"
    )
    assert beside in verdict.text
    by_chance = pd.concat([quiet, few, group.assign(ceiling=0.58)])  # nobody to find does as well
    assert by_axis(by_chance)["privacy"].word == "Attacks find little"


@pytest.mark.parametrize(("non_members", "rate"), [(10_000, 1_000), (9_999, 100), (400, 10)])
def test_false_alarms_are_counted_at_a_rate_that_the_strangers_can_show(metrics, non_members, rate):
    rows = metrics[(metrics.metric == "mia_frequency_auc") & (metrics.subject == "snpgen")]
    few = [
        rows.assign(metric=f"mia_frequency_tpr_{fpr:g}", subject=subject, value=times * fpr)
        for fpr in (0.001, 0.01, 0.1)
        for subject, times in (("snpgen", 2), ("negative_control", 1.5))
    ]
    rest = metrics[~metrics.metric.str.contains("_tpr_")]
    text = by_axis(pd.concat([rest, *few]), non_members)["privacy"].text
    assert f"At one false alarm in {rate:,} the best finds 2.0 training people in {rate:,}" in text
    assert "; 1 is chance, and 1.5 with nobody to find." in text


def test_the_ceiling_of_privacy_is_the_strongest_attack_with_nobody_to_find(metrics):
    null = put(metrics, "mia_distance_auc", subject="negative_control", value=0.52)
    assert by_axis(null)["privacy"].ceiling == "0.520"
    assert {row["label"]: row for row in comparator_table(null, "snpgen")["rows"]}[
        "Real, training"
    ]["cells"][list(COLUMNS).index("strongest_attack")]["value"] == "0.520"


def test_effects_that_noise_drowns_are_not_called_near(metrics):
    verdict = by_axis(metrics, blurred=True)["association"]
    assert (verdict.word, verdict.level) == ("Blurred by noise", "fair")


def test_a_simpler_generator_that_does_better_is_named(metrics):
    figures = Estimates(metrics, "snpgen")
    assert warn_of_simpler(figures) == ""  # the floor is told apart more easily
    better = put(metrics, "c2st_xgboost", "independent", value=0.55, ci_low=0.53, ci_high=0.57)
    assert warn_of_simpler(Estimates(better, "snpgen")) == ""  # but trains a poorer model
    use = put(better, "auc_ridge", "independent", value=0.77)
    assert "the baseline independent in 55\u00a0%" in warn_of_simpler(Estimates(use, "snpgen"))
    touching = put(use, "c2st_xgboost", "independent", ci_high=0.75)
    assert warn_of_simpler(Estimates(touching, "snpgen")) == ""


def test_noise_is_set_beside_the_effects_of_the_panel():
    panel = pd.DataFrame(
        {"beta_corrected": [0.1, -0.3, 0.02, np.nan], "standard_error": [0.1, 0.1, 0.1, 0.1]}
    )
    assert drowned_effects(panel, 1.5) == (2, 3)
    assert warn_of_noise(panel, 0.0) == "" and warn_of_noise(panel, 0.5) == ""
    assert "larger than the effect of 2 of the 3 SNPs" in warn_of_noise(panel, 1.5)


@pytest.mark.parametrize(
    ("value", "low", "group", "synthetic", "told"),
    [
        (0.19, 0.16, None, None, True),
        (0.19, 0.12, None, None, False),  # the intervals touch
        (0.09, 0.085, None, None, False),  # too little to matter
        (0.19, 0.16, "ancestry", None, False),  # asked for
        (0.19, 0.16, None, "elsewhere/cohort", False),  # nothing can be asked for
    ],
)
def test_people_between_the_places_of_real_ones_are_told(
    metrics, value, low, group, synthetic, told
):
    own = {"value": value, "ci_low": low, "ci_high": 0.25, "ceiling": 0.08, "floor": 0.43}
    real = {"value": 0.08, "ci_low": 0.05, "ci_high": 0.13 if value > 0.1 else 0.082}
    rows = metrics[(metrics.metric == "ld_slope") & (metrics.stratum == "all")]
    rows = rows[rows.subject.isin(["snpgen", "real"])].assign(metric="pc_wasserstein")
    table = put(put(rows, "pc_wasserstein", **own), "pc_wasserstein", "real", **real)
    panel = pd.DataFrame({"beta_corrected": [0.1], "standard_error": [0.1]})
    settings = {"synthetic": synthetic, "conditions": {"group": group}}
    warnings = dict(list_warnings(table, "snpgen", panel, 2.0, settings))
    sentence = warnings.pop("People stand between the places of real ones.", "")
    assert bool(sentence) == told
    if told:
        assert "0.19 standard deviations off test people, training people 0.08" in sentence
        assert "conditions.group" in sentence
    assert "Noise of 2 standard errors" in warnings["Noise drowns effects."]


def test_time_is_told_in_a_unit_that_people_use():
    told = [tell_time(seconds) for seconds in (45, 119, 313, 5400, 7400, 4e5)]
    assert told == [
        "45 seconds",
        "119 seconds",
        "5.2 minutes",
        "90 minutes",
        "2.1 hours",
        "4.6 days",
    ]


def test_ladder_stands_between_real_people_and_the_floor(metrics):
    table = comparator_table(metrics, "snpgen")
    labels = [row["label"] for row in table["rows"]]
    assert labels == [
        "Real, training",
        "SNPgen",
        "SNPgen, balanced",
        "Reconstruction",
        "Independent",
        "Floor",
    ]
    assert [row["main"] for row in table["rows"]] == [False, True, False, False, False, False]
    attack, ridge = (list(COLUMNS).index(name) for name in ("strongest_attack", "auc_ridge"))
    cells = [row["cells"] for row in table["rows"]]
    assert [row[ridge]["value"] for row in cells] == [
        *("0.784", "0.757", "0.757", "0.772", "0.700"),
        "0.501",
    ]
    assert cells[0][attack]["value"] == "0.501"  # the control without members
    assert cells[4][attack]["value"] == "0.604" and cells[5][attack] is None
    must_stay = [row["label"] for row in table["rows"] if "must not be released" in row["what"]]
    assert must_stay == ["Real, training", "Reconstruction"]
