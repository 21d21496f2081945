"""Scores of attacks compared with theory."""

import numpy as np
import pytest
from example_cohorts import frequencies, independent
from scipy.special import ndtr
from scipy.stats import binom
from sklearn.metrics import roc_curve

from snpgen.association.frequency_attack import (
    expected_attack_auc,
    max_selection_factor,
    selection_factor,
)
from snpgen.evaluation.attacks import (
    CURVE_RATES,
    attack_estimates,
    choose_kernel,
    frequency_scores,
    roc_table,
    shadow_scores,
)
from snpgen.evaluation.neighbours import compare_samples
from snpgen.genetics.frequencies import smoothed_frequency
from snpgen.genetics.ld import effective_variants
from snpgen.genetics.packed import pack_planes
from snpgen.io.plink import MISSING, allele_frequency

COUNT = 100


def test_frequency_score_is_the_likelihood_ratio():
    p, q = frequencies(30, 1), frequencies(30, 2)
    genotypes = independent(50, p, 3)
    expected = (binom.logpmf(genotypes, 2, p) - binom.logpmf(genotypes, 2, q)).sum(axis=1)
    assert frequency_scores(genotypes, p, q) == pytest.approx(expected)
    holes = genotypes.copy()
    holes[:, :10] = MISSING
    called = frequency_scores(genotypes[:, 10:], p[10:], q[10:])
    assert frequency_scores(holes, p, q) == pytest.approx(called)


def test_smoothed_frequencies_are_never_zero_or_one():
    dosages = np.array([[0, 2, 1], [0, 2, MISSING]], np.int8)
    assert smoothed_frequency(dosages) == pytest.approx([0.5 / 5, 4.5 / 5, 1.5 / 3])
    assert np.isnan(smoothed_frequency(dosages[:0])).all()


@pytest.mark.parametrize(
    ("n", "m", "n_reference", "seed", "tolerance"),
    [
        (1000, 1024, 2000, 1, 0.02),
        (5000, 2048, 10_000, 1, 0.02),
        (300, 300, 5000, 20, 0.035),
        (2000, 500, 500, 20, 0.035),
        (400, 1500, 400, 20, 0.035),
    ],
)
def test_frequency_attack_on_an_independent_sampler_and_its_forecast(
    n, m, n_reference, seed, tolerance
):
    p = frequencies(m, seed)
    sizes = enumerate((n, n, n_reference))
    members, others, reference = (independent(size, p, seed + i) for i, size in sizes)
    release = independent(n, smoothed_frequency(members), seed + 9)
    known = smoothed_frequency(release), smoothed_frequency(reference)
    scores = [frequency_scores(side, *known) for side in (members, others)]
    estimates = attack_estimates("frequency", *scores, "all", COUNT, 1)
    value, low, high = estimates["mia_frequency_auc", "all"]
    assert low < value < high
    assert expected_attack_auc(m, n, n, n_reference) == pytest.approx(value, abs=tolerance)
    if seed == 1:
        assert value == pytest.approx({1024: 0.68, 2048: 0.61}[m], abs=0.02)
        assert effective_variants(members) == pytest.approx(m, rel=0.01)


def test_a_panel_chosen_by_its_members_leaks_more_of_a_class():
    n, m, kept = 1200, 6000, 400
    p = frequencies(m, 3)
    labels = np.repeat([1, 0], [300, 900])
    members, others, reference = (independent(n, p, seed) for seed in (4, 5, 6))
    cases, controls = members[labels == 1], members[labels == 0]
    spread = np.sqrt(p * (1 - p))
    contrast = np.abs(allele_frequency(cases) - allele_frequency(controls)) / spread
    chosen = np.sort(np.argsort(-contrast)[:kept])
    cases, others, known = (side[labels == 1][:, chosen] for side in (members, others, reference))
    release = independent(300, smoothed_frequency(cases), 7)
    frequency = smoothed_frequency(release), smoothed_frequency(known)
    scores = [frequency_scores(side, *frequency) for side in (cases, others)]
    estimates = attack_estimates("frequency", *scores, "case", COUNT, 1)
    value = estimates["mia_frequency_auc", "case"].value
    selection = selection_factor(cases, known)
    assert selection > 3
    assert expected_attack_auc(kept, 300, 300, 300, selection) == pytest.approx(value, abs=0.04)
    assert expected_attack_auc(kept, 300, 300, 300) < value - 0.1
    assert selection_factor(known, others) == pytest.approx(1, abs=0.4)


@pytest.mark.parametrize(("tested", "chosen", "cases"), [(4000, 100, 200), (4000, 400, 500)])
def test_selection_without_any_effect_is_that_of_a_simulated_gwas(tested, chosen, cases):
    """Cases and 1,000 controls alike, and of all variants those in which they differ most."""
    p = frequencies(tested, 1)
    samples = independent(cases + 1_000, p, 2)
    mine, others = samples[:cases], samples[cases:]
    z = (mine.mean(axis=0) - others.mean(axis=0)) / np.sqrt(p * (1 - p))
    top = np.argsort(-np.abs(z))[:chosen]
    measured = selection_factor(mine[:, top], independent(3_000, p, 3)[:, top])
    share = 1_000 / (cases + 1_000)
    assert max_selection_factor(chosen, tested, share) == pytest.approx(measured, rel=0.1)


def test_selection_of_all_variants_or_none_is_one():
    assert max_selection_factor(0, 100, 0.5) == max_selection_factor(100, 100, 0.5) == 1


def test_ld_reduces_the_effective_number_of_variants():
    doubled = np.repeat(independent(4000, frequencies(100), 1), 2, axis=1)
    for dosages in (doubled, np.c_[doubled, np.ones((4000, 7), np.int8)]):
        assert effective_variants(dosages) == pytest.approx(100, rel=0.03)
    assert np.isnan(effective_variants(np.ones((50, 5), np.int8)))


def test_kernel_recovers_the_bandwidth_of_the_simulation():
    """Two copies of each of 40 genomes, every bit of them flipped with a probability of 0.05."""
    rng = np.random.default_rng(1)
    genomes = np.repeat(2 * rng.integers(0, 2, (40, 300)), 2, axis=0)
    flipped = rng.random((80, 300)) < 0.05
    samples = np.where(flipped, 2 - genomes, genomes).astype(np.int8)  # which flips both bits
    kernel = choose_kernel(samples)
    rate = kernel[60] / kernel[59]  # a / (1 - a)
    between = 2 * 0.05 * 0.95  # of the bits of two copies
    assert rate / (1 + rate) == pytest.approx(between, rel=0.1)
    assert kernel.shape == (601,) and (np.diff(kernel) <= 0).all()


def test_kernel_of_too_few_or_identical_samples():
    assert choose_kernel(np.zeros((1, 5), np.int8)) is None
    assert choose_kernel(np.zeros((0, 5), np.int8)) is None
    same = choose_kernel(np.ones((9, 5), np.int8))
    assert same[0] == 1 and np.isfinite(same).all()


def test_kernel_density_has_a_log_at_any_size():
    """20,000 variants: distances of thousands, and copies at 0."""
    samples = independent(6, frequencies(20_000), 1)
    kernel = choose_kernel(samples)
    found = compare_samples(pack_planes(samples), pack_planes(samples), kernel)
    assert np.isfinite(np.log(found.density)).all()


def losses_of_models(n, models, gap, seed):
    """Losses around the mean of each sample, `gap` lower in the models that were trained on it, half of them."""
    rng = np.random.default_rng(seed)
    hard = rng.normal(0, 5, n)
    inside = np.argsort(rng.random((models, n)), axis=0) < models // 2
    shadows = hard - gap * inside + rng.normal(size=(models, n))
    member = np.arange(n) < n // 2
    return hard - gap * member + rng.normal(size=n), shadows, inside, member


def test_shadow_models_account_for_difficult_samples():
    """AUC of two Gaussians a gap apart, widened by the error of their means; the loss alone fails."""
    target, shadows, inside, member = losses_of_models(4000, 32, 1.5, 1)
    scores = shadow_scores(target, shadows, inside)
    value = attack_estimates("shadow", scores[member], scores[~member], "all", COUNT, 1)
    expected = ndtr(1.5 / np.sqrt(2))
    assert value["mia_shadow_auc", "all"].value == pytest.approx(expected, abs=0.02)
    alone = attack_estimates("loss", -target[member], -target[~member], "all", COUNT, 1)
    assert alone["mia_loss_auc", "all"].value < 0.62


def test_shadow_models_without_members_are_at_chance():
    target, shadows, inside, member = losses_of_models(2000, 8, 0.0, 2)
    scores = shadow_scores(target, shadows, inside)
    estimates = attack_estimates("shadow", scores[member], scores[~member], "all", COUNT, 1)
    _, low, high = estimates["mia_shadow_auc", "all"]
    assert low < 0.5 < high


def test_too_few_shadow_models_give_nan():
    target, shadows, inside, _ = losses_of_models(20, 2, 1.0, 3)
    assert np.isnan(shadow_scores(target, shadows, inside)).all()
    assert np.isnan(shadow_scores(target, shadows[:0], inside[:0])).all()


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
