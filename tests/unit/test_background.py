"""What other chromosomes add by chance, against brute force and planted effects."""

import numpy as np
import pytest
from example_cohorts import frequencies, independent, linked
from example_generator import one_hot
from sklearn.linear_model import LinearRegression, Ridge

from snpgen.association.loco import FOLDS
from snpgen.generator.background import HERITABILITY, background_excess, leave_out_background
from snpgen.generator.frequencies import training_frequencies

NAMES = np.repeat(["1", "2", "3"], 8)


def planted(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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


def test_effects_come_nearer_to_those_of_a_joint_model_at_the_same_size():
    dosages, x, _ = planted(600, 0)
    frequency = training_frequencies(dosages, x)
    left = leave_out_background(frequency, dosages, x, 2, no_latents(600), NAMES, 1)
    assert slope(dosages, frequency, left) == pytest.approx(1, abs=1e-9)
    assert x.mean(axis=0) @ left == pytest.approx(x.mean(axis=0) @ frequency)  # over all people

    # What a joint regression gives to each chromosome, were the others not correlated with it.
    joint = LinearRegression().fit(dosages, x[:, 1]).coef_
    covariance = np.cov(dosages.T, ddof=0) * (NAMES[:, None] == NAMES)
    expected = covariance @ joint
    r = [np.corrcoef(side[1] - side[0], expected)[0, 1] for side in (frequency, left)]
    assert r[0] < 0.995 and 1 - r[1] < 0.4 * (1 - r[0])


def test_the_excess_is_that_of_cross_validated_ridge_regressions():
    dosages, x, _ = planted(600, 2)
    latents = np.random.default_rng(3).normal(size=(600, 2))
    found = background_excess(dosages, x, x, latents, NAMES, 1)
    assert found.sum(axis=0) == pytest.approx(0, abs=1e-6)

    spread = (dosages - dosages.mean(axis=0)) / dosages.std(axis=0)
    penalty = 24 * (1 - HERITABILITY) / HERITABILITY
    runs = []
    for seed in range(20):  # other folds than ours, which the seed places
        fold = np.random.default_rng(seed).permutation(600) % FOLDS
        predicted = np.zeros((600, 3))
        for k in range(FOLDS):
            ridge = Ridge(penalty, fit_intercept=False)
            ridge.fit(spread[fold != k], x[fold != k, 1] - x[:, 1].mean())
            for c, name in enumerate(np.unique(NAMES)):
                own = NAMES == name
                predicted[fold == k, c] = spread[fold == k][:, own] @ ridge.coef_[own]
        known = np.column_stack([x, latents])
        rest = predicted.sum(axis=1, keepdims=True) - predicted
        rest -= LinearRegression(fit_intercept=False).fit(known, rest).predict(known)
        runs.append([rest[:, c] @ dosages[:, j] for j, c in enumerate(np.repeat([0, 1, 2], 8))])
    spread_of_runs = np.std(runs, axis=0)
    assert (np.abs(found[1] - np.mean(runs, axis=0)) < 5 * spread_of_runs + 1e-6).all()
    assert np.corrcoef(found[1], np.mean(runs, axis=0))[0, 1] > 0.99


def test_one_chromosome_is_left_as_it_is():
    dosages, x, _ = planted(300, 4)
    frequency = training_frequencies(dosages, x)
    left = leave_out_background(frequency, dosages, x, 2, no_latents(300), np.full(24, "1"), 1)
    assert (left == frequency).all()


def test_what_the_latents_tell_stays():
    """Two ancestries that differ in all variants: their correlation is real, and stays."""
    rng = np.random.default_rng(5)
    n, m = 4_000, 24
    ancestry = np.arange(n) % 2
    p = np.stack([frequencies(m, 6), frequencies(m, 7)])
    dosages = rng.binomial(2, p[ancestry]).astype(np.int8)
    x = one_hot((rng.random(n) < 0.2 + 0.5 * ancestry).astype(int))
    known = ancestry[:, None].astype(np.float32)
    blind, told = (background_excess(dosages, x, x, z, NAMES, 1) for z in (no_latents(n), known))
    assert np.abs(told).mean() < 0.1 * np.abs(blind).mean()


def test_three_classes_a_variant_that_does_not_vary_and_another_condition():
    n = 900
    rng = np.random.default_rng(8)
    dosages = independent(n, frequencies(24), 9)
    dosages[:, 5] = 0
    x = np.column_stack([one_hot(rng.integers(0, 3, n), 3), rng.normal(size=n)]).astype(np.float32)
    frequency = training_frequencies(dosages, x)
    left = leave_out_background(frequency, dosages, x, 3, no_latents(n), NAMES, 1)
    assert np.isfinite(left).all() and (left[:, 5] == 0).all()
    assert x.mean(axis=0) @ left == pytest.approx(x.mean(axis=0) @ frequency, abs=1e-9)
    moved = x.astype(float).T @ (x @ (left - frequency))
    assert moved[3] == pytest.approx(0, abs=0.02 * np.abs(moved[:3]).max())
