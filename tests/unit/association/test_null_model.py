"""The null model against statsmodels; p-values against closed forms and exact arithmetic."""

from decimal import Decimal, getcontext

import numpy as np
import pytest
import statsmodels.api as sm
from example_association import simulate_covariates, simulate_phenotype
from scipy.special import expit
from scipy.stats import t as student

from snpgen.association.null_model import (
    fit_null_model,
    load_null_model,
    neg_log_10_p,
    neg_log_10_p_of_t,
)
from snpgen.messages import Code, InputError

N = 1200


@pytest.fixture(scope="module")
def cohort():
    rng = np.random.default_rng(5)
    covariates = simulate_covariates(N, rng)
    phenotype = simulate_phenotype(np.zeros((N, 1), dtype=np.int8), covariates, {}, rng)
    iid = np.array([f"{i:05d}" for i in range(N)])
    null, table = fit_null_model(iid, phenotype, covariates)
    return covariates, phenotype, null, table


def test_null_model_equals_statsmodels(cohort):
    covariates, phenotype, null, table = cohort
    fit = sm.Logit(phenotype, sm.add_constant(covariates)).fit(disp=0, tol=1e-12)
    assert list(table.covariate) == ["intercept", "sex", "age", "PC1"]
    np.testing.assert_allclose(table.beta, fit.params, rtol=1e-6)
    np.testing.assert_allclose(table.standard_error, fit.bse, rtol=1e-6)
    probability = expit(null.linear_predictor)
    np.testing.assert_allclose(probability, fit.predict(), rtol=1e-6)
    weight = probability * (1 - probability)
    np.testing.assert_allclose(null.basis.T @ (weight[:, None] * null.basis), np.eye(4), atol=1e-9)


def test_offset_equals_statsmodels(cohort):
    covariates, phenotype, null, _ = cohort
    offset = np.random.default_rng(1).normal(size=N)
    again = null.with_offset(offset)
    family = sm.families.Binomial()
    fit = sm.GLM(phenotype, sm.add_constant(covariates), family, offset=offset).fit(tol=1e-12)
    probability = expit(again.linear_predictor)
    np.testing.assert_allclose(probability, fit.fittedvalues, rtol=1e-6)
    information = again.basis.T @ (again.weight[:, None] * again.basis)
    np.testing.assert_allclose(information, np.eye(4), atol=1e-9)


def test_linear_null_model_equals_statsmodels(cohort):
    covariates, phenotype, _, _ = cohort
    value = 170.0 + 5.0 * phenotype + np.random.default_rng(2).normal(size=N)
    null, table = fit_null_model(np.arange(N).astype(str), value, covariates, logistic=False)
    fit = sm.OLS(value, sm.add_constant(covariates)).fit()
    np.testing.assert_allclose(table.beta, fit.params, rtol=1e-8)
    np.testing.assert_allclose(table.standard_error, fit.bse, rtol=1e-8)
    np.testing.assert_allclose(null.linear_predictor, fit.fittedvalues)
    np.testing.assert_allclose(null.basis.T @ null.basis, np.eye(4), atol=1e-9)


def test_p_values_do_not_underflow():
    z = np.array([0.0, 1.959963984540054, 100.0, -100.0])
    tail = 5000 + np.log(100 * np.sqrt(2 * np.pi)) - np.log1p(-1e-4 + 3e-8)  # Mills' ratio
    far = (tail - np.log(2)) / np.log(10)
    np.testing.assert_allclose(
        neg_log_10_p(z), [0, -np.log10(0.05), far, far], rtol=1e-9, atol=1e-12
    )


def test_p_of_t_equals_scipy_and_does_not_underflow():
    t, df = np.array([0.0, 0.5, -3.0, 20.0]), np.array([5, 30, 1000, 100_000])
    expected = -np.log10(2 * student.sf(np.abs(t), df))
    np.testing.assert_allclose(neg_log_10_p_of_t(t, df), expected, rtol=1e-9, atol=1e-12)
    # With two degrees of freedom p = 1 - |t| / sqrt(t^2 + 2), which is 1 / t^2 for large t.
    (far,) = neg_log_10_p_of_t(np.array([1e150]), np.array([2.0]))
    assert far == pytest.approx(300, rel=1e-9)
    # With four, p = 1 - x (3 - x^2) / 2 where x = t / sqrt(t^2 + 4).
    getcontext().prec = 400
    big = Decimal("1e80")
    x = big / (big * big + 4).sqrt()
    exact = -(1 - x * (3 - x * x) / 2).log10()
    (far,) = neg_log_10_p_of_t(np.array([1e80]), np.array([4.0]))
    assert far == pytest.approx(float(exact), rel=1e-9)


@pytest.mark.parametrize(
    "column",
    [lambda c: 3.0 + 0 * c.age, lambda c: 2.0 * c.age - c.sex],
    ids=["constant", "collinear"],
)
def test_redundant_covariate_is_named(cohort, column):
    covariates, phenotype, null, _ = cohort
    with pytest.raises(InputError, match="'extra'") as error:
        fit_null_model(null.iid, phenotype, covariates.assign(extra=column(covariates)))
    assert (error.value.code, error.value.key) == (Code.COLLINEAR_COVARIATE, "covariates")


@pytest.mark.parametrize("samples", [2, 3, 4])
def test_more_covariates_than_individuals_are_refused(cohort, samples):
    covariates, phenotype, null, _ = cohort
    with pytest.raises(InputError) as error:
        fit_null_model(null.iid[:samples], phenotype[:samples], covariates[:samples])
    assert (error.value.code, error.value.key) == (Code.TOO_MANY_COVARIATES, "covariates")


def test_separating_covariate_is_named(cohort):
    covariates, phenotype, null, _ = cohort
    with pytest.raises(InputError, match="'extra'") as error:
        fit_null_model(null.iid, phenotype, covariates.assign(extra=phenotype + 0.0))
    assert (error.value.code, error.value.key) == (Code.SEPARATING_COVARIATE, "covariates")


def test_null_model_is_saved_and_loaded(cohort, tmp_path):
    null = cohort[2]
    null.save(str(tmp_path / "null.npz"))
    again = load_null_model(str(tmp_path / "null.npz"))
    for name, array in vars(null).items():
        np.testing.assert_array_equal(array, getattr(again, name))
    assert again.logistic is True
