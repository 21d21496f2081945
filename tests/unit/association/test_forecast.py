"""Forecasts of frequency attacks compared with attacks on simulated cohorts."""

from dataclasses import replace

import numpy as np
import pytest
from example_cohorts import frequencies, independent, linked
from example_release import (
    SYSTEMATIC,
    Study,
    differences_of,
    exposure_of,
    release,
    score_z,
    simulate_study,
    strata,
)
from scipy.special import ndtr
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from snpgen.association.forecast import (
    Differences,
    Sampling,
    find_loadings,
    forecast_adaptive,
    forecast_naive,
    keep_differences,
    make_differences,
    max_effective_variants,
    measure_exposure,
)
from snpgen.association.frequency_attack import expected_attack_auc
from snpgen.association.joint_forecast import forecast_difference, forecast_joint
from snpgen.association.release_rule import ReleaseRule
from snpgen.association.shrinkage import Prior, fit_prior, shrink
from snpgen.evaluation.attacks import frequency_scores
from snpgen.genetics.frequencies import smoothed_frequency
from snpgen.genetics.ld import effective_variants

INDEPENDENT = Sampling(systematic=False)
LIMIT = 0.7
NO_EFFECT = Prior(np.zeros(1), np.ones(1))


@pytest.fixture(scope="module")
def studies():
    return [simulate_study(seed) for seed in (1, 2, 3)]


def attack(study: Study, differences: Differences, sampling: Sampling, label: int):
    """AUC of the naive and the adaptive attack on the class `label`."""
    cohort, phenotype = release(study, differences, sampling, 7)
    (rule,) = differences.rules(sampling.difference_sd)
    reference = study.reference[0]
    spread = reference.std(axis=0)
    shift = (cohort.mean(axis=0) - reference.mean(axis=0)) / spread
    own = study.train[1] == label
    kappa = sampling.frequency_weight(len(own), len(reference))
    loading = find_loadings(study.train[1], 2)[own][0, 0]
    z = score_z(cohort, phenotype) * np.sqrt(len(own) / len(phenotype))
    weights = (kappa * shift + loading * rule.invert(z).mean) / spread
    known = [
        smoothed_frequency(side[0][side[1] == label])
        for side in ((cohort, phenotype), study.reference)
    ]
    sides = [side[0][side[1] == label] for side in (study.train, study.others)]
    naive = [frequency_scores(side, *known) for side in sides]
    return auc(*naive), auc(*(side @ weights for side in sides))


def auc(members, others):
    labels = np.repeat([1, 0], [len(members), len(others)])
    return roc_auc_score(labels, np.concatenate([members, others]))


@pytest.mark.parametrize("sampling", [SYSTEMATIC, INDEPENDENT])
@pytest.mark.parametrize("effects", ["training", "shrunken", "limited"])
def test_forecasts_are_those_of_simulated_attacks(studies, effects, sampling):
    """A GWAS of 10,000 variants in 2,000 individuals, of which 512 are on the panel."""
    errors = []
    for study in studies:
        exposure = exposure_of(study)
        differences = differences_of(study, shrunken=effects != "training")
        if effects == "limited":
            kept = keep_differences(exposure, differences, LIMIT)[0]
            differences = differences_of(study, kept)
        references = {name: int(mask.sum()) for name, mask in strata(study.reference[1]).items()}
        naive = forecast_naive(exposure, differences, sampling, references)
        adaptive = forecast_adaptive(exposure, differences, sampling, references["all"])
        assert adaptive["control"] < adaptive["all"] < adaptive["case"]
        for label, name in enumerate(("control", "case")):
            measured = attack(study, differences, sampling, label)
            errors.append([measured[0] - naive[name], measured[1] - adaptive[name]])
            if effects == "limited":
                assert measured[1] < LIMIT + 0.03
    assert np.abs(np.mean(np.reshape(errors, (3, 2, 2)), axis=0)).max() < 0.03
    assert np.abs(errors).max() < 0.06


def test_limit_of_independent_variants_is_the_closed_form(studies):
    """(n0 / n1) S + K <= 2 n Phi^-1(limit)^2, with S the sum of squared errors."""
    study = studies[0]
    exposure = exposure_of(study)
    differences = differences_of(study)
    factor = differences.shrinkage[0]
    kept = keep_differences(exposure, differences, LIMIT)[0]
    order = np.argsort(-factor, kind="stable")
    assert (np.diff(kept[order].astype(int)) <= 0).all() and 0 < kept.sum() < len(kept)
    n, cases = len(study.train[1]), study.train[1].sum()
    squares = ((1 - factor[kept]) * study.z[kept]) ** 2
    used = (n - cases) / cases * squares.sum() + len(kept)
    assert used == pytest.approx(max_effective_variants(n, LIMIT), rel=0.05)
    exact = forecast_adaptive(exposure, differences_of(study, kept), SYSTEMATIC)
    assert exact["case"] == pytest.approx(LIMIT, abs=0.01)
    stricter = keep_differences(exposure, differences, 0.65)[0]
    assert stricter.sum() < kept.sum() and kept[stricter].all()
    assert not keep_differences(exposure, differences, 0.6).any()


def test_limit_of_the_panel_alone():
    n, m = 500, 400
    dosages = independent(n, frequencies(m), 1)
    phenotype = (np.arange(n) < 200).astype(np.int8)
    exposure = measure_exposure(dosages, phenotype, 2, strata(phenotype))
    nothing = make_differences(np.zeros(m), [NO_EFFECT])
    for value in forecast_adaptive(exposure, nothing, SYSTEMATIC).values():
        assert value == pytest.approx(ndtr(np.sqrt(exposure.n_effective / (2 * n))))
        assert max_effective_variants(n, value) == pytest.approx(exposure.n_effective)
    # The noise of independent sampling hides nothing, because there is nothing to find out about differences.
    prior = Prior(np.array([0.0, 9.0]), np.array([0.5, 0.5]))
    external = replace(make_differences(np.zeros(m), [prior]), external=True)
    known = INDEPENDENT.frequency_weight(n, np.inf) * exposure.n_effective / (2 * n)
    for value in forecast_adaptive(exposure, external, INDEPENDENT).values():
        assert value == pytest.approx(ndtr(np.sqrt(known)))


def test_naive_forecast_of_all_individuals_is_that_of_overall_frequencies():
    study = simulate_study(4, n=500, tested=2_000, causal=50, size=200)
    exposure = exposure_of(study)
    forecast = forecast_naive(
        exposure, differences_of(study), INDEPENDENT, {"all": 300, "case": 100, "control": 0}
    )
    expected = expected_attack_auc(exposure.n_effective, 500, 500, 300)
    assert forecast["all"] == pytest.approx(expected)
    assert np.isnan(forecast["control"]) and forecast["case"] > 0.5


@pytest.mark.parametrize("shrunken", [True, False])
@pytest.mark.parametrize("sd", [0.2, 1.0])
def test_expected_error_is_that_of_simulated_scores(sd, shrunken):
    rng = np.random.default_rng(1)
    prior, threshold, smallest = Prior(np.array([0.0, 6.0]), np.array([0.9, 0.1])), 2.0, 0.3
    truth = np.where(rng.random(4_000_000) < 0.1, rng.normal(0, np.sqrt(6), 4_000_000), 0)
    z = truth + rng.normal(size=len(truth))
    truth, z = truth[np.abs(z) > threshold], z[np.abs(z) > threshold]
    factor = shrink(z, prior).shrinkage
    released = np.where(factor >= smallest, factor if shrunken else 1, 0) * z
    t = released + sd * rng.normal(size=len(z))
    rule = ReleaseRule(prior, threshold, smallest, shrunken, sd)
    for value in (0.0, 1.0, 2.5, 4.0) if shrunken or sd == 1 else (2.0, 2.5, 4.0):
        near = np.abs(t - value) < 0.05
        found = rule.invert(np.array([value, -value]))
        error, se = (z - truth)[near], (z - truth)[near].std() / np.sqrt(near.sum())
        assert found.mean[0] == pytest.approx(error.mean(), abs=4 * se + 0.01)
        assert found.variance[0] == pytest.approx(error.var(), rel=0.08, abs=0.03)
        assert found.mean[1] == pytest.approx(-found.mean[0])
        assert np.exp(found.log_density) == pytest.approx(near.mean() / 0.1, rel=0.05, abs=2e-3)


def test_a_slope_above_one_makes_no_error_smaller():
    """The release changes, but neither what is expected of its errors nor, therefore, what may be kept."""
    study = simulate_study(7, n=1_000, tested=3_000, causal=30, size=100)
    plain, steeper, flatter = (
        make_differences(study.z, [study.prior._replace(slope=slope)]) for slope in (1.0, 1.2, 0.8)
    )
    assert (steeper.error == plain.error).all() and (flatter.error**2 > plain.error**2).all()
    assert (np.abs(steeper.released) > np.abs(plain.released)).all()
    kept = [keep_differences(exposure_of(study), one, LIMIT) for one in (plain, steeper)]
    assert (kept[0] == kept[1]).all() and 0 < kept[0].sum() < kept[0].size
    rules = [one.rules(0.1)[0] for one in (plain, steeper)]
    for rule, released in zip(rules, (plain.released[0], steeper.released[0]), strict=True):
        found = rule.invert(released)
        expected = plain.error[0]
        assert np.corrcoef(found.mean, expected)[0, 1] > 0.95


def test_the_least_certain_differences_are_set_to_zero_with_a_slope_above_one():
    """Many factors are then 1; those without the slope decide."""
    study = simulate_study(7, n=1_000, tested=3_000, causal=30, size=200)
    z = np.concatenate([np.linspace(3, 9, 100), study.z[100:]])  # of both ends of the panel
    differences = make_differences(z, [study.prior._replace(slope=1.5)])
    certain = make_differences(z, [study.prior]).shrinkage[0]
    assert (differences.shrinkage[0] == 1).sum() > 50
    kept = keep_differences(exposure_of(study), differences, 0.65)[0]
    assert 0 < kept.sum() < (differences.shrinkage[0] == 1).sum()
    assert certain[kept].min() >= certain[~kept].max()
    (rule,) = replace(differences, kept=kept[None]).rules(0.1)
    assert rule.smallest == certain[kept].min()


def test_what_was_kept_is_known_by_contrast():
    """A variant can be kept in one contrast only."""
    study = simulate_study(7, n=1_000, tested=3_000, causal=30, size=100)
    prior, z = study.prior, np.stack([study.z, study.z[::-1]])
    kept = np.abs(z) > np.array([[3.5], [4.0]])
    rules = make_differences(z, [prior, prior._replace(slope=0.8)], kept).rules(0.0)
    for rule, own, mask in zip(rules, z, kept, strict=True):
        assert mask.any() and rule.smallest == shrink(own, prior).shrinkage[mask].min()
    nothing = make_differences(z, [prior, prior], np.zeros_like(kept)).rules(0.0)
    assert [rule.smallest for rule in nothing] == [np.inf, np.inf]


def test_without_signal_no_difference_is_kept():
    study = simulate_study(5, n=500, tested=2_000, causal=0, size=100)
    differences = make_differences(study.z, [NO_EFFECT])
    exposure = exposure_of(study)
    assert not keep_differences(exposure, differences, 0.9).any()
    found = forecast_adaptive(exposure, differences, INDEPENDENT)
    assert found["case"] == pytest.approx(found["control"])


def test_one_enormous_effect_is_kept():
    study = simulate_study(6, n=1_000, tested=3_000, causal=1, size=100, heritability=0.9)
    z = np.append(study.z, 60.0)
    prior = fit_prior(np.append(np.random.default_rng(1).normal(size=3_000), z[-1]))
    factor = shrink(z, prior).shrinkage
    rule = ReleaseRule(prior, np.abs(z).min(), 0.5, True, 0.0)
    found = rule.invert(np.linspace(-80, 80, 100))
    assert factor[-1] > 0.99 and all(np.isfinite(values).all() for values in found)
    dosages = np.column_stack([study.train[0], study.train[1] * 2]).astype(np.int8)
    exposure = measure_exposure(dosages, study.train[1], 2, strata(study.train[1]))
    assert keep_differences(exposure, make_differences(z, [prior]), 0.7)[0, -1]


def test_loadings_give_the_class_means_from_the_z_scores():
    rng = np.random.default_rng(1)
    label = np.repeat([0, 1, 2], [50, 30, 120])
    x = rng.normal(size=(200, 7))
    means = np.stack([x[label == k].mean(axis=0) for k in range(3)])
    counts = np.bincount(label)
    unit = np.sqrt(counts[1:] * counts[0] / (counts[1:] + counts[0]))
    z = (means[1:] - means[0]) * unit[:, None]
    np.testing.assert_allclose(find_loadings(label, 3) @ z, (means - x.mean(axis=0))[label])
    binary = find_loadings(label > 0, 2)
    assert binary[-1, 0] == pytest.approx(np.sqrt(50 / (200 * 150)))
    assert binary[0, 0] == pytest.approx(-np.sqrt(150 / (200 * 50)))
    quantitative = find_loadings(rng.normal(3, 2, 500), 0)
    assert (quantitative**2).sum() == pytest.approx(1) and quantitative.sum() == pytest.approx(0)


def attack_null_trait(classes: int, seed: int):
    """AUC and forecast by stratum of the attack on training frequencies of a trait without effects.

    The trait has three classes, or is quantitative (without `classes`). A GWAS of 2,000 variants selected the
    panel.
    """
    rng, n, tested, m = np.random.default_rng(seed), 1_200, 2_000, 250
    label = rng.choice(3, n, p=[0.3, 0.2, 0.5]) if classes else rng.normal(size=n)
    p = frequencies(tested, seed + 10)
    train, others = (independent(n, p, seed + start) for start in (20, 30))
    x, fresh = ((side - 2 * p) / np.sqrt(2 * p * (1 - p)) for side in (train, others))
    if classes:
        counts, means = np.bincount(label), [x[label == k].mean(axis=0) for k in range(3)]
        unit = np.sqrt(counts[1:] * counts[0] / (counts[1:] + counts[0]))
        z = (np.stack(means[1:]) - means[0]) * unit[:, None]
        masks = {str(k): label == k for k in range(3)}
    else:
        z = np.sqrt(n) * np.corrcoef(x.T, label)[-1:, :-1]
        masks = {"high": label > 1, "rest": label <= 1}
    panel = np.argsort(-(z**2).sum(axis=0))[:m]
    z, x, fresh = z[:, panel], x[:, panel], fresh[:, panel]
    differences = make_differences(z, [NO_EFFECT] * len(z), shrunken=False)
    exposure = measure_exposure(train[:, panel], label, classes, masks)
    forecast = forecast_adaptive(exposure, differences, SYSTEMATIC)
    loadings, overall = find_loadings(label, classes), x.mean(axis=0)
    weights = loadings @ z + overall
    scores = [(weights * side).sum(axis=1) / np.linalg.norm(weights, axis=1) for side in (x, fresh)]
    return [(auc(*(score[mask] for score in scores)), forecast[k]) for k, mask in masks.items()]


@pytest.mark.parametrize("classes", [0, 3])
def test_forecasts_for_quantitative_traits_and_several_classes(classes):
    aucs = [attack_null_trait(classes, seed) for seed in (1, 2, 3)]
    for measured, forecast in np.mean(aucs, axis=0):
        assert forecast == pytest.approx(measured, abs=0.02)


def test_forecast_with_ld():
    n, m = 1_500, 400
    aucs = []
    for seed in range(3):
        p = frequencies(m, seed)
        train, others = linked(n, p, 10 * seed + 1), linked(n, p, 10 * seed + 2)
        phenotype = (np.random.default_rng(seed).random(n) < 0.3).astype(np.int8)
        exposure = measure_exposure(train, phenotype, 2, strata(phenotype))
        assert exposure.n_effective == pytest.approx(effective_variants(train))
        z = score_z(train, phenotype)
        differences = make_differences(z, [NO_EFFECT], np.abs(z) > 0.5, shrunken=False)
        forecast = forecast_adaptive(exposure, differences, SYSTEMATIC)["case"]
        case = phenotype == 1
        loading = find_loadings(phenotype, 2)[case][0, 0]
        spread = train.std(axis=0)
        shift = train.mean(axis=0) / spread - 2 * p / spread
        weights = (shift + loading * np.where(np.abs(z) > 0.5, z, 0)) / spread
        aucs.append([auc(train[case] @ weights, others[case] @ weights), forecast])
    measured, forecast = np.mean(aucs, axis=0)
    assert forecast == pytest.approx(measured, abs=0.03)


def test_joint_forecast_is_the_closed_form():
    assert forecast_joint([0.6]) == pytest.approx(0.6)
    assert forecast_joint([0.6, 0.5, 0.4]) == pytest.approx(0.6)
    separation = np.sqrt(2) * norm.ppf([0.6, 0.7])
    assert forecast_joint([0.6, 0.7]) == pytest.approx(
        ndtr(np.sqrt((separation**2).sum()) / np.sqrt(2))
    )
    assert np.isnan(forecast_joint([0.6, np.nan]))


def attack_two_traits(correlation: float, noise: float, seed: int) -> list[np.ndarray]:
    """Scores of members and of others in the attack on the class differences of two releases.

    Both traits are balanced and without effects. The attacker knows their correlation, and the variance
    `noise` of the released z-scores relative to their sampling error. The last array is whether the classes
    of an individual agree.
    """
    n, m, rng = 1_000, 300, np.random.default_rng(seed)
    p = frequencies(m, seed)
    x, fresh = (
        (independent(n, p, seed + start) - 2 * p) / np.sqrt(2 * p * (1 - p)) for start in (1, 2)
    )
    agree = rng.random(n) < (1 + correlation) / 2
    label = np.where(rng.random(n) < 0.5, -1, 1)
    labels = np.stack([label, np.where(agree, label, -label)], axis=1)
    released = labels.T @ x / np.sqrt(n) + np.sqrt(noise) * rng.normal(size=(2, m))
    covariance = np.array([[1 + noise, correlation], [correlation, 1 + noise]])
    weights = labels @ np.linalg.inv(covariance) @ released
    weights /= np.linalg.norm(weights, axis=1)[:, None]
    return [(weights * side).sum(axis=1) for side in (x, fresh)] + [agree]


def test_joint_forecast_of_simulated_releases():
    """Scores of unrelated traits add up; related traits and repeated measurements add less."""
    single = ndtr(np.sqrt(300 / (2 * 1_000)))
    bound = forecast_joint([single, single])

    def measure(correlation, noise=0.0, only=None):
        runs = [attack_two_traits(correlation, noise, 10 * seed) for seed in range(8)]
        chosen = [slice(None) if only is None else agree == only for *_, agree in runs]
        return np.mean([auc(a[k], b[k]) for (a, b, _), k in zip(runs, chosen, strict=True)])

    assert measure(0.0) == pytest.approx(bound, abs=0.01)
    assert measure(0.5) < bound + 0.005
    assert measure(0.5, only=True) == pytest.approx(ndtr(np.sqrt(0.3 / 1.5)), abs=0.015)
    assert measure(0.5, only=False) == pytest.approx(ndtr(np.sqrt(0.3 / 0.5)), abs=0.015)
    noisy = ndtr(np.sqrt(0.3 / 2 / 2))  # the attack on one release with noise
    repeated = measure(1.0, noise=1.0)
    assert repeated == pytest.approx(ndtr(np.sqrt(0.3 / 1.5 / 2)), abs=0.01)
    assert noisy < repeated < forecast_joint([noisy, noisy]) - 0.01


@pytest.mark.parametrize(("first", "second", "both"), [(400, 400, 360), (300, 500, 290)])
def test_individuals_of_one_training_set_are_found_by_the_difference(first, second, both):
    m, found = 30, []
    for seed in range(60):
        p = frequencies(m, seed)
        x, fresh = (
            (independent(first + second - both, p, seed + start) - 2 * p) / np.sqrt(2 * p * (1 - p))
            for start in (100, 200)
        )
        means = [
            x[:first].mean(axis=0) * np.sqrt(first),
            x[-second:].mean(axis=0) * np.sqrt(second),
        ]
        weights = means[0] - both / np.sqrt(first * second) * means[1]
        members = x[: first - both] @ weights
        found.append(auc(members, fresh @ weights))
    assert np.mean(found) == pytest.approx(forecast_difference(m, first, second, both), abs=0.025)


def test_nearly_equal_training_sets_reveal_the_difference():
    assert forecast_difference(100, 5_000, 5_000, 5_000) == 0.5
    assert forecast_difference(100, 5_000, 4_998, 4_998) > 0.999  # two individuals withdrew
    assert forecast_difference(100, 5_000, 2_500, 2_500) < 0.6
    assert forecast_difference(100, 5_000, 5_000, 0) == pytest.approx(ndtr(np.sqrt(0.01)))
