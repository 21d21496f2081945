"""What guidance and noise are judged by: figures whose truth is known."""

import numpy as np
import pytest
from example_cohorts import cohort, frequencies, independent

from snpgen.evaluation.calibration import Ruler, choose_points
from snpgen.evaluation.cohorts import Cohort, shuffle_labels
from snpgen.evaluation.two_sample import MODELS, two_sample_test

TRAIN, VALIDATION = cohort(300, 100, 1, effect=0.5), cohort(400, 100, 2, effect=0.5)


@pytest.fixture(scope="module")
def ruler():
    halves = np.arange(200), np.arange(200, 400)
    return Ruler(TRAIN, VALIDATION, halves, folds=2, count=20, seed=3, threads=1)


def test_points_hold_one_setting_and_move_the_other():
    assert choose_points([1, 1.5], 1.5, 0.7) == {
        "guidance=1": (1, 0.7),
        "guidance=1.5": (1.5, 0.7),
        "noise=0": (1.5, 0),
        "noise=0.5": (1.5, 0.5),
        "noise=0.7": (1.5, 0.7),
        "noise=1": (1.5, 1),
        "noise=2": (1.5, 2),
    }


def test_training_people_themselves_have_their_effects_and_are_found(ruler):
    found = {key: estimate.value for key, estimate in ruler.measure(TRAIN).items()}
    assert found["effect_slope", "all"] == pytest.approx(1)
    assert found["mia_frequency_auc", "all"] > 0.53
    assert found["mia_frequency_auc", "case"] > found["mia_frequency_auc", "all"]
    assert found["auc_ridge", "all"] > 0.7
    assert found["c2st_xgboost", "all"] == pytest.approx(0.5, abs=0.1)


def test_useless_people_are_seen_through(ruler):
    drawn = Cohort(independent(300, frequencies(100), 4), TRAIN.phenotype)
    found = {key: estimate.value for key, estimate in ruler.measure(drawn).items()}
    assert abs(found["effect_slope", "all"]) < 0.3
    assert found["c2st_xgboost", "all"] > 0.7
    shuffled = ruler.compare(shuffle_labels(TRAIN, 5))
    assert shuffled["auc_ridge", "all"].value == pytest.approx(0.5, abs=0.15)
    single = Cohort(drawn.dosages, np.zeros(300, np.int8))
    assert np.isnan(ruler.compare(single)["auc_ridge", "all"].value)


def test_of_the_two_sample_tests_the_one_that_is_kept_is_run(ruler, monkeypatch):
    rng = np.random.default_rng(1)
    sides = rng.integers(0, 3, (40, 6)), rng.integers(0, 2, (40, 6))
    both = two_sample_test(*sides, 2, 20, 1)
    key = ("c2st_xgboost", "all")
    assert set(both) == {key, ("c2st_logistic", "all")}
    assert two_sample_test(*sides, 2, 20, 1, models=["c2st_xgboost"]) == {key: both[key]}
    monkeypatch.delitem(MODELS, "c2st_logistic")
    found = ruler.compare(TRAIN)
    assert set(found) == {key, ("auc_ridge", "all")}
