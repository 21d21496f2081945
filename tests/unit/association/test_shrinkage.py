"""Correction for winner's curse: bias and error on simulated GWAS; closed forms; missing values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from snpgen.association.shrinkage import Prior, correct_effects, fit_prior, shrink

GENOME_WIDE_Z = norm.isf(2.5e-8)


def simulate(causal: float, variance: float, ld: float, seed: int, m: int = 100_000):
    """Simulate true and observed z-scores; a share of variants has effects, in LD blocks of 100.

    `variance` is the variance of the true z-scores of causal variants; `ld` the correlation of
    neighbours, for noise and true marginal effects alike.
    """
    rng = np.random.default_rng(seed)
    true = np.where(rng.random(m) < causal, np.sqrt(variance) * rng.normal(size=m), 0)
    r = ld ** np.abs(np.subtract.outer(np.arange(100), np.arange(100)))
    root = np.linalg.cholesky(r)
    true = (true.reshape(-1, 100) @ r).ravel()
    noise = (rng.normal(size=(m // 100, 100)) @ root.T).ravel()
    return true, true + noise


@pytest.mark.parametrize(
    ("causal", "variance", "ld"),
    [(0.01, 10, 0.0), (0.05, 4, 0.0), (0.02, 6, 0.9), (0.001, 100, 0.9)],
)
def test_bias_of_the_top_hits_falls(causal, variance, ld):
    true, z = simulate(causal, variance, ld, seed=7)
    rng = np.random.default_rng(8)
    standard_error = rng.uniform(0.01, 0.05, len(z))
    corrected = correct_effects(z * standard_error, standard_error) / standard_error
    for chosen in (np.abs(z) > GENOME_WIDE_Z, np.argsort(-np.abs(z))[:1000]):
        sign = np.sign(z[chosen])
        raw = (sign * (z - true)[chosen]).mean()
        left = (sign * (corrected - true)[chosen]).mean()
        error = 3 * (corrected - true)[chosen].std() / np.sqrt(len(sign) * (1 if ld == 0 else 0.2))
        assert raw > 0.2 and abs(left) < max(0.2 * raw, error), (raw, left)
        assert ((corrected - true)[chosen] ** 2).mean() < ((z - true)[chosen] ** 2).mean()
    assert ((corrected - true) ** 2).mean() < 0.5 * ((z - true) ** 2).mean()


def test_correction_removes_nine_tenths_of_the_bias_of_top_hits():
    true, z = simulate(0.01, 10, 0.0, seed=9, m=400_000)
    top = np.argsort(-np.abs(z))[:4000]
    sign = np.sign(z[top])
    raw = (sign * (z - true)[top]).mean()
    left = (sign * (correct_effects(z, np.ones_like(z)) - true)[top]).mean()
    assert raw > 1 and abs(left) < 0.1 * raw


@pytest.mark.parametrize("variance", [0.5, 4.0])
def test_normal_effects_shrink_by_the_closed_form(variance):
    rng = np.random.default_rng(5)
    z = np.sqrt(1 + variance) * rng.normal(size=200_000)
    expected = z * variance / (1 + variance)
    corrected = correct_effects(z, np.ones_like(z))
    assert np.sqrt(((corrected - expected) ** 2).mean()) < 0.03 * expected.std()


def test_without_effects_all_estimates_shrink_to_almost_zero():
    z = np.random.default_rng(6).normal(size=100_000)
    assert np.abs(correct_effects(z, np.ones_like(z))).max() < 0.5


def test_posterior_moments_equal_numerical_integration():
    variance, weight = np.array([0.0, 0.5, 9.0]), np.array([0.7, 0.2, 0.1])
    z = np.array([-7.0, -0.5, 0.0, 2.0, 4.5])
    grid = np.linspace(-30, 30, 600_001)
    step = grid[1] - grid[0]
    prior = sum(
        part * norm.pdf(grid, scale=np.sqrt(one))
        for part, one in zip(weight[1:], variance[1:], strict=True)
    )
    likelihood = norm.pdf(z[:, None], loc=grid)
    total = (likelihood * prior).sum(axis=1) * step + weight[0] * norm.pdf(z)
    mean, square = (
        (likelihood * prior * grid**power).sum(axis=1) * step / total for power in (1, 2)
    )
    found = shrink(z, Prior(variance, weight))
    np.testing.assert_allclose(found.mean, mean, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(found.variance, square - mean**2, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(found.shrinkage * z, mean, rtol=1e-8, atol=1e-12)
    assert found.shrinkage[2] > 0  # the limit at z = 0


def test_a_slope_multiplies_factors_up_to_one_and_means_up_to_those_of_the_prior():
    z = np.array([0.5, 3.0, 9.0])
    prior = Prior(np.array([0.0, 25.0]), np.array([0.6, 0.4]))
    plain = shrink(z, prior)
    for slope in (0.8, 1.5):
        found = shrink(z, prior._replace(slope=slope))
        np.testing.assert_allclose(found.mean, min(slope, 1) * plain.mean)
        np.testing.assert_allclose(found.shrinkage, np.minimum(slope * plain.shrinkage, 1))
        np.testing.assert_allclose(found.variance, plain.variance)


def test_prior_equals_the_simulated_distribution():
    _, z = simulate(0.1, 25, 0.0, seed=3)
    variance, weight, _ = fit_prior(z)
    assert weight.sum() == pytest.approx(1)
    assert weight[variance < 1].sum() == pytest.approx(0.9, abs=0.02)
    assert weight @ variance == pytest.approx(2.5, rel=0.05)


@settings(max_examples=60, deadline=None)
@given(arrays(np.float64, st.integers(1, 30), elements=st.floats(-60, 60)))
def test_sign_size_and_order_are_kept(z):
    corrected = correct_effects(z, np.ones_like(z))
    assert (np.abs(corrected) <= np.abs(z)).all() and (corrected * z >= 0).all()
    ascending = corrected[np.argsort(z, kind="stable")]
    assert (np.diff(ascending) >= -1e-9).all()


def test_correction_is_on_the_scale_of_the_effects():
    _, z = simulate(0.01, 10, 0.0, seed=4, m=5000)
    unit = correct_effects(z, np.ones_like(z))
    np.testing.assert_allclose(correct_effects(0.03 * z, np.full(5000, 0.03)), 0.03 * unit)


def test_missing_values_stay_missing():
    _, z = simulate(0.01, 10, 0.0, seed=4, m=5000)
    error = np.full(5000, 0.02)
    beta = 0.02 * z
    incomplete, incomplete_error = beta.copy(), error.copy()
    incomplete[3], incomplete_error[5], incomplete_error[7] = np.nan, np.nan, 0.0
    corrected = correct_effects(incomplete, incomplete_error)
    missing = np.isin(np.arange(5000), [3, 5, 7])
    assert np.isnan(corrected[missing]).all() and np.isfinite(corrected[~missing]).all()
    np.testing.assert_allclose(
        corrected[~missing], correct_effects(beta[~missing], error[~missing])
    )
    assert np.isnan(correct_effects(np.full(3, np.nan), np.ones(3))).all()
    assert len(correct_effects(np.empty(0), np.empty(0))) == 0
    assert correct_effects(np.zeros(4), np.ones(4)).tolist() == [0.0] * 4
