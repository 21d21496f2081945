"""The GWAS against statsmodels and PLINK 2; its filters, chunks and threads."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from example_association import (
    make_variants,
    needs_plink2,
    run_plink2,
    simulate_covariates,
    simulate_dosages,
    simulate_phenotype,
    write_cohort,
)
from example_structure import N_INFORMATIVE, simulate_groups
from scipy.special import expit

from snpgen.association.firth import fit_firth
from snpgen.association.gwas import ScanSettings, _add_statistics, scan
from snpgen.association.null_model import NullModel, fit_contrasts, fit_null_model, neg_log_10_p
from snpgen.association.tile import FITTED
from snpgen.genetics.hardy_weinberg import hardy_weinberg_p
from snpgen.io.imputation_quality import Info
from snpgen.io.plink import MISSING
from snpgen.io.plink_tables import VARIANT_COLUMNS
from snpgen.io.sumstats import COLUMNS, read_sumstats, write_sumstats

N, M = 600, 150
SETTINGS = ScanSettings(
    min_maf=0.02,
    min_mac=5,
    min_call_rate=0.95,
    min_hwe_p=1e-10,
    min_info=0.8,
    exact_p=1.0,
    firth_mac=0,
)
EVERYTHING = ScanSettings(0.0, 1, 0.0, 0.0, 0.0, 1.0, 0)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """The first 500 individuals are the training set; one variant fails each filter."""
    rng = np.random.default_rng(11)
    dosages = simulate_dosages(N, M, rng, missing=0.01)
    covariates = simulate_covariates(N, rng)
    phenotype = simulate_phenotype(dosages, covariates, {40: 0.9}, rng)
    dosages[rng.random(N) < 0.1, 5] = MISSING
    dosages[:, 6] = 0
    dosages[:5, 6] = 1
    dosages[:, 7] = np.where(dosages[:, 7] == 1, 2, dosages[:, 7])
    dosages[:, 8] = 2
    dosages[:, 10] = dosages[:, 9]
    dosages[phenotype == 1, 11] = 1  # out of equilibrium in cases only: kept
    variants = make_variants(M)
    variants.loc[10] = variants.loc[9]
    fileset = write_cohort(tmp_path_factory.mktemp("gwas") / "cohort", dosages, variants)
    train = np.arange(500)
    iid = fileset.samples.IID.to_numpy(str)[train]
    null, _ = fit_null_model(iid, phenotype[train], covariates.iloc[train])
    return fileset, dosages, train, null


@pytest.fixture(scope="module")
def regular(tmp_path_factory):
    """1,200 individuals, 240 variants with missing calls, some strong and some rare."""
    rng = np.random.default_rng(5)
    n = 1200
    dosages = simulate_dosages(n, 240, rng, missing=0.03)
    for j in range(20, 40):  # rare; the effect allele is the minor or the major one
        dosages[:, j] = rng.binomial(2, 0.01, n)
        if j % 2:
            dosages[:, j] = 2 - dosages[:, j]
    covariates = simulate_covariates(n, rng)
    phenotype = simulate_phenotype(dosages, covariates, {17: 1.6, 50: -0.8, 30: 2.0}, rng)
    fileset = write_cohort(
        tmp_path_factory.mktemp("regular") / "cohort", dosages, make_variants(240)
    )
    null, _ = fit_null_model(fileset.samples.IID.to_numpy(str), phenotype, covariates)
    table, _ = scan(fileset, np.arange(240), np.arange(n), null, EVERYTHING)
    return fileset, dosages, covariates, phenotype, null, table


def test_logistic_equals_statsmodels_on_individuals_with_a_call(regular):
    _, dosages, covariates, phenotype, _, table = regular
    assert (table.test == "logistic").sum() > 230
    for j in [0, 17, 18, 50, *range(20, 40), 60, 120, 239]:
        row, called = table.loc[j], dosages[:, j] != MISSING
        if row.test != "logistic":
            continue
        design = sm.add_constant(covariates[called].assign(g=dosages[called, j]))
        fit = sm.Logit(phenotype[called], design).fit(disp=0, tol=1e-12)
        assert abs(row.beta - fit.params["g"]) <= 2e-5 * fit.bse["g"]
        assert row.standard_error == pytest.approx(fit.bse["g"], rel=1e-5)
        z = fit.params["g"] / fit.bse["g"]
        assert row.neg_log_10_p_value == pytest.approx(neg_log_10_p(z), abs=1e-3)
        n, cases = called.sum(), phenotype[called].sum()
        assert (row.n, row.n_cases) == (n, cases)
        assert row.effect_allele_frequency == pytest.approx(dosages[called, j].mean() / 2)
        assert row.n_effective == pytest.approx(4 / (1 / cases + 1 / (n - cases)))
        for of, who in (("cases", phenotype == 1), ("controls", phenotype == 0)):
            assert row[f"frequency_{of}"] == pytest.approx(dosages[called & who, j].mean() / 2)
        controls = dosages[called & (phenotype == 0), j]
        counts = [int((controls == value).sum()) for value in (0, 1, 2)]
        assert row.hwe_p == pytest.approx(hardy_weinberg_p(*counts))
    assert table.beta[17] > 0.7  # the simulated effects, with their signs
    assert table.beta[50] < -0.5


def test_score_test_is_that_of_rao(regular):
    fileset, dosages, covariates, phenotype, null, table = regular
    screen = ScanSettings(0.0, 1, 0.0, 0.0, 0.0, 1e-3, 0)
    screened, _ = scan(fileset, np.arange(240), np.arange(1200), null, screen)
    weak = screened.test == "score"
    assert 180 < weak.sum() < 240
    # Only variants whose score test is above the threshold lack the exact fit.
    pd.testing.assert_frame_equal(screened[~weak], table[~weak])
    for j in (0, 60, 239):  # with the null model of the individuals with a call
        called = dosages[:, j] != MISSING
        own, _ = fit_null_model(
            np.flatnonzero(called).astype(str), phenotype[called], covariates[called]
        )
        genotype = dosages[called, j].astype(float)
        residual = own.outcome - expit(own.linear_predictor)
        shared = own.basis.T @ (own.weight * genotype)
        information = own.weight @ genotype**2 - shared @ shared
        z = residual @ genotype / np.sqrt(information)
        assert screened.neg_log_10_p_value[j] == pytest.approx(neg_log_10_p(z), abs=5e-3)


def test_firth_is_used_where_few_minor_alleles_are_expected_in_the_smaller_class(regular):
    fileset, dosages, _, phenotype, null, _ = regular
    settings = ScanSettings(0.0, 1, 0.0, 0.0, 0.0, 1.0, 15)
    table, _ = scan(fileset, np.arange(240), np.arange(1200), null, settings)
    called = dosages != MISSING
    copies = np.where(called, dosages, 0).sum(axis=0)
    mac = np.minimum(copies, 2 * called.sum(axis=0) - copies)
    share = ((phenotype == 1)[:, None] & called).sum(axis=0) / called.sum(axis=0)
    few = mac * np.minimum(share, 1 - share) < 15
    assert 10 < few.sum() < 60
    assert (table.test[few] == "firth").all()
    for j in np.flatnonzero(few):
        rows = called[:, j]
        genotype = dosages[rows, j].astype(float)
        beta, error, z = fit_firth(
            genotype, null.outcome[rows], null.basis[rows], null.linear_predictor[rows]
        )
        assert abs(table.beta[j] - beta) <= 1e-3 * error
        assert table.neg_log_10_p_value[j] == pytest.approx(neg_log_10_p(z), abs=1e-3)


def plink2_glm(mode, fileset, covariates, phenotype, folder):
    """Results of PLINK 2, for our effect allele."""
    ids = fileset.samples[["FID", "IID"]].rename(columns={"FID": "#FID"})
    ids.assign(trait=phenotype).to_csv(folder / "pheno", sep="\t", index=False)
    ids.join(covariates).to_csv(folder / "covar", sep="\t", index=False)
    run_plink2(
        *("--bfile", fileset.beds[0].with_suffix("")),
        *("--pheno", folder / "pheno", "--pheno-name", "trait"),
        *("--covar", folder / "covar", "--covar-variance-standardize"),
        *("--glm", *mode, "hide-covar", "log10", "cols=+beta,-orbeta", "--out", folder / "out"),
    )
    table = pd.read_csv(next(folder.glob("out.trait.glm.*")), sep="\t")
    return table.assign(BETA=table.BETA * np.where(table.A1 == "A", 1, -1))


@needs_plink2
def test_logistic_equals_plink2(regular, tmp_path):
    fileset, _, covariates, phenotype, _, table = regular
    plink = plink2_glm(["no-firth"], fileset, covariates, phenotype + 1, tmp_path)
    both = (table.test == "logistic") & (plink.ERRCODE == ".")
    assert both.sum() > 230
    ours, plink = table[both], plink[both]
    assert set(plink.A1) == {"A", "G"}  # PLINK reports the minor allele, so both signs occur
    assert plink.OBS_CT.tolist() == ours.n.tolist()
    assert (np.abs(ours.beta - plink.BETA) / ours.standard_error).max() <= 1e-4
    assert np.abs(ours.neg_log_10_p_value - plink.LOG10_P).max() <= 0.01


@needs_plink2
def test_separated_variants_are_fitted_by_firth_as_by_plink2(regular, tmp_path):
    _, _, covariates, phenotype, null, _ = regular
    dosages = np.zeros((1200, 3), dtype=np.int8)
    for j in range(3):  # all carriers are cases
        dosages[np.flatnonzero(phenotype == 1)[j :: 30 * (j + 1)], j] = 1
    fileset = write_cohort(tmp_path / "separated", dosages, make_variants(3))
    plink = plink2_glm(["firth-fallback"], fileset, covariates, phenotype + 1, tmp_path)
    table, _ = scan(fileset, np.arange(3), np.arange(1200), null, EVERYTHING)
    assert (table.test == "firth").all() and (plink["FIRTH?"] == "Y").all()
    assert (np.abs(table.beta - plink.BETA) / table.standard_error).max() <= 1e-3
    assert (table.beta > 2).all()


def quantitative(regular):
    fileset, dosages, covariates, _, _, _ = regular
    rng = np.random.default_rng(6)
    genotype = np.where(dosages[:, 17] == MISSING, 1, dosages[:, 17])
    value = 170 + 3.0 * genotype + 0.2 * covariates.age.to_numpy() + rng.normal(0, 6, len(dosages))
    iid = fileset.samples.IID.to_numpy(str)
    null, _ = fit_null_model(iid, value, covariates, logistic=False)
    return value, scan(fileset, np.arange(240), np.arange(1200), null, EVERYTHING)[0]


def test_linear_equals_statsmodels(regular):
    _, dosages, covariates, *_ = regular
    value, table = quantitative(regular)
    assert (table.test == "linear").all() and table.n_cases.isna().all()
    for j in [0, 17, 25, 31, 60, 239]:
        called = dosages[:, j] != MISSING
        design = sm.add_constant(covariates[called].assign(g=dosages[called, j]))
        fit = sm.OLS(value[called], design).fit()
        assert abs(table.beta[j] - fit.params["g"]) <= 1e-5 * fit.bse["g"]
        assert table.standard_error[j] == pytest.approx(fit.bse["g"], rel=1e-6)
        assert table.neg_log_10_p_value[j] == pytest.approx(-np.log10(fit.pvalues["g"]), rel=1e-4)
    assert table.beta[17] > 2  # the simulated effect


@needs_plink2
def test_linear_equals_plink2(regular, tmp_path):
    fileset, _, covariates, *_ = regular
    value, table = quantitative(regular)
    plink = plink2_glm([], fileset, covariates, value, tmp_path)
    assert (np.abs(table.beta - plink.BETA) / table.standard_error).max() <= 1e-4
    assert np.abs(table.neg_log_10_p_value - plink.LOG10_P).max() <= 0.01


@pytest.mark.parametrize("loco", [False, True])
def test_contrasts_of_classes_equal_statsmodels(regular, tmp_path, loco):
    fileset, dosages, covariates, phenotype, null, table = regular
    rng = np.random.default_rng(8)
    label = np.where(phenotype == 1, rng.integers(1, 3, 1200), 0)
    site = (label == 2) & (rng.random(1200) < 0.5)  # constant in the first contrast
    null = replace(null, design=np.column_stack([null.design, site]))
    offset = rng.normal(size=1200) if loco else None
    contrasts = fit_contrasts(null, label, ["none", "mild", "severe disease"], offset)
    found, _ = scan(fileset, np.arange(240), np.arange(1200), null, EVERYTHING, None, 2, contrasts)
    assert list(found.columns) == [*COLUMNS, "z_mild", "z_severe disease"]
    pd.testing.assert_frame_equal(found[COLUMNS], table, check_exact=True)
    design = sm.add_constant(covariates.assign(offset=offset) if loco else covariates)
    for index, name in ((1, "z_mild"), (2, "z_severe disease")):
        own = design if index == 1 else design.assign(site=site.astype(float))
        for j in [0, 17, 25, 30, 31, 50, 239]:
            rows = (dosages[:, j] != MISSING) & np.isin(label, [0, index])
            x = own[rows].assign(g=dosages[rows, j])
            fit = sm.OLS((label[rows] == index).astype(float), x).fit()
            assert found[name][j] == pytest.approx(fit.tvalues["g"], abs=1e-3)
    assert found["z_mild"][17] > 5  # the simulated effect
    path = str(tmp_path / "sumstats.tsv.gz")
    write_sumstats(path, found)
    pd.testing.assert_frame_equal(read_sumstats(path), found, rtol=1e-8)


def test_contrasts_of_filtered_and_of_explained_variants_are_missing(cohort, tmp_path):
    _, dosages, train, null = cohort
    label = np.where(null.outcome == 1, 1 + train % 2, 0)
    chosen = dosages[:500, :4].copy()
    chosen[:, 1] = 0
    chosen[:, 2] = np.where(label == 2, 2 - chosen[:, 2], 0)  # monomorphic in classes 0 and 1
    fileset = write_cohort(tmp_path / "few", chosen, make_variants(4))
    null = replace(null, design=np.column_stack([null.design, chosen[:, 3]]))
    contrasts = fit_contrasts(null, label, ["a", "b", "c"])
    table, _ = scan(fileset, np.arange(4), train, null, EVERYTHING, contrasts=contrasts)
    assert table.variant_id.tolist() == ["rs100000", "rs100002", "rs100003"]
    assert table.z_b.isna().tolist() == [False, True, True]
    assert table.z_c.isna().tolist() == [False, False, True]


def test_filters_and_duplicates_are_counted(cohort):
    fileset, dosages, train, null = cohort
    info = pd.Series(1.0, index=fileset.variants.variant_id.unique())
    info["rs100003"] = 0.79
    info = info.drop("rs100004")
    quality = Info(info, pd.DataFrame(columns=["variant_id", "alleles"]))
    table, funnel = scan(fileset, np.arange(M), train, null, SETTINGS, quality)
    assert list(table.columns) == COLUMNS
    assert funnel.step.tolist() == [
        "genotype files",
        "duplicates",
        "imputation quality",
        "call rate",
        "allele frequency",
        "Hardy-Weinberg",
        "regression",
    ]
    assert funnel.dropped.tolist() == [0, 1, 2, 1, 2, 1, 0]
    assert funnel.kept.tolist() == [150, 149, 147, 146, 144, 143, 143]
    gone = set(fileset.variants.variant_id) - set(table.variant_id)
    assert gone == {f"rs1{j:05d}" for j in (3, 4, 5, 6, 7, 8)}
    assert table.variant_id.is_unique
    counts = [int((dosages[train, 11] == value).sum()) for value in (0, 1, 2)]
    assert hardy_weinberg_p(*counts) < SETTINGS.min_hwe_p


@needs_plink2
def test_hardy_weinberg_equals_plink2_in_training_controls(regular, tmp_path):
    """The covariate PC1 has no structure, so all controls are in one group."""
    fileset, _, _, phenotype, null, table = regular
    assert null.homogeneous.all()
    controls = fileset.samples.loc[phenotype == 0, ["FID", "IID"]]
    controls.to_csv(tmp_path / "keep", sep="\t", index=False, header=False)
    bfile = ("--bfile", fileset.beds[0].with_suffix(""))
    run_plink2(*bfile, "--keep", tmp_path / "keep", "--hardy", "--out", tmp_path / "out")
    plink = pd.read_csv(tmp_path / "out.hardy", sep="\t")
    assert plink.ID.tolist() == table.variant_id.tolist()
    np.testing.assert_allclose(table.hwe_p, plink.P, rtol=1e-4)


@pytest.fixture(scope="module")
def structured(tmp_path_factory):
    """Individuals of several ancestries; genotyping errors in the last 100 of 1,500 variants."""
    group, dosages, scores = simulate_groups(seed=3)
    errors = dosages[:, -100:]
    lost = (errors == 1) & (np.random.default_rng(3).random(errors.shape) < 0.4)
    errors[lost] = 2 * np.random.default_rng(4).integers(0, 2, lost.sum())  # allelic dropout
    m = dosages.shape[1]
    fileset = write_cohort(tmp_path_factory.mktemp("structure") / "c", dosages, make_variants(m))
    phenotype = np.random.default_rng(5).integers(0, 2, len(dosages))
    components = pd.DataFrame(scores, columns=[f"pc{number}" for number in range(1, 9)])
    return fileset, dosages, group, phenotype, components


def passed_hardy_weinberg(structured, logistic, components):
    fileset, dosages, _, phenotype, _ = structured
    iid = fileset.samples.IID.to_numpy(str)
    null, _ = fit_null_model(iid, phenotype, components, logistic)
    m = dosages.shape[1]
    settings = replace(EVERYTHING, min_hwe_p=1e-10)
    table, _ = scan(fileset, np.arange(m), np.arange(len(iid)), null, settings)
    return np.isin(fileset.variants.variant_id, table.variant_id), table


@pytest.mark.parametrize("logistic", [True, False])
def test_ancestry_informative_variants_pass_and_genotyping_errors_fail(structured, logistic):
    _, dosages, group, phenotype, components = structured
    passed, table = passed_hardy_weinberg(structured, logistic, components)
    assert passed[:-100].all()
    in_large = dosages[group == "large", -100:]
    common = np.abs(in_large.mean(axis=0) - 1) < 0.8
    assert common.sum() > 60 and not passed[-100:][common].any()
    tested = (group == "large") & ((phenotype == 0) | (not logistic))
    for j in (0, 100):
        counts = [int((dosages[tested, j] == value).sum()) for value in (0, 1, 2)]
        assert table.hwe_p[j] == pytest.approx(hardy_weinberg_p(*counts))
    # Without components, the test in all individuals would remove informative variants.
    crude, _ = passed_hardy_weinberg(structured, logistic, pd.DataFrame(index=components.index))
    assert crude[:N_INFORMATIVE].mean() < 0.1


@pytest.mark.parametrize("logistic", [True, False])
def test_every_statistic_is_a_column_of_the_summary_statistics(cohort, logistic):
    *_, null = cohort
    null, _ = fit_null_model(null.iid, null.outcome, pd.DataFrame(index=null.iid), logistic)
    fitted = pd.DataFrame([dict.fromkeys(FITTED, 1.0) | {"n": 500, "n_cases": 200}])
    produced = [*VARIANT_COLUMNS, *_add_statistics(fitted, null)]
    assert sorted(produced) == sorted(COLUMNS)


def test_results_depend_neither_on_chunks_nor_on_threads(cohort):
    fileset, _, train, null = cohort
    once, funnel = scan(fileset, np.arange(M), train, null, SETTINGS)
    again, _ = scan(fileset, np.arange(M), train, null, SETTINGS, threads=3)
    pd.testing.assert_frame_equal(again, once, check_exact=True)
    for jobs in (2, 7, 40):  # some of 7 and 40 cut between the two copies of a variant
        parts = [
            scan(fileset, rows, train, null, SETTINGS)
            for rows in np.array_split(np.arange(M), jobs)
        ]
        together = pd.concat([table for table, _ in parts], ignore_index=True)
        pd.testing.assert_frame_equal(together, once, check_exact=True)
        assert sum(part.dropped for _, part in parts).tolist() == funnel.dropped.tolist()


def test_results_do_not_depend_on_the_order_of_individuals(cohort):
    fileset, _, train, null = cohort
    order = np.random.default_rng(1).permutation(len(train))
    arrays = (null.iid, null.outcome, null.design, null.linear_predictor, null.basis)
    shuffled = NullModel(*(array[order] for array in (*arrays, null.homogeneous)))
    once, _ = scan(fileset, np.arange(M), train, null, SETTINGS)
    again, _ = scan(fileset, np.arange(M), train[order], shuffled, SETTINGS)
    pd.testing.assert_frame_equal(again, once, check_exact=True)


def test_results_do_not_depend_on_individuals_outside_training(cohort, tmp_path):
    fileset, dosages, train, null = cohort
    changed = dosages.copy()
    changed[500:] = np.random.default_rng(0).integers(0, 3, changed[500:].shape)
    other = write_cohort(tmp_path / "changed", changed, fileset.variants)
    before = scan(fileset, np.arange(M), train, null, SETTINGS)[0]
    after = scan(other, np.arange(M), train, null, SETTINGS)[0]
    pd.testing.assert_frame_equal(before, after, check_exact=True)


def test_variant_explained_by_covariates_is_dropped(cohort, tmp_path):
    _, dosages, train, null = cohort
    covariates = pd.DataFrame({"g": dosages[train, 0].astype(float)})
    twin, _ = fit_null_model(null.iid, null.outcome, covariates)
    fileset = write_cohort(tmp_path / "twin", dosages[:500, :2].copy(), make_variants(2))
    fitted, funnel = scan(fileset, np.arange(2), train, twin, EVERYTHING)
    assert fitted.variant_id.tolist() == ["rs100001"]
    assert funnel.dropped.iloc[-1] == 1


def test_chromosome_where_no_variant_passes_gives_an_empty_table(cohort):
    fileset, _, train, null = cohort
    table, funnel = scan(fileset, np.array([8]), train, null, EVERYTHING)  # monomorphic
    assert len(table) == 0 and list(table.columns) == COLUMNS
    assert funnel.kept.tolist() == [1, 1, 1, 1, 0, 0, 0]
