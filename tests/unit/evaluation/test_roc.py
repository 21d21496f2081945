import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from snpgen.evaluation.roc import (
    RocCurve,
    average_precision,
    roc_auc,
    top_decile_odds_ratio,
    tpr_at,
)


@pytest.fixture(params=["continuous", "tied"])
def scored(request):
    rng = np.random.default_rng(1)
    labels = (rng.random(700) < 0.3).astype(int)
    scores = rng.normal(size=700) + labels
    return labels, scores if request.param == "continuous" else np.round(scores)


def test_plain_and_weighted_estimates_equal_sklearn(scored):
    labels, scores = scored
    weights = np.vstack([np.ones(700), np.random.default_rng(2).integers(0, 4, (5, 700))])
    counts = RocCurve(labels, scores).counts(weights.astype(np.float32))
    for row, w in enumerate(weights):
        assert roc_auc(*counts)[row] == pytest.approx(
            roc_auc_score(labels, scores, sample_weight=w)
        )
        assert average_precision(*counts)[row] == pytest.approx(
            average_precision_score(labels, scores, sample_weight=w)
        )


def test_weights_are_copies_of_samples(scored):
    labels, scores = scored
    counts = np.random.default_rng(3).integers(0, 4, 700)
    copies = np.repeat(np.arange(700), counts)
    weighted = RocCurve(labels, scores).counts(counts[None].astype(np.float32))
    copied = RocCurve(labels[copies], scores[copies]).counts()
    for estimate in (roc_auc, average_precision, top_decile_odds_ratio):
        assert estimate(*weighted) == pytest.approx(estimate(*copied))
    assert tpr_at(*weighted, 0.05) == pytest.approx(tpr_at(*copied, 0.05))


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.1])
def test_tpr_is_read_off_the_roc_curve(scored, rate):
    labels, scores = scored
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    found = tpr_at(*RocCurve(labels, scores).counts(), rate)
    assert found[0] == pytest.approx(tpr[fpr <= rate].max())


def test_top_decile_by_hand():
    labels = np.r_[np.ones(6), np.zeros(4), np.ones(15), np.zeros(75)]
    scores = np.r_[np.full(10, 5.0), np.linspace(0, 1, 90)]
    found = top_decile_odds_ratio(*RocCurve(labels, scores).counts())
    assert found[0] == pytest.approx((6 / 4) / (15 / 75))


def test_a_tie_on_the_border_of_the_tenth_is_shared():
    labels = np.r_[np.ones(10), np.zeros(10), np.ones(10), np.zeros(70)]
    scores = np.r_[np.full(20, 2.0), np.full(80, 1.0)]  # half of the 20 are in the top 10
    found = top_decile_odds_ratio(*RocCurve(labels, scores).counts())
    assert found[0] == pytest.approx((5 / 5) / (15 / 75))


@pytest.mark.parametrize(
    ("labels", "scores"),
    [
        (np.ones(5), np.arange(5.0)),
        (np.zeros(5), np.arange(5.0)),
        (np.r_[0, 1, 0, 1], np.full(4, 0.3)),
        (np.r_[0, 1, 0, 1], np.r_[0.1, np.nan, 0.3, 0.2]),
        (np.zeros(0), np.zeros(0)),
    ],
)
def test_constant_or_missing_scores_give_nan(labels, scores):
    counts = RocCurve(labels, scores).counts(np.ones((2, len(labels)), np.float32))
    for estimate in (roc_auc, average_precision, top_decile_odds_ratio):
        assert np.isnan(estimate(*counts)).all()
    assert np.isnan(tpr_at(*counts, 0.1)).all()
