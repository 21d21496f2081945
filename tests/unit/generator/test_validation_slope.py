"""Slopes of effects in validation individuals against statsmodels and on simulated local maxima."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from example_cohorts import frequencies, independent
from example_generator import one_hot

from snpgen.association.forecast import Sampling
from snpgen.association.shrinkage import fit_prior, shrink
from snpgen.generator.conditions import ConditionEncoding
from snpgen.generator.contrasts import make_contrasts
from snpgen.generator.target import TargetSettings, make_target
from snpgen.generator.validation_slope import SLOPE_SD, fit_slopes, validation_slopes
from snpgen.genetics.ancestry import fit_ancestry
from snpgen.io.panel import Panel

BINARY = ConditionEncoding(2, None, False, (), ())
KNOTS = ConditionEncoding(5, (-1.6, -0.6, 0.0, 0.6, 1.6), False, (), ())
DIFFERENCE = np.array([[-1.0, 1.0]])


def nothing_given(n, m):
    return [(np.arange(m), np.empty((n, 0)))]


def no_components(panel):
    """Components of variants on one chromosome, and scores of none of the whole genome."""
    m = panel.dosages.shape[1]
    places = pd.DataFrame({"chromosome": "1", "position": np.arange(m)})
    ancestry = fit_ancestry(*panel.of("train"), places)
    return ancestry, np.empty(((panel.split == "validation").sum(), 0))


def test_slope_and_standard_error_are_those_of_a_regression_of_the_score():
    """For classes, and with sex and a component as covariates."""
    n, rng = 800, np.random.default_rng(1)
    labels, sex, component = rng.integers(0, 3, n), rng.integers(0, 2, n), rng.normal(size=n)
    dosages = independent(n, frequencies(20), 2)
    variance = dosages.var(axis=0)
    differences = rng.normal(0, 0.1, (2, 20))
    conditions = np.column_stack([one_hot(labels, 3), sex - 0.5])
    components = [(np.arange(8, 20), component[:, None]), (np.arange(8), rng.normal(size=(n, 2)))]
    weights = np.array([[-1.0, 1.0, 0.0], [-1.0, 0.0, 1.0]])
    both, _ = validation_slopes(differences, dosages, variance, conditions, components, weights)
    found = np.zeros(2)
    for variants, scores in components:
        own = np.zeros_like(differences)
        own[:, variants] = differences[:, variants]
        one = [(np.arange(20), scores)]
        slope, error = validation_slopes(own, dosages, variance, conditions, one, weights)
        covariates = np.column_stack([labels == 1, labels == 2, sex, scores])
        for k, difference in enumerate(own):
            outcome = dosages @ (difference / variance)
            fit = sm.OLS(outcome, sm.add_constant(covariates)).fit(cov_type="HC3")
            expected = (difference**2 / variance).sum()
            assert slope[k] == pytest.approx(fit.params[1 + k] / expected)
            assert error[k] == pytest.approx(fit.bse[1 + k] / expected)
            found[k] += fit.params[1 + k]
    assert both == pytest.approx(found / (differences**2 / variance).sum(axis=1))


def test_the_slope_of_a_quantitative_trait_is_one_if_effects_are_right():
    n, m, rng = 20_000, 50, np.random.default_rng(3)
    dosages = independent(n, np.full(m, 0.3), 4)
    effect = rng.normal(0, 0.1, m)
    value = (dosages - 0.6) @ effect + rng.normal(0, 1, n)
    value = (value - value.mean()) / value.std()
    x = KNOTS.encode(value, np.zeros(n), np.full(n, ""))
    contrasts = make_contrasts(KNOTS, x)
    clipped = np.clip(value, -1.6, 1.6)
    clipped = (clipped - clipped.mean()) / clipped.std()
    differences = clipped[None] @ (dosages - dosages.mean(axis=0)) / n
    slope, error = validation_slopes(
        differences, dosages, dosages.var(axis=0), x, nothing_given(n, m), contrasts.weights
    )
    assert slope[0] == pytest.approx(1, abs=0.01) and 0 < error[0] < 0.05


@pytest.fixture(scope="module")
def loci() -> tuple[Panel, pd.DataFrame, pd.DataFrame, np.ndarray]:
    """A panel of the strongest of 30 correlated variants of each locus, its variants, the scan, and corrected differences."""
    rng = np.random.default_rng(1)
    n, n_loci, size = 16_000, 120, 30
    label = (np.arange(n) % 2).astype(np.int8)
    chosen, scan, gaps = [], [], []
    for _ in range(n_loci):
        shift = rng.normal(0, 0.3) * (rng.random() < 0.4)
        liability = rng.standard_normal((2, n, 1)) + shift * (label - 0.5)[:, None]
        own = rng.standard_normal((2, n, size))
        dosages = (0.9 * liability + 0.45 * own > 0).sum(axis=0).astype(np.int8)
        train = slice(0, n // 2)
        case, control = (dosages[train][label[train] == k] for k in (1, 0))
        gap = case.mean(axis=0) - control.mean(axis=0)
        z = gap / np.sqrt(dosages[train].var(axis=0) * 8 / n)
        best = np.abs(z).argmax()
        chosen.append(dosages[:, best])
        scan.append(z)
        gaps.append((gap[best], z[best]))
    gap, z = np.array(gaps).T
    corrected = gap * shrink(z, fit_prior(np.concatenate(scan))).shrinkage
    split = np.repeat(["train", "validation", "test"], [n // 2, n // 4, n // 4])
    panel = Panel(np.stack(chosen, axis=1), np.arange(n).astype(str), split, label)
    variants = pd.DataFrame(
        {"variant_id": np.arange(n_loci).astype(str), "beta": z, "standard_error": 1.0}
    )
    variants["chromosome"], variants["position"] = "1", np.arange(n_loci)
    scan = pd.DataFrame({"beta": np.concatenate(scan), "standard_error": 1.0})
    return panel, variants, scan, corrected


def test_local_maxima_have_a_slope_below_one(loci):
    """Validation individuals find the slope that test individuals have."""
    panel, _, _, corrected = loci
    variance = panel.of("train")[0].var(axis=0)
    found = fit_slopes(
        corrected[None], panel, variance, BINARY, DIFFERENCE, *no_components(panel), 1
    )
    rest = panel.split == "test"
    dosages, label = panel.dosages[rest], panel.phenotype[rest].astype(int)
    own, error = validation_slopes(
        corrected[None],
        dosages,
        variance,
        one_hot(label),
        nothing_given(len(label), 120),
        DIFFERENCE,
    )
    assert own[0] < 1 - 3 * error[0]
    assert abs(found[0] - own[0]) < 3 * error[0]


def test_the_slope_is_part_of_the_target_and_of_its_factors(loci):
    panel, variants, scan, corrected = loci
    settings = TargetSettings(True, 0.999, Sampling())
    made = make_target(panel, variants, scan, np.empty((len(panel.iid), 0)), BINARY, settings, 1)
    slope = made.prior.slope.unique().item()
    assert SLOPE_SD < slope < 0.95
    factor = slope * shrink(variants.beta.to_numpy(), fit_prior(scan.beta.to_numpy())).shrinkage
    np.testing.assert_allclose(made.variants.shrinkage, factor, atol=1e-6)
    found = 2 * (made.target.classes[1] - made.target.classes[0])
    assert found @ corrected / (corrected @ corrected) == pytest.approx(slope, abs=0.03)


@pytest.mark.parametrize("cases", [10, 30])
def test_the_standard_error_is_that_of_repeated_studies(cases):
    """Also with few cases, whose genotypes hardly enter the residuals of White's estimator."""
    n, m = 300, 30
    label = np.repeat([0, 1], [n - cases, cases])
    p = frequencies(m)
    gap = np.random.default_rng(7).normal(0, 0.2, m)
    found = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        own = (p + gap * label[:, None] / 2).clip(0, 1)
        dosages = rng.binomial(2, own).astype(np.int8)
        true = 2 * ((p + gap / 2).clip(0, 1) - p)
        arguments = one_hot(label), nothing_given(n, m), DIFFERENCE
        found.append(validation_slopes(true[None], dosages, 2 * p * (1 - p), *arguments))
    slope, error = np.array(found)[..., 0].T
    assert slope.mean() == pytest.approx(1, abs=3 * slope.std() / np.sqrt(200))
    assert 0.9 < np.sqrt((error**2).mean()) / slope.std() < 1.2


def test_an_aliased_contrast_has_no_slope():
    """All cases are of one group, and all controls of another."""
    label = np.repeat([0, 1], 50)
    dosages = independent(100, frequencies(5), 3)
    conditions = np.column_stack([one_hot(label), label - 0.5])
    arguments = conditions, nothing_given(100, 5), DIFFERENCE
    slope, error = validation_slopes(np.full((1, 5), 0.1), dosages, np.full(5, 0.4), *arguments)
    assert slope[0] == 1 and np.isinf(error[0])


@pytest.mark.parametrize("n_validation", [0, 30, 450, 550])
def test_few_validation_individuals_leave_the_slope_near_one(n_validation):
    n = 2_000
    dosages = independent(n, frequencies(30), 5)
    label = (np.arange(n) % 50 == 1).astype(np.int8)
    split = np.where(np.arange(n) < n - n_validation, "train", "validation")
    panel = Panel(dosages, np.arange(n).astype(str), split, label)
    differences = np.random.default_rng(6).normal(0, 0.02, (1, 30))
    found = fit_slopes(
        differences, panel, dosages.var(axis=0), BINARY, DIFFERENCE, *no_components(panel), 1
    )
    if n_validation < 500:
        assert found[0] == 1  # fewer than ten cases
    else:
        assert 0 < abs(found[0] - 1) < 3 * SLOPE_SD


def test_a_small_class_has_no_slope_but_the_others_do():
    n, rng = 2_000, np.random.default_rng(8)
    label = np.where(np.arange(n) % 100 == 0, 2, rng.integers(0, 2, n)).astype(np.int8)
    dosages = independent(n, frequencies(30), 9)
    split = np.repeat(["train", "validation"], n // 2)
    phenotype = (label > 0).astype(np.int8)
    names = ("none", "mild", "severe")
    arrays = dosages, np.arange(n).astype(str), split, phenotype
    encoding = ConditionEncoding(3, None, False, (), ())
    weights = np.array([[-1.0, 1.0, 0.0], [-1.0, 0.0, 1.0]])
    differences = rng.normal(0, 0.02, (2, 30))
    for kept, expected in ((10, True), (9, False)):
        rows = np.flatnonzero((split == "validation") & (label == 2))[kept:]
        fewer = np.setdiff1d(np.arange(n), rows)
        own = (array[fewer] for array in arrays)
        part = Panel(*own, label=label[fewer].astype(float), classes=names)
        found = fit_slopes(
            differences, part, dosages.var(axis=0), encoding, weights, *no_components(part), 1
        )
        assert found[0] != 1 and (found[1] != 1) == expected


def test_without_differences_the_slope_is_one():
    dosages = independent(100, frequencies(5), 7)
    label = (np.arange(100) % 2).astype(np.int8)
    panel = Panel(
        dosages, np.arange(100).astype(str), np.repeat(["train", "validation"], 50), label
    )
    found = fit_slopes(
        np.zeros((1, 5)), panel, dosages.var(axis=0), BINARY, DIFFERENCE, *no_components(panel), 1
    )
    assert found.tolist() == [1]
