"""ROC curves of membership inference attacks equal those of scikit-learn on a fixed grid."""

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from snpgen.evaluation.attacks import CURVE_RATES, attack_estimates, roc_table


@pytest.fixture
def scores():
    rng = np.random.default_rng(5)
    return np.concatenate([rng.normal(0.5, 1, 3000), rng.normal(0, 1, 2000)]).round(2)  # with ties


def test_curve_is_that_of_scikit_learn(scores):
    table = roc_table("snpgen", {"distance": scores}, 3000)
    fpr, tpr, _ = roc_curve(np.arange(5000) < 3000, scores, drop_intermediate=False)
    expected = [tpr[fpr <= rate + 1e-9].max() for rate in table.fpr]
    np.testing.assert_allclose(table.tpr, expected)
    assert table.tpr.iloc[-1] == 1 and (np.diff(table.tpr) >= 0).all()


def test_curve_contains_the_true_positive_rates_of_the_metrics(scores):
    table = roc_table("snpgen", {"distance": scores}, 3000).set_index("fpr").tpr
    estimates = attack_estimates("distance", scores[:3000], scores[3000:], "all", 10, 1)
    for rate in (0.001, 0.01, 0.1):
        at = table.index[np.isclose(table.index, rate)][0]
        assert table[at] == pytest.approx(estimates[f"mia_distance_tpr_{rate}", "all"].value)


def test_rates_below_one_individual_are_omitted(scores):
    table = roc_table("negative_control", {"loss": scores[-120:], "distance": scores[-120:]}, 20)
    assert set(table.attack) == {"loss", "distance"} and set(table.subject) == {"negative_control"}
    assert table.fpr.min() == pytest.approx(0.01) and CURVE_RATES.min() == pytest.approx(0.001)


def test_constant_scores_give_no_curve():
    table = roc_table("snpgen", {"loss": np.ones(50)}, 20)
    assert table.tpr.isna().all()
