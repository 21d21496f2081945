"""Joint attacks: individuals in all training sets, closed forms, controls and advice."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr
from sklearn.metrics import roc_auc_score

from snpgen.baselines.registry import SNPGEN
from snpgen.evaluation.joint import forecast_differences, measure_joint_attacks, read_attacks

N = 6_000


def make_scores(separation: float, part: np.ndarray, seed: int) -> pd.DataFrame:
    """Normal scores of individuals in `part`; scores of members are higher by `separation`."""
    rng = np.random.default_rng(seed)
    member = np.arange(N) % 3 > 0
    scores = 5 * (rng.normal(size=N) + separation * member) - 40
    table = pd.DataFrame({"member": member, "adaptive": scores, "distance": scores})
    return table.set_index(pd.Index([f"i{k}" for k in range(N)], name="IID"))[part]


def forecast(auc: float) -> pd.DataFrame:
    rows = [("all", "adaptive", auc), ("case", "adaptive", auc + 0.05), ("all", "naive", 0.5)]
    return pd.DataFrame(rows, columns=["stratum", "attack", "auc"])


@pytest.fixture(scope="module")
def measured() -> pd.DataFrame:
    """Three phenotypes with separations of 0.3, 0.6 and 0; the third covers half of the cohort."""
    everyone = np.ones(N, bool)
    separations = {"a": (0.3, everyone), "b": (0.6, everyone), "c": (0.0, np.arange(N) < N // 2)}
    scores = {
        name: make_scores(gap, part, seed)
        for seed, (name, (gap, part)) in enumerate(separations.items())
    }
    aucs = {name: ndtr(gap / np.sqrt(2)) for name, (gap, _) in separations.items()}
    forecasts = {name: forecast(auc) for name, auc in aucs.items()}
    return measure_joint_attacks({SNPGEN: scores}, forecasts, 10, 200, seed=1)


def of(measured: pd.DataFrame, phenotypes: str, attack: str = "adaptive") -> pd.Series:
    return measured.set_index(["phenotypes", "attack"]).loc[(phenotypes, attack)]


def test_members_are_in_all_training_sets_and_others_in_all_test_sets(measured) -> None:
    both = of(measured, "a, b")
    assert (both.members, both.non_members) == (4_000, 2_000)
    every = of(measured, "a, b, c")
    assert (every.members, every.non_members) == (2_000, 1_000)


def test_separations_add_up_in_squares(measured) -> None:
    expected = ndtr(np.hypot(0.3, 0.6) / np.sqrt(2))
    both = of(measured, "a, b")
    assert both.forecast == pytest.approx(expected)
    assert both.auc == pytest.approx(expected, abs=0.02)
    assert both.ci_low < both.auc < both.ci_high < both.forecast_worst
    # A cohort that reveals nothing has no weight.
    assert of(measured, "a, b, c").forecast == pytest.approx(expected)


def test_without_a_forecast_scores_have_equal_weights(measured) -> None:
    both = of(measured, "a, b", "distance")
    scores = [make_scores(gap, np.ones(N, bool), seed) for gap, seed in ((0.3, 0), (0.6, 1))]
    total = sum(
        (one.distance - one.distance[~one.member].mean()) / one.distance[~one.member].std()
        for one in scores
    )
    assert both.auc == pytest.approx(roc_auc_score(scores[0].member, total))
    assert np.isnan(both.forecast)


def test_too_few_individuals_in_all_training_sets_are_not_attacked() -> None:
    first, second = np.arange(N) < 3_000, np.arange(N) >= 2_990
    scores = {"a": make_scores(1, first, 1), "b": make_scores(1, second, 2)}
    forecasts = {"a": forecast(0.6), "b": forecast(0.6)}
    measured = measure_joint_attacks({SNPGEN: scores}, forecasts, 10, 10, seed=1)
    both = of(measured, "a, b")
    assert both.members + both.non_members == 10 and np.isnan(both.auc)
    apart = {"a": make_scores(1, first, 1), "b": make_scores(1, ~first, 2)}
    both = of(measure_joint_attacks({SNPGEN: apart}, forecasts, 10, 10, seed=1), "a, b")
    assert both.members == 0 and np.isnan([both.forecast, both.forecast_worst]).all()
    assert of(measured, "a").auc > 0.7


def test_scores_of_the_release_and_of_the_controls_are_read() -> None:
    who = {"FID": ["f", "f"], "IID": ["i1", "i2"], "split": ["train", "test"], "phenotype": [0, 1]}
    controls = {"distance.positive_control": [3.0, 4.0], "distance.negative_control": [5.0, np.nan]}
    own = {
        "distance.snpgen": [1.0, 2.0],
        "distance.snpgen.2": [7.0, 7.0],
        "density.cvae": [8.0, 8.0],
    }
    found = read_attacks(pd.DataFrame(who | own), pd.DataFrame(who | controls))
    assert list(found) == [SNPGEN, "positive_control", "negative_control"]
    assert found[SNPGEN].distance.tolist() == [1, 2]
    assert list(found[SNPGEN]) == ["distance", "member"]
    assert found["positive_control"].distance.tolist() == [3, 4]
    assert found["negative_control"].member.tolist() == [True, False]
    assert found[SNPGEN].index.tolist() == ["i1", "i2"]


def test_individuals_in_the_frequencies_of_only_one_cohort_by_hand() -> None:
    """Two of three variants in common, 100 and 80 individuals, 60 in both: r^2 = 3600 / 8000 = 0.45.

    Phi(sqrt(2 / (2 x 80 x 0.55))) = Phi(0.1508).
    """
    panels = {
        name: pd.DataFrame({"variant_id": list(ids)}) for name, ids in (("a", "xyz"), ("b", "wxy"))
    }
    iids = [f"i{k}" for k in range(120)]
    counted = {"a": set(iids[:100]), "b": set(iids[40:])}
    rng = np.random.default_rng(1)
    labels = {
        name: pd.Series(rng.integers(0, 2, len(own)), index=sorted(own))
        for name, own in counted.items()
    }
    (row,) = forecast_differences(panels, labels, counted).itertuples(index=False)
    assert row[:5] == ("a", "b", 2, 40, 20)
    assert row.forecast == pytest.approx(ndtr(0.1508), abs=1e-4)
    shared = {"a": set(iids), "b": set(iids)}
    same = forecast_differences(panels, labels, shared)
    assert same.forecast.item() == 0.5
    labels["b"] = labels["a"].reindex(labels["b"].index, fill_value=1)  # almost the same phenotype
    (alike,) = forecast_differences(panels, labels, shared).itertuples(index=False)
    assert alike[:5] == row[:5] and alike.forecast == row.forecast
