"""Logistic regression against statsmodels, PLINK 2 and closed forms."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from example_association import (
    draw_covariates,
    draw_dosages,
    draw_phenotype,
    make_variants,
    needs_plink2,
    run_plink2,
    write_cohort,
)
from scipy.optimize import minimize
from scipy.special import expit

from snpgen.association.logistic import (
    fit_firth,
    fit_null_model,
    fit_variants,
    load_null_model,
    neg_log_10_p,
    pairwise_products,
)
from snpgen.job import InputError
from snpgen.plink import MISSING

N, M, PLANTED = 1200, 240, 17


@pytest.fixture(scope="module")
def cohort():
    rng = np.random.default_rng(5)
    dosages = draw_dosages(N, M, rng, missing=0.03)
    covariates = draw_covariates(N, rng)
    phenotype = draw_phenotype(dosages, covariates, {PLANTED: 0.8}, rng)
    iid = np.array([f"{i:05d}" for i in range(N)])
    null, table = fit_null_model(iid, phenotype, covariates)
    effects = fit_variants(dosages, null, pairwise_products(null.basis))
    return dosages, covariates, phenotype, null, table, effects


def test_null_model_equals_statsmodels(cohort):
    _, covariates, phenotype, null, table, _ = cohort
    fit = sm.Logit(phenotype, sm.add_constant(covariates)).fit(disp=0, tol=1e-12)
    assert list(table.covariate) == ["intercept", "sex", "age", "PC1"]
    np.testing.assert_allclose(table.beta, fit.params, rtol=1e-6)
    np.testing.assert_allclose(table.standard_error, fit.bse, rtol=1e-6)
    probability = expit(null.linear_predictor)
    np.testing.assert_allclose(probability, fit.predict(), rtol=1e-6)
    weight = probability * (1 - probability)
    np.testing.assert_allclose(null.basis.T @ (weight[:, None] * null.basis), np.eye(4), atol=1e-9)


def test_variants_equal_statsmodels_on_people_with_a_call(cohort):
    dosages, covariates, phenotype, _, _, effects = cohort
    for j in [0, PLANTED, 60, 120, 239]:
        rows = dosages[:, j] != MISSING
        design = sm.add_constant(covariates[rows].assign(g=dosages[rows, j]))
        fit = sm.Logit(phenotype[rows], design).fit(disp=0, tol=1e-12)
        assert effects.beta[j] == pytest.approx(fit.params["g"], rel=1e-6)
        assert effects.standard_error[j] == pytest.approx(fit.bse["g"], rel=1e-6)
        assert effects.neg_log_10_p_value[j] == pytest.approx(-np.log10(fit.pvalues["g"]), rel=1e-5)
        assert (effects.n[j], effects.n_cases[j]) == (rows.sum(), phenotype[rows].sum())
    assert not effects.firth.any()
    assert effects.beta[PLANTED] > 0.5  # the planted effect, with its sign


def plink2_glm(mode, cohort, dosages, folder):
    """PLINK 2's results, its effects turned to the effect allele."""
    fileset = write_cohort(folder / "cohort", dosages, make_variants(dosages.shape[1]))
    ids = fileset.samples[["FID", "IID"]].rename(columns={"FID": "#FID"})
    ids.assign(trait=cohort[2] + 1).to_csv(folder / "pheno", sep="\t", index=False)
    ids.join(cohort[1]).to_csv(folder / "covar", sep="\t", index=False)
    run_plink2(
        *("--bfile", folder / "cohort"),
        *("--pheno", folder / "pheno", "--pheno-name", "trait"),
        *("--covar", folder / "covar", "--covar-variance-standardize"),
        *("--glm", mode, "hide-covar", "log10", "cols=+beta,-orbeta", "--out", folder / "out"),
    )
    table = pd.read_csv(next(folder.glob("out.trait.glm.*")), sep="\t")
    return table.assign(BETA=table.BETA * np.where(table.A1 == "A", 1, -1))


@needs_plink2
def test_variants_equal_plink2(cohort, tmp_path):
    dosages, effects = cohort[0], cohort[-1]
    theirs = plink2_glm("no-firth", cohort, dosages, tmp_path)
    assert set(theirs.A1) == {"A", "G"}  # PLINK reports the minor allele: both signs are met
    assert theirs.OBS_CT.tolist() == effects.n.tolist()
    assert theirs.BETA[PLANTED] > 0.5
    assert (np.abs(effects.beta - theirs.BETA) / effects.standard_error).max() <= 1e-4
    assert np.abs(effects.neg_log_10_p_value - theirs.LOG10_P).max() <= 0.01


@needs_plink2
def test_firth_equals_plink2(cohort, tmp_path):
    phenotype, null = cohort[2], cohort[3]
    dosages = np.zeros((N, 3), dtype=np.int8)
    for j in range(3):  # separated: nobody with the allele is a control
        dosages[np.flatnonzero(phenotype == 1)[j :: 30 * (j + 1)], j] = 1
    theirs = plink2_glm("firth-fallback", cohort, dosages, tmp_path)
    effects = fit_variants(dosages, null, pairwise_products(null.basis))
    assert effects.firth.all() and (theirs["FIRTH?"] == "Y").all()
    assert (np.abs(effects.beta - theirs.BETA) / effects.standard_error).max() <= 1e-3


def test_separated_variant_is_fitted_by_firth(cohort):
    dosages, _, phenotype, null, _, _ = cohort
    only_cases = np.zeros((N, 2), dtype=np.int8)
    only_cases[np.flatnonzero(phenotype == 1)[:30], 0] = 1
    only_cases[:, 1] = dosages[:, 3]
    effects = fit_variants(only_cases, null, pairwise_products(null.basis))
    assert effects.firth.tolist() == [True, False]
    assert 2 < effects.beta[0] < 10
    assert 3 < effects.neg_log_10_p_value[0] < 30


def test_firth_of_a_two_by_two_table_adds_half_to_each_cell():
    # In a saturated model Firth's estimate is the log odds ratio with 1/2 in each cell.
    genotype = np.repeat([0.0, 1.0, 0.0, 1.0], [40, 0, 55, 9])
    phenotype = np.repeat([0, 0, 1, 1], [40, 0, 55, 9])
    beta, error, z = fit_firth(genotype, phenotype, np.ones((104, 1)), np.zeros(104))
    cells = np.array([[40.5, 0.5], [55.5, 9.5]])
    expected = np.log(cells[0, 0] * cells[1, 1] / (cells[0, 1] * cells[1, 0]))
    assert beta == pytest.approx(expected, abs=1e-5)
    # Information of a group: its people times p (1 - p), with p = (cases + 1/2) / (people + 1).
    p = cells[1] / cells.sum(axis=0)
    assert error == pytest.approx(np.sqrt((1 / (np.array([95, 9]) * p * (1 - p))).sum()), abs=1e-5)
    assert z > 0


def test_firth_equals_direct_maximisation():
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


def test_p_values_do_not_underflow():
    z = np.array([0.0, 1.959963984540054, 100.0, -100.0])
    tail = 5000 + np.log(100 * np.sqrt(2 * np.pi)) - np.log1p(-1e-4 + 3e-8)  # Mills' ratio
    far = (tail - np.log(2)) / np.log(10)
    np.testing.assert_allclose(
        neg_log_10_p(z), [0, -np.log10(0.05), far, far], rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (lambda c: 3.0 + 0 * c.age, "covariate extra is constant"),
        (lambda c: 2.0 * c.age - c.sex, "covariate extra is constant, or a combination"),
    ],
)
def test_redundant_covariate_is_named(cohort, column, message):
    _, covariates, phenotype, null, _, _ = cohort
    with pytest.raises(InputError, match=message):
        fit_null_model(null.iid, phenotype, covariates.assign(extra=column(covariates)))


def test_separating_covariate_is_named(cohort):
    _, covariates, phenotype, null, _, _ = cohort
    with pytest.raises(InputError, match="covariate extra separates"):
        fit_null_model(null.iid, phenotype, covariates.assign(extra=phenotype + 0.0))


def test_null_model_comes_back_from_its_file(cohort, tmp_path):
    null = cohort[3]
    null.save(str(tmp_path / "null.npz"))
    again = load_null_model(str(tmp_path / "null.npz"))
    for name, array in vars(null).items():
        np.testing.assert_array_equal(array, getattr(again, name))
