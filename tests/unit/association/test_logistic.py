"""The logistic solver against statsmodels and scikit-learn."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from snpgen.association.logistic import fit_logistic, make_tiles

N = 10_000  # several tiles, the last one incomplete


@pytest.fixture(scope="module")
def data():
    """Design with an intercept, outcome, and an offset that explains a part of it."""
    rng = np.random.default_rng(4)
    design = np.column_stack([np.ones(N), rng.normal(size=(N, 5)) * [1, 1, 1, 1, 0.01]])
    offset = rng.normal(size=N)
    log_odds = offset + design @ [-2, 1, -0.5, 0, 0.2, 0]
    return design, (rng.random(N) < expit(log_odds)).astype(float), offset


def test_maximum_likelihood_equals_statsmodels(data):
    design, outcome, offset = data
    for fixed in (None, offset):
        reference = sm.Logit(outcome, design, offset=fixed).fit(disp=0, tol=1e-14)
        theta, information = fit_logistic(design, outcome, 0.0 if fixed is None else fixed)
        np.testing.assert_allclose(theta, reference.params, rtol=1e-9)
        error = np.sqrt(np.diag(np.linalg.inv(information)))
        np.testing.assert_allclose(error, reference.bse, rtol=1e-5)


@pytest.mark.parametrize("ridge", [1.0, 50.0, 2_000.0])
def test_ridge_equals_scikit_learn(data, ridge):
    design, outcome, _ = data
    model = LogisticRegression(
        C=1 / ridge, fit_intercept=False, tol=1e-12, solver="newton-cholesky"
    )
    expected = model.fit(design, outcome).coef_[0]
    theta, _ = fit_logistic(design, outcome, ridge=ridge)
    np.testing.assert_allclose(theta, expected, rtol=1e-8, atol=1e-10)
    single, _ = fit_logistic(design.astype(np.float32), outcome, ridge=ridge)
    np.testing.assert_allclose(single, expected, atol=2e-5)


def test_start_and_tiles(data):
    """The start does not matter, and only the individuals in the tiles do."""
    design, outcome, offset = data
    tiles = make_tiles(0, 4_500) + make_tiles(6_000, N)
    start = np.array([3.0, 0, 0, -2, 0, 5])
    used = np.r_[0:4_500, 6_000:N]
    expected, _ = fit_logistic(design[used], outcome[used], offset[used], 7.0)
    theta, _ = fit_logistic(design, outcome, offset, 7.0, start, tiles)
    np.testing.assert_allclose(theta, expected, rtol=1e-9)


def test_large_offset_and_extreme_share_of_cases_converge(data):
    design, _, offset = data
    outcome = (np.arange(N) % 2_000 == 0).astype(float)
    reference = sm.Logit(outcome, design, offset=10 * offset).fit(disp=0, maxiter=200, tol=1e-14)
    theta, _ = fit_logistic(design, outcome, 10 * offset)
    np.testing.assert_allclose(theta, reference.params, rtol=1e-7)


def test_separated_data_have_no_maximum(data):
    design, outcome, _ = data
    separating = np.column_stack([design, outcome])
    with pytest.raises(np.linalg.LinAlgError) as error:
        fit_logistic(separating, outcome)
    assert np.abs(error.value.args[0]).argmax() == separating.shape[1] - 1
    assert np.isfinite(fit_logistic(separating, outcome, ridge=1.0)[0]).all()
