"""Phenotypes predicted from a release, compared with scikit-learn and planted overfitting."""

import numpy as np
import pytest
from example_cohorts import cohort
from sklearn.metrics import roc_auc_score

from snpgen.evaluation.effects import marginal_effects
from snpgen.evaluation.inference import inference_estimates, score_phenotypes

COUNT = 200


def infer(members, others, release):
    scores = score_phenotypes((members.dosages, others.dosages), release, np.zeros(60))
    estimates = inference_estimates((members.phenotype, others.phenotype), scores, "all", COUNT, 1)
    return estimates["phenotype_inference", "all"], scores


def test_estimate_is_the_difference_of_two_aucs():
    members, others, release = (cohort(n, 60, n, effect=0.5) for n in (500, 300, 400))
    (value, low, high), scores = infer(members, others, release)
    aucs = [
        roc_auc_score(side.phenotype, score)
        for side, score in zip((members, others), scores, strict=True)
    ]
    assert value == pytest.approx(aucs[0] - aucs[1])
    assert low < 0 < high  # non-members say equally much about both
    assert min(aucs) > 0.6
    assert scores[0] == pytest.approx(members.dosages @ marginal_effects(release).beta)


def test_phenotypes_of_released_members_are_predicted_better():
    """No variant has an effect: all information is about the members themselves."""
    members, others = (cohort(400, 200, seed, effect=0.0) for seed in (1, 2))
    estimate, _ = infer(members, others, members)
    assert estimate.low > 0.1
