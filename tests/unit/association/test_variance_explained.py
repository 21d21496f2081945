"""Scores against plain sums, and their R2 against the simulated variance of liability."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from example_association import make_samples, make_variants, write_cohort
from scipy.stats import norm

from snpgen.association.selection import PanelSettings
from snpgen.association.variance_explained import (
    describe_variance_explained,
    incremental_r2,
    liability_r2,
    measure_variance_explained,
    score_samples,
)
from snpgen.io.plink import MISSING

SETTINGS = PanelSettings(2, 64, 1024, max_p=1.0, clump_kb=10, clump_r2=0.5, max_per_locus=None)


@pytest.mark.parametrize("prevalence", [0.01, 0.2, 0.5])
def test_liability_r2_of_a_population_sample_equals_dempster_and_lerner(prevalence):
    height = norm.pdf(norm.isf(prevalence))
    expected = 0.05 * prevalence * (1 - prevalence) / height**2
    assert liability_r2(0.05, prevalence, prevalence) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("prevalence", "case_share"), [(0.3, 0.3), (0.05, 0.05), (0.05, 0.5)])
def test_liability_r2_equals_the_simulated_variance_explained(prevalence, case_share):
    """Also if cases are oversampled."""
    rng = np.random.default_rng(4)
    n, explained = 1_000_000, 0.2
    score = rng.normal(0, np.sqrt(explained), n)
    case = score + rng.normal(0, np.sqrt(1 - explained), n) > norm.isf(prevalence)
    cases, controls = np.flatnonzero(case), np.flatnonzero(~case)
    controls = controls[: int(len(cases) * (1 - case_share) / case_share)]
    samples = np.concatenate([cases, controls])
    observed = np.corrcoef(case[samples], score[samples])[0, 1] ** 2
    found = liability_r2(observed, prevalence, case[samples].mean())
    assert found == pytest.approx(explained, rel=0.02)


def test_incremental_r2_is_the_difference_between_two_regressions():
    rng = np.random.default_rng(5)
    covariates = rng.normal(size=(400, 3)) * [1, 0.01, 50] + 1000
    score = covariates[:, 0] + rng.normal(size=400)
    phenotype = (score + covariates[:, 1] + rng.normal(size=400) > 2001).astype(int)
    without = sm.OLS(phenotype, sm.add_constant(covariates)).fit().rsquared
    both = sm.OLS(phenotype, sm.add_constant(np.column_stack([covariates, score]))).fit().rsquared
    assert both - without > 0.01
    assert incremental_r2(phenotype, score, covariates) == pytest.approx(both - without, rel=1e-8)
    collinear = np.column_stack([covariates, covariates[:, 1] * 2, np.full(400, 7)])
    assert incremental_r2(phenotype, score, collinear) == pytest.approx(both - without, rel=1e-6)
    assert incremental_r2(phenotype, 3 * covariates[:, 2], covariates) == 0
    assert np.isnan(incremental_r2(np.ones(400), score, covariates))


def test_scores_are_sums_of_weighted_dosages(tmp_path):
    rng = np.random.default_rng(6)
    n, m = 5000, 300  # more than a tile of individuals and a chunk of variants
    dosages = rng.integers(0, 3, (n, m)).astype(np.int8)
    dosages[rng.random((n, m)) < 0.1] = MISSING
    fileset = write_cohort(tmp_path / "cohort", dosages, make_variants(m))
    samples = rng.permutation(n)[:4500]
    rows = np.sort(rng.permutation(m)[:200])
    weights, frequency = rng.normal(size=(200, 2)), rng.random(200)
    here = dosages[np.ix_(samples, rows)]
    expected = np.where(here == MISSING, 2 * frequency, here) @ weights
    found = score_samples(fileset, rows, samples, weights, frequency)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A liability of which 60 variants explain 0.3, the panel's 20 of them 0.2, a covariate 0.1.

    Each variant has a copy nearby, which clumping must remove.
    """
    rng = np.random.default_rng(7)
    n, m, prevalence = 20_000, 60, 0.3
    frequency = rng.uniform(0.2, 0.8, m)
    dosages = rng.binomial(2, frequency, (n, m)).astype(np.int8)
    share = np.concatenate([np.full(20, 0.2 / 20), np.full(40, 0.1 / 40)])
    beta = np.sqrt(share / (2 * frequency * (1 - frequency))) * rng.choice([-1, 1], m)
    covariate = rng.normal(0, np.sqrt(0.1), n)
    liability = (dosages - 2 * frequency) @ beta + covariate + rng.normal(0, np.sqrt(0.6), n)
    case = (liability > norm.isf(prevalence)).astype(int)

    table = pd.concat([make_variants(m, chromosome, 20_000) for chromosome in ("1", "2")])
    table = table.sort_values(["variant_id"]).iloc[:m].reset_index(drop=True)
    table["neg_log_10_p_value"] = rng.exponential(2, m)
    table = pd.concat([table, table]).sort_index(kind="stable").reset_index(drop=True)
    table.loc[1::2, "position"] += 100
    table.loc[1::2, "variant_id"] += "copy"
    table.loc[1::2, "neg_log_10_p_value"] /= 2
    table["beta"] = np.repeat(beta, 2)
    table["beta_corrected"] = 0.5 * table.beta + 0.1 * np.abs(table.beta)
    table["effect_allele_frequency"] = np.repeat(frequency, 2)
    dosages = np.repeat(dosages, 2, axis=1)
    dosages[10_000:16_000, 1::2] = dosages[
        15_999:9_999:-1, 1::2
    ]  # not copies in the validation set
    dosages[rng.random(dosages.shape) < 0.005] = MISSING
    folder = tmp_path_factory.mktemp("planted")
    fileset = write_cohort(folder / "cohort", dosages, table)
    samples = make_samples(n)[["IID"]].assign(
        split=np.repeat(["train", "validation", "test"], [10_000, 6_000, 4_000]), phenotype=case
    )
    samples = samples.sample(frac=1, random_state=1)
    return fileset, table, samples, covariate[samples.index]


def test_liability_r2_of_panel_and_genome_equals_the_simulated_one(planted):
    fileset, table, samples, covariate = planted
    not_test = (samples.split != "test").to_numpy()
    explained = measure_variance_explained(
        fileset, table, table.iloc[:40:2], samples[not_test], covariate[not_test, None], SETTINGS
    )
    assert explained.split.tolist() == ["train", "train", "validation", "validation"]
    assert explained.n.tolist() == [10_000, 10_000, 6_000, 6_000]
    assert (explained.panel_variants == 20).all() and (explained.genome_wide_variants == 60).all()
    cases = samples.phenotype[samples.split == "train"]
    assert explained.n_cases[0] == cases.sum() and (explained.prevalence == cases.mean()).all()
    marginal = explained[explained.effects == "marginal"]
    for row in marginal.itertuples():
        assert abs(row.panel_liability_r2 - 0.2) < 3 * row.panel_standard_error < 0.08
        assert abs(row.genome_wide_liability_r2 - 0.3) < 3 * row.genome_wide_standard_error < 0.08
        assert row.liability_r2_ratio == pytest.approx(
            row.panel_liability_r2 / row.genome_wide_liability_r2
        )
    corrected = explained[explained.effects == "corrected"]
    assert (corrected.panel_liability_r2.to_numpy() < marginal.panel_liability_r2.to_numpy()).all()
    strong = replace(SETTINGS, max_p=1e-3)
    fewer = measure_variance_explained(
        fileset, table, table.iloc[:40:2], samples[not_test], covariate[not_test, None], strong, 2
    )
    assert fewer.genome_wide_variants[0] == (table.neg_log_10_p_value[::2] >= 3).sum()
    assert (fewer.panel_liability_r2 == explained.panel_liability_r2).all()


def test_standard_error_is_the_standard_deviation_over_samples():
    rng = np.random.default_rng(9)
    found, errors = [], []
    for _ in range(300):
        score = rng.normal(0, np.sqrt(0.2), 800)
        case = (score + rng.normal(0, np.sqrt(0.8), 800) > 0.5).astype(int)
        scores = dict.fromkeys(["panel", "genome_wide"], np.column_stack([score, score]))
        explained = describe_variance_explained(
            scores,
            {"panel": 1, "genome_wide": 1},
            np.repeat(["train", "validation"], 400),
            case,
            np.ones((800, 1)),
        )
        found.append(explained.panel_liability_r2[0])
        errors.append(explained.panel_standard_error[0])
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.15)
    assert np.mean(found) == pytest.approx(0.2, abs=0.015)
