"""The contribution of distant variants, against brute force and simulated effects."""

from itertools import pairwise

import numpy as np
import pytest
from example_cohorts import frequencies, independent, linked
from example_generator import one_hot
from sklearn.linear_model import LinearRegression, Ridge

from snpgen.association.loco import assign_folds
from snpgen.generator.frequencies import allele_effects, training_frequencies
from snpgen.generator.joint_effects import (
    HERITABILITY,
    MAX_CHANGE,
    WINDOW,
    distant_contribution,
    remove_distant_effects,
    within_window,
)
from snpgen.job import derive_seed

NAMES = np.repeat(["1", "2", "3"], 8)
POSITIONS = np.tile(np.arange(8), 3) * WINDOW // 7  # the whole chromosome is within the window
SPREAD = np.tile(np.arange(8), 3) * WINDOW // 4  # within the window: four on each side


def simulated(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Dosages (n, 24), conditions (n, 2), and the effect of each variant on the label."""
    rng = np.random.default_rng(seed)
    dosages = linked(n, frequencies(24), seed, chromosome=8)
    effects = np.where(rng.random(24) < 0.5, rng.normal(0, 0.5, 24), 0)
    liability = dosages @ effects + rng.normal(0, 1, n)
    return dosages, one_hot((liability > np.median(liability)).astype(int)), effects


def no_latents(n: int) -> np.ndarray:
    return np.empty((n, 0), np.float32)


def slope(dosages: np.ndarray, frequency: np.ndarray, other: np.ndarray) -> float:
    effects, others = (2 * (side[1] - side[0]) / dosages.var(axis=0) for side in (frequency, other))
    return float(effects @ others / (effects @ effects))


def test_effects_approach_those_of_a_joint_model_on_the_same_scale():
    dosages, x, _ = simulated(600, 0)
    frequency = training_frequencies(dosages, x)
    adjusted = remove_distant_effects(
        frequency, dosages, x, 2, no_latents(600), NAMES, POSITIONS, 1
    )
    assert slope(dosages, frequency, adjusted) == pytest.approx(1, abs=1e-9)
    assert x.mean(axis=0) @ adjusted == pytest.approx(x.mean(axis=0) @ frequency)  # overall

    # Effects of a joint regression if chromosomes were not correlated by chance.
    joint = LinearRegression().fit(dosages, x[:, 1]).coef_
    covariance = np.cov(dosages.T, ddof=0) * (NAMES[:, None] == NAMES)
    expected = covariance @ joint
    r = [np.corrcoef(side[1] - side[0], expected)[0, 1] for side in (frequency, adjusted)]
    assert r[0] < 0.995 and 1 - r[1] < 0.4 * (1 - r[0])


def test_the_contribution_equals_that_of_cross_fitted_ridge_regressions():
    dosages, x, _ = simulated(600, 2)
    latents = np.random.default_rng(3).normal(size=(600, 2))
    found = distant_contribution(dosages, x, x, latents, NAMES, SPREAD, 1)
    assert found.sum(axis=0) == pytest.approx(0, abs=1e-6)

    spread = (dosages - dosages.mean(axis=0)) / dosages.std(axis=0)
    known = np.column_stack([x, latents])
    rest = spread - LinearRegression(fit_intercept=False).fit(known, spread).predict(known)
    order, folds = assign_folds(x.argmax(axis=1), True, derive_seed(1, "folds"))
    far = (NAMES[:, None] != NAMES) | (np.abs(SPREAD[:, None] - SPREAD) > WINDOW)
    expected = np.zeros(24)
    for first, last in pairwise(folds):
        inside = np.isin(np.arange(600), order[first:last])
        effects = np.zeros(24)
        for own in (NAMES == name for name in np.unique(NAMES)):
            ridge = Ridge(24 * (1 - HERITABILITY) / HERITABILITY, fit_intercept=False)
            ridge.fit(spread[~inside][:, own], x[~inside, 1] - x[:, 1].mean())
            effects[own] = ridge.coef_
        for j in range(24):
            predicted = rest[inside][:, far[j]] @ effects[far[j]]
            expected[j] += predicted @ rest[inside, j] * dosages[:, j].std()
    assert found[1] == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_the_window_is_symmetric():
    near = within_window(np.array([1, 1 + WINDOW, 2 + WINDOW]))
    assert near.tolist() == [[True, True, False], [True, True, True], [False, True, True]]


def test_variants_within_the_window_do_not_change():
    dosages, x, _ = simulated(300, 4)
    frequency = training_frequencies(dosages, x)
    names, near = np.full(24, "1"), np.arange(24)
    adjusted = remove_distant_effects(frequency, dosages, x, 2, no_latents(300), names, near, 1)
    assert adjusted == pytest.approx(frequency, abs=1e-6)


def test_the_change_is_bounded():
    dosages, x, _ = simulated(60, 6)  # few individuals: large chance correlation
    frequency = training_frequencies(dosages, x)
    adjusted = remove_distant_effects(frequency, dosages, x, 2, no_latents(60), NAMES, POSITIONS, 1)
    variance = dosages.var(axis=0)
    effects, others = (allele_effects(side, variance, 2) for side in (frequency, adjusted))
    moved = np.linalg.norm(others - effects) / np.linalg.norm(effects)
    assert moved == pytest.approx(MAX_CHANGE)


def test_correlation_explained_by_the_latents_is_kept():
    """Two ancestries differ in the frequencies of all variants, which makes the variants correlated."""
    rng = np.random.default_rng(5)
    n, m = 4_000, 24
    ancestry = np.arange(n) % 2
    p = np.stack([frequencies(m, 6), frequencies(m, 7)])
    dosages = rng.binomial(2, p[ancestry]).astype(np.int8)
    x = one_hot((rng.random(n) < 0.2 + 0.5 * ancestry).astype(int))
    known = ancestry[:, None].astype(np.float32)
    without, with_latents = (
        distant_contribution(dosages, x, x, z, NAMES, POSITIONS, 1) for z in (no_latents(n), known)
    )
    assert np.abs(with_latents).mean() < 0.1 * np.abs(without).mean()


def test_three_classes_a_variant_that_does_not_vary_and_another_condition():
    n = 900
    rng = np.random.default_rng(8)
    dosages = independent(n, frequencies(24), 9)
    dosages[:, 5] = 0
    x = np.column_stack([one_hot(rng.integers(0, 3, n), 3), rng.normal(size=n)]).astype(np.float32)
    frequency = training_frequencies(dosages, x)
    adjusted = remove_distant_effects(frequency, dosages, x, 3, no_latents(n), NAMES, POSITIONS, 1)
    assert np.isfinite(adjusted).all() and (adjusted[:, 5] == 0).all()
    assert x.mean(axis=0) @ adjusted == pytest.approx(x.mean(axis=0) @ frequency, abs=1e-9)
    moved = x.astype(float).T @ (x @ (adjusted - frequency))
    assert moved[3] == pytest.approx(0, abs=0.02 * np.abs(moved[:3]).max())
