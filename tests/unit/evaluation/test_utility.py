"""Models on planted effects, and their estimates against scikit-learn."""

import numpy as np
import pytest
from example_cohorts import cohort, variants
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from snpgen.evaluation import cohorts, utility
from snpgen.evaluation.cohorts import Cohort, limit_size, shuffle_labels
from snpgen.evaluation.effects import CohortEffects
from snpgen.evaluation.utility import (
    FITTERS,
    PENALTIES,
    PENALTY_FOLDS,
    compare_risks,
    evaluate_adjusted_score,
    make_task,
    predict_risks,
    prs_given_pcs,
    ridge,
)
from snpgen.genetics.ancestry import fit_ancestry
from snpgen.io.plink import MISSING, allele_frequency

COUNT = 200
M = 40


def predict(source, dosages, train, **options):
    return predict_risks(source, dosages, allele_frequency(train.dosages), 3, 1, **options)


@pytest.fixture(scope="module")
def train():
    return cohort(2000, M, 1, effect=0.5)


@pytest.fixture(scope="module")
def test():
    samples = cohort(800, M, 11, effect=0.5)
    samples.dosages[np.random.default_rng(1).random(samples.dosages.shape) < 0.02] = MISSING
    return samples


@pytest.fixture(scope="module")
def risks(train, test):
    sources = {
        "real": train,
        "floor": shuffle_labels(train, 1),
        "copy": Cohort(train.dosages.copy(), train.phenotype.copy()),
        "snpgen_balanced": train.take(np.sort(np.argsort(train.phenotype, kind="stable")[-900:])),
    }
    return {name: predict(one, test.dosages, train) for name, one in sources.items()}


@pytest.fixture(scope="module", params=list(FITTERS))
def evaluated(request, risks, test):
    model = request.param
    of_model = {subject: found[model] for subject, found in risks.items()}
    return model, of_model, compare_risks(test.phenotype, of_model, model, COUNT, 5)


def test_estimates_equal_sklearn(evaluated, test):
    model, risk, estimates = evaluated
    y = test.phenotype
    for subject in ("real", "floor"):
        found = {name: estimate.value for (name, _), estimate in estimates[subject].items()}
        assert found[f"auc_{model}"] == pytest.approx(roc_auc_score(y, risk[subject]))
        assert found[f"pr_auc_{model}"] == pytest.approx(average_precision_score(y, risk[subject]))
        brier = brier_score_loss(y, risk[subject])
        assert found[f"brier_{model}"] == pytest.approx(brier, rel=1e-5)
        retention = (found[f"auc_{model}"] - 0.5) / (roc_auc_score(y, risk["real"]) - 0.5)
        assert found[f"retention_{model}"] == pytest.approx(retention)


def test_models_predict_planted_effects(evaluated):
    model, _, estimates = evaluated
    assert estimates["real"][f"auc_{model}", "all"].low > 0.6
    assert estimates["real"][f"top_decile_or_{model}", "all"].low > 1.5


def test_planted_effects_are_recovered(train):
    """Risks follow the simulated log odds."""
    samples = cohort(2000, M, 31, effect=0.5)
    beta = np.where(np.arange(M) % 5 == 0, 0.5, 0.0)
    log_odds = -1.1 + (samples.dosages - samples.dosages.mean(axis=0)) @ beta
    risks = predict(train, samples.dosages, train)
    for model, least in {"prs": 0.8, "ridge": 0.95, "xgboost": 0.85}.items():
        assert np.corrcoef(np.log(risks[model] / (1 - risks[model])), log_odds)[0, 1] > least
    assert risks["ridge"].mean() == pytest.approx(train.phenotype.mean(), abs=0.02)


def test_permuted_labels_give_the_floor(evaluated):
    model, _, estimates = evaluated
    value, _, high = estimates["floor"][f"auc_{model}", "all"]
    assert abs(value - 0.5) < 0.1 and estimates["real"][f"auc_{model}", "all"].low > high
    assert estimates["floor"][f"retention_{model}", "all"].value < 0.5


def test_a_copy_of_training_has_a_retention_of_one(evaluated):
    model, risk, estimates = evaluated
    assert (risk["copy"] == risk["real"]).all()
    assert estimates["copy"] == estimates["real"]
    assert estimates["copy"][f"retention_{model}", "all"] == (1, 1, 1)


def test_another_prevalence_has_no_brier_score(evaluated):
    model, _, estimates = evaluated
    assert (f"brier_{model}", "all") not in estimates["snpgen_balanced"]
    assert estimates["snpgen_balanced"][f"auc_{model}", "all"].value > 0.6


def test_retention_is_paired(evaluated):
    model, risk, _ = evaluated
    rng = np.random.default_rng(2)
    labels = (rng.random(3000) < risk["real"].mean()).astype(np.int8)
    score = rng.normal(size=3000) + labels
    noisy = score + rng.normal(0, 0.2, 3000)
    pairs = compare_risks(labels, {"real": score, "snpgen": noisy}, model, COUNT, 5)
    auc, kept = (pairs["snpgen"][f"{name}_{model}", "all"] for name in ("auc", "retention"))
    assert kept.high - kept.low < 0.5 * (auc.high - auc.low) / (auc.value - 0.5)
    assert kept.low < kept.value < kept.high


def test_missing_calls_are_scored_at_the_training_mean(train):
    unknown = np.full((5, M), MISSING)
    for risk in predict(train, unknown, train).values():
        assert risk == pytest.approx(np.full(5, risk[0])) and 0 < risk[0] < 1


def test_only_the_models_asked_for_are_trained(train, test, risks):
    found = predict(train, test.dosages, train, models=["ridge"])
    assert list(found) == ["ridge"] and (found["ridge"] == risks["real"]["ridge"]).all()


def test_models_of_a_large_cohort_are_fitted_to_a_subset_but_effects_to_all(
    train, test, risks, monkeypatch
):
    monkeypatch.setattr(utility, "MAX_SAMPLES", 700)
    found = predict(train, test.dosages, train)
    alone = predict(limit_size(train, 700, 3), test.dosages, train)
    for model in ("ridge", "xgboost"):
        assert (found[model] == alone[model]).all()
    order, whole, part = (np.argsort(side["prs"]) for side in (found, risks["real"], alone))
    assert (order == whole).all() and (order != part).any()


def test_a_class_too_rare_in_the_subset_gives_no_risks(train, test, monkeypatch):
    monkeypatch.setattr(utility, "MAX_SAMPLES", 100)
    cases, controls = (np.flatnonzero(train.phenotype == label) for label in (1, 0))
    rare = train.take(np.r_[cases[:20], controls])
    assert all(np.isnan(risk).all() for risk in predict(rare, test.dosages, train).values())


def test_risks_do_not_depend_on_the_chunks_of_test_individuals(train, test, monkeypatch):
    whole = predict(train, test.dosages, train)
    monkeypatch.setattr(cohorts, "_ROWS", 37)
    parts = predict(train, test.dosages, train)
    for model, risks in whole.items():
        assert parts[model] == pytest.approx(risks, rel=1e-5), model


def test_ridge_is_that_of_sklearn_with_the_penalty_of_a_search(train, test):
    """With all penalties tried in copied folds; the order of samples, and so the folds, differs."""
    mean, spread = train.dosages.mean(axis=0), train.dosages.std(axis=0)
    search = LogisticRegressionCV(
        Cs=PENALTIES,
        cv=PENALTY_FOLDS,
        scoring="neg_log_loss",
        l1_ratios=[0],
        use_legacy_attributes=False,
    )
    search.fit((train.dosages - mean) / spread, train.phenotype)
    p = allele_frequency(train.dosages)
    task = make_task(train, train, test.dosages, p, 3, 1)
    dosages = np.where(test.dosages == MISSING, 2 * p, test.dosages)
    expected = search.predict_proba((dosages - mean) / spread)[:, 1]
    y = test.phenotype
    assert roc_auc_score(y, ridge(task)) == pytest.approx(roc_auc_score(y, expected), abs=1e-3)


def test_a_real_model_no_better_than_chance_gives_no_retention(test):
    rng = np.random.default_rng(1)
    scores = rng.random(len(test))
    wrong = np.where(test.phenotype, scores - 1, scores)
    found = compare_risks(test.phenotype, {"real": wrong, "snpgen": scores}, "prs", 20, 1)
    assert np.isnan(found["snpgen"]["retention_prs", "all"].value)
    assert np.isfinite(found["snpgen"]["auc_prs", "all"].value)


def test_score_given_pcs_is_the_sum_of_effects_given_pcs(train, test):
    ancestry = fit_ancestry(train.dosages, train.phenotype, variants(M))
    p = allele_frequency(train.dosages)
    found = prs_given_pcs(train, test.dosages, p, ancestry)
    dosages = np.where(test.dosages == MISSING, 2 * p, test.dosages)
    expected = dosages @ CohortEffects(train, ancestry, 1).estimates.beta
    assert found == pytest.approx(expected, abs=1e-4)
    assert roc_auc_score(test.phenotype, found) > 0.6
    tiny = Cohort(train.dosages[:20], np.r_[np.ones(3), np.zeros(17)].astype(np.int8))
    assert np.isnan(prs_given_pcs(tiny, test.dosages, p, ancestry)).all()


def test_effects_given_pcs_predict_better_where_ancestry_confounds_the_source():
    """In the source, cases are more frequent in one population; in the test individuals, they are not."""
    m = 200
    p = np.random.default_rng(1).uniform(0.2, 0.8, m)
    q = p + np.random.default_rng(2).normal(0, 0.1, m)
    beta = np.where(np.arange(m) % 20 == 0, 0.4, 0)

    def mixed(n, tilt, seed):
        draws = np.random.default_rng(seed)
        second = draws.random(n) < 0.5
        dosages = draws.binomial(2, np.where(second[:, None], q, p)).astype(np.int8)
        risk = 1 / (1 + np.exp(-tilt * (second - 0.5) - (dosages - 1) @ beta))
        return Cohort(dosages, (draws.random(n) < risk).astype(np.int8))

    source, test = mixed(4000, 2.0, 2), mixed(3000, 0.0, 3)
    frequency = allele_frequency(source.dosages)
    ancestry = fit_ancestry(source.dosages, source.phenotype, variants(m))
    given = prs_given_pcs(source, test.dosages, frequency, ancestry)
    alone = predict_risks(source, test.dosages, frequency, 1, 1, ["prs"])["prs"]
    aucs = [roc_auc_score(test.phenotype, score) for score in (given, alone)]
    assert aucs[0] > aucs[1] + 0.05 and aucs[0] > 0.58
    estimate = evaluate_adjusted_score(test.phenotype, given, 50, 1)["auc_prs_given_pcs", "all"]
    assert estimate.value == pytest.approx(aucs[0]) and estimate.low < aucs[0] < estimate.high
