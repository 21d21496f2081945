"""Firth regression against closed forms and direct maximisation; both implementations agree."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from snpgen.association.firth import expand, fit_firth, fit_sparse
from snpgen.association.null_model import fit_null_model
from snpgen.genetics.packed import NO_CALL


def test_two_by_two_table_adds_half_to_each_cell():
    # In a saturated model Firth's estimate is the log odds ratio with 1/2 in each cell.
    genotype = np.repeat([0.0, 1.0, 0.0, 1.0], [40, 0, 55, 9])
    phenotype = np.repeat([0, 0, 1, 1], [40, 0, 55, 9])
    beta, error, z = fit_firth(genotype, phenotype, np.ones((104, 1)), np.zeros(104))
    cells = np.array([[40.5, 0.5], [55.5, 9.5]])
    expected = np.log(cells[0, 0] * cells[1, 1] / (cells[0, 1] * cells[1, 0]))
    assert beta == pytest.approx(expected, abs=1e-5)
    # Information of a group of n: n p (1 - p), with p = (cases + 1/2) / (n + 1).
    p = cells[1] / cells.sum(axis=0)
    assert error == pytest.approx(np.sqrt((1 / (np.array([95, 9]) * p * (1 - p))).sum()), abs=1e-5)
    assert z > 0


def test_fit_equals_direct_maximisation():
    rng = np.random.default_rng(2)
    n = 60
    covariates = np.column_stack([np.ones(n), rng.normal(size=n)])
    phenotype = (rng.random(n) < 0.3).astype(int)
    genotype = np.where(phenotype == 1, rng.integers(0, 2, n), 0).astype(float)
    design = np.column_stack([covariates, genotype])

    def loss(theta, columns):
        p = expit(design[:, columns] @ theta)
        information = design.T @ ((p * (1 - p))[:, None] * design)
        likelihood = np.log(np.where(phenotype == 1, p, 1 - p)).sum()
        return -likelihood - 0.5 * np.linalg.slogdet(information)[1]

    full = minimize(loss, np.zeros(3), args=([0, 1, 2],), tol=1e-12)
    without = minimize(loss, np.zeros(2), args=([0, 1],), tol=1e-12)
    beta, _, z = fit_firth(genotype, phenotype, covariates, np.zeros(n))
    assert beta == pytest.approx(full.x[2], abs=1e-4)
    assert z**2 == pytest.approx(2 * (without.fun - full.fun), rel=1e-6)


@pytest.fixture(scope="module")
def cohort():
    """3,000 individuals, 8 % cases, four covariates; one is correlated with the genotypes."""
    rng = np.random.default_rng(3)
    n = 3000
    covariates = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
    phenotype = (rng.random(n) < expit(-2.6 + covariates @ [0.3, 0, -0.2, 0.1])).astype(int)
    null, _ = fit_null_model(np.arange(n).astype(str), phenotype, covariates)
    return null, np.exp(0.4 * covariates.a.to_numpy())


def rare_variants(null, relative_frequency, rng):
    """Dosages of rare variants: without effect, separated, and some with missing calls."""
    n, cases = len(null.outcome), np.flatnonzero(null.outcome == 1)
    for number in range(60):
        frequency = rng.uniform(0.0005, 0.01) * relative_frequency
        dosages = np.minimum(rng.poisson(2 * frequency), 2).astype(np.uint8)
        if number % 6 == 1:  # all carriers are cases
            dosages[:] = 0
            dosages[rng.choice(cases, 4, replace=False)] = 1
        if number % 6 == 2:  # all carriers are controls
            dosages[cases] = 0
        if number % 3 == 0:
            dosages[rng.random(n) < 0.02] = NO_CALL
        yield dosages


def test_fit_over_carriers_equals_fit_over_all_individuals(cohort):
    null, relative_frequency = cohort
    expansion = expand(null.outcome, null.linear_predictor, null.basis)
    compared = 0
    for dosages in rare_variants(null, relative_frequency, np.random.default_rng(4)):
        sparse = fit_sparse(dosages, False, int((dosages > 0).sum()), expansion)
        called = dosages != NO_CALL
        genotype = dosages[called].astype(float)
        whole = fit_firth(
            genotype, null.outcome[called], null.basis[called], null.linear_predictor[called]
        )
        if np.isnan(sparse[0]):
            continue
        compared += 1
        assert abs(sparse[0] - whole[0]) <= 1e-3 * whole[1]
        assert sparse[1] == pytest.approx(whole[1], rel=1e-3)
        assert sparse[2] == pytest.approx(whole[2], abs=1e-3)
        # Dosages of the other allele give the same fit with `flip`.
        flipped = np.where(called, 2 - dosages, NO_CALL).astype(np.uint8)
        assert fit_sparse(flipped, True, int((dosages > 0).sum()), expansion) == sparse
    assert compared >= 50


def test_fit_over_carriers_is_nan_where_covariates_change_much():
    rng = np.random.default_rng(5)
    n = 200
    covariate = rng.normal(size=(n, 1))
    phenotype = (rng.random(n) < 0.5).astype(int)
    null, _ = fit_null_model(np.arange(n).astype(str), phenotype, pd.DataFrame(covariate))
    dosages = np.where((covariate[:, 0] > 0) & (phenotype == 1), 1, 0).astype(np.uint8)
    expansion = expand(null.outcome, null.linear_predictor, null.basis)
    assert np.isnan(fit_sparse(dosages, False, int(dosages.sum()), expansion)).all()
    assert np.isfinite(
        fit_firth(dosages.astype(float), null.outcome, null.basis, null.linear_predictor)
    ).all()
