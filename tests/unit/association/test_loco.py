"""Leave-one-chromosome-out prediction: families, simulated effects, explicit ridge regressions."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from example_association import make_samples, make_variants, write_cohort
from scipy.special import expit
from scipy.stats import chi2
from sklearn.linear_model import LogisticRegression, Ridge

from snpgen.association import loco
from snpgen.association.loco import FOLDS, fit_loco, load_offset, save_loco
from snpgen.association.null_model import NullModel, fit_null_model
from snpgen.genetics.pca import standardise
from snpgen.io.plink import MISSING, allele_frequency
from snpgen.messages import Code, InputError

FAMILIES, SIBS, CHROMOSOMES, M = 60, 12, 6, 150  # M per chromosome
N = FAMILIES * SIBS
NAMES = [str(number + 1) for number in range(CHROMOSOMES)]
VARIANTS = pd.concat([make_variants(M, name) for name in NAMES], ignore_index=True)
PLANTED = M // 2  # on chromosome 1; polygenic effects are on 4, 5 and 6


def simulate_sibships(rng: np.random.Generator) -> np.ndarray:
    """Dosages of large sibships; chromosomes of one Morgan, without crossover interference."""
    m = CHROMOSOMES * M
    parents = rng.random((FAMILIES, 2, 2, m)) < rng.uniform(0.2, 0.8, m)
    crossed = rng.random((N, 2, m)) < 1 / M
    crossed[:, :, ::M] = rng.random((N, 2, CHROMOSOMES)) < 0.5
    strand = np.cumsum(crossed, axis=2) % 2
    family = np.repeat(np.arange(FAMILIES), SIBS)
    gametes = [
        np.where(strand[:, parent] == 0, parents[family, parent, 0], parents[family, parent, 1])
        for parent in (0, 1)
    ]
    dosages = (gametes[0].astype(np.int8) + gametes[1]).astype(np.int8)
    dosages[rng.random(dosages.shape) < 0.01] = MISSING
    return dosages


def simulate_liability(
    dosages: np.ndarray, heritability: float, rng: np.random.Generator
) -> np.ndarray:
    polygenic = dosages[:, 3 * M :].clip(0) @ rng.normal(size=3 * M)
    polygenic = (polygenic - polygenic.mean()) / polygenic.std()
    planted = dosages[:, PLANTED].clip(0) - dosages[:, PLANTED].clip(0).mean()
    noise = rng.normal(size=len(dosages))
    return np.sqrt(heritability) * polygenic + 0.8 * planted + np.sqrt(1 - heritability) * noise


def fit_null(trait: np.ndarray, rng: np.random.Generator) -> NullModel:
    """Null model of a phenotype with 30 % cases and an unrelated covariate."""
    phenotype = (trait > np.quantile(trait, 0.7)).astype(np.int8)
    covariates = pd.DataFrame({"age": rng.normal(size=N)})
    return fit_null_model(make_samples(N).IID.to_numpy(), phenotype, covariates)[0]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """Fileset of the sibships and 40 other individuals, dosages, null model, offsets."""
    rng = np.random.default_rng(8)
    dosages = simulate_sibships(rng)
    trait = simulate_liability(dosages, 0.5, rng)
    all_samples = np.vstack([dosages, rng.integers(0, 3, (40, dosages.shape[1]), dtype=np.int8)])
    fileset = write_cohort(tmp_path_factory.mktemp("loco") / "cohort", all_samples, VARIANTS)
    null = fit_null(trait, rng)
    return fileset, dosages, trait, null, fit(fileset, dosages, null)


def fit(fileset, dosages, null: NullModel, seed: int = 1, chromosomes=tuple(NAMES)) -> np.ndarray:
    return fit_loco(
        fileset,
        np.arange(dosages.shape[1]),
        allele_frequency(dosages),
        np.arange(len(dosages)),
        null,
        list(chromosomes),
        seed,
    )


def score_z(dosages: np.ndarray, null: NullModel, offset: np.ndarray | None = None) -> np.ndarray:
    """Score tests of all variants."""
    if offset is not None:
        null = null.with_offset(offset.astype(float))
    genotype = standardise(dosages, allele_frequency(dosages)).astype(float)
    probability = expit(null.linear_predictor)
    genotype -= null.basis @ (null.basis.T @ (null.weight[:, None] * genotype))
    return (null.outcome - probability) @ genotype / np.sqrt(null.weight @ genotype**2)


def inflation(z: np.ndarray) -> float:
    return float(np.median(z**2) / chi2.ppf(0.5, 1))


def unlinked_z(
    dosages: np.ndarray, null: NullModel, offset: np.ndarray | None = None
) -> np.ndarray:
    """Score tests on chromosomes 2 and 3, which have no effects."""
    columns = [None] * CHROMOSOMES if offset is None else offset.T
    tests = [score_z(dosages[:, M * j : M * (j + 1)], null, columns[j]) for j in (1, 2)]
    return np.concatenate(tests)


def test_inflation_due_to_families_falls(cohort) -> None:
    _, dosages, _, null, offset = cohort
    assert inflation(unlinked_z(dosages, null)) > 1.5
    assert 0.6 < inflation(unlinked_z(dosages, null, offset)) < 1.1


def test_effect_is_kept_because_its_own_chromosome_is_left_out(cohort) -> None:
    fileset, dosages, _, null, offset = cohort
    planted = dosages[:, [PLANTED]]
    plain = score_z(planted, null)[0]
    adjusted = score_z(planted, null, offset[:, 0])[0]
    assert adjusted > plain / np.sqrt(inflation(unlinked_z(dosages, null)))
    # The offset of a chromosome without variants is the whole prediction, which removes the effect.
    whole = fit(fileset, dosages, null, chromosomes=[*NAMES, "7"])
    np.testing.assert_allclose(whole[:, :CHROMOSOMES], offset, rtol=1e-5, atol=1e-6)
    lost = score_z(planted, null, whole[:, CHROMOSOMES])[0]
    assert lost < 0.8 * adjusted


def test_unrelated_individuals_have_unchanged_tests(tmp_path) -> None:
    rng = np.random.default_rng(5)
    dosages = rng.binomial(2, rng.uniform(0.2, 0.8, CHROMOSOMES * M), (N, CHROMOSOMES * M))
    dosages = dosages.astype(np.int8)
    trait = simulate_liability(dosages, 0.5, rng)
    fileset = write_cohort(tmp_path / "cohort", dosages, VARIANTS)
    null = fit_null(trait, rng)
    offset = fit(fileset, dosages, null)
    plain = inflation(unlinked_z(dosages, null))
    assert inflation(unlinked_z(dosages, null, offset)) == pytest.approx(plain, abs=0.1)
    planted = dosages[:, [PLANTED]]
    adjusted = score_z(planted, null, offset[:, 0])[0]
    assert adjusted > 0.95 * score_z(planted, null)[0]


def test_offset_never_fits_worse_than_none(cohort) -> None:
    fileset, dosages, _, null, _ = cohort
    outcome = np.random.default_rng(4).permutation(null.outcome)
    covariates = pd.DataFrame({"age": null.design[:, 1]})
    random, _ = fit_null_model(null.iid, outcome, covariates)

    def loss(predictor: np.ndarray) -> float:
        return float((np.logaddexp(0, predictor) - outcome * predictor).sum())

    for column in fit(fileset, dosages, random).T:
        fitted = random.with_offset(column.astype(float)).linear_predictor
        assert loss(fitted) < loss(random.linear_predictor) + 1e-3


def test_only_training_samples_are_read_and_the_seed_fixes_the_bytes(cohort, tmp_path) -> None:
    fileset, dosages, _, null, offset = cohort
    rng = np.random.default_rng(9)
    others = rng.integers(0, 3, (40, dosages.shape[1]), dtype=np.int8)
    changed = write_cohort(tmp_path / "cohort", np.vstack([dosages, others]), fileset.variants)
    assert fit(changed, dosages, null).tobytes() == offset.tobytes()
    assert not np.array_equal(fit(fileset, dosages, null, seed=2), offset)
    assert offset.shape == (N, CHROMOSOMES) and offset.dtype == np.float32


def test_quantitative_trait(cohort) -> None:
    fileset, dosages, trait, null, _ = cohort
    covariates = pd.DataFrame({"age": null.design[:, 1]})
    linear, _ = fit_null_model(null.iid, 10 * trait + 50, covariates, logistic=False)
    residual = linear.outcome - linear.linear_predictor
    offset = fit(fileset, dosages, linear)
    for column in offset.T:
        slope, correlation = np.polyfit(column, residual, 1)[0], np.corrcoef(column, residual)[0, 1]
        assert correlation > 0.3 and 0.9 < slope < 1.6  # REGENIE's shrinkage is strong


def test_level_0_is_ridge_regression_on_the_other_folds() -> None:
    rng = np.random.default_rng(3)
    n, b = 83, 7
    dosages = rng.integers(0, 3, (n, b)).astype(np.int8)
    dosages[rng.random((n, b)) < 0.05] = MISSING
    frequency = allele_frequency(dosages)
    covariates = np.linalg.qr(rng.normal(size=(n, 3)))[0]
    residual = rng.normal(size=n)
    folds = np.linspace(0, n, FOLDS + 1).astype(int)
    penalties = np.array([0.5, 20.0])
    out = np.empty((n, 2), dtype=np.float32)
    loco._predict_from_block(
        dosages,
        frequency,
        residual.astype(np.float32),
        covariates.astype(np.float32),
        folds,
        penalties,
        out,
    )
    z = standardise(dosages, frequency).astype(float)
    z -= covariates @ (covariates.T @ z)
    z /= np.sqrt((z**2).mean(axis=0))
    for start, stop in pairwise(folds):
        others = np.r_[0:start, stop:n]
        for column, penalty in enumerate(penalties):
            gram = z[others].T @ z[others] + penalty * np.eye(b)
            expected = z[start:stop] @ np.linalg.solve(gram, z[others].T @ residual[others])
            np.testing.assert_allclose(out[start:stop, column], expected, atol=1e-5)


@pytest.mark.parametrize("binary", [True, False])
def test_level_1_is_ridge_regression_on_the_other_folds(binary, monkeypatch) -> None:
    monkeypatch.setattr(loco, "HERITABILITIES", np.array([0.1]))
    rng = np.random.default_rng(4)
    n, k = 11_000, 4  # several tiles in a fold
    x = rng.normal(size=(n, k)).astype(np.float32)
    log_odds = x @ [1, -0.5, 0, 0.2]
    y = (rng.random(n) < expit(log_odds)) if binary else log_odds + rng.normal(size=n)
    folds = np.linspace(0, n, FOLDS + 1).astype(int)
    theta = loco._fit_level_1(x, folds, y.astype(float), np.zeros(n), binary)
    for coefficients, (first, last) in zip(theta, pairwise(folds), strict=True):
        others = np.r_[0:first, last:n]
        if binary:
            model = LogisticRegression(C=3 / np.pi**2 / 36, fit_intercept=False, tol=1e-10)
        else:
            model = Ridge(36, fit_intercept=False)  # penalty k (1 - h2) / h2
        expected = model.fit(x[others].astype(float), y[others]).coef_.ravel()
        np.testing.assert_allclose(coefficients, expected, atol=2e-6)


def test_offset_that_separates_cases_from_controls_is_not_scaled(cohort, monkeypatch) -> None:
    """As for a phenotype that one variant determines: the slope has no maximum."""
    fileset, dosages, _, null, _ = cohort
    perfect = (20 * null.outcome - 10)[:, None].astype(np.float32)

    def predict(fileset, rows, frequency, samples, outcome, *arguments):
        return (20 * outcome - 10)[:, None].astype(np.float32), np.array(["1"])

    monkeypatch.setattr(loco, "_fit_level_0", predict)
    monkeypatch.setattr(loco, "_fit_level_1", lambda *arguments: np.ones((FOLDS, 1), np.float32))
    np.testing.assert_array_equal(fit(fileset, dosages, null, chromosomes=("2",)), perfect)


def test_blocks_stay_on_their_chromosome_and_are_bounded(monkeypatch) -> None:
    chromosome = np.repeat(["2", "1"], [2_500, 400])
    blocks = loco._make_blocks(chromosome)
    assert [len(block) for block in blocks] == [834, 833, 833, 400]
    np.testing.assert_array_equal(np.concatenate(blocks), np.arange(2_900))
    monkeypatch.setattr(loco, "MAX_BLOCKS", 2)
    assert [len(block) for block in loco._make_blocks(chromosome)] == [1_250, 1_250, 400]


def test_folds_are_stratified_by_class() -> None:
    phenotype = np.repeat([1, 0], [12, 91])
    order, folds = loco.assign_folds(phenotype, True, seed=5)
    assert sorted(order) == list(range(103))
    by_fold = np.split(phenotype[order], folds[1:-1])
    assert {int(part.sum()) for part in by_fold} == {2, 3}
    assert {len(part) for part in by_fold} == {20, 21}


def test_variants_on_one_chromosome_are_refused(cohort) -> None:
    fileset, dosages, _, null, _ = cohort
    with pytest.raises(InputError) as error:
        fit(fileset, dosages[:, :M], null)
    assert (error.value.code, error.value.key) == (Code.LOCO_CHROMOSOMES, "gwas.loco")


def test_offsets_are_saved_and_loaded(cohort, tmp_path) -> None:
    *_, null, offset = cohort
    save_loco(str(tmp_path / "loco.npz"), null.iid, NAMES, offset)
    read = load_offset(str(tmp_path / "loco.npz"), "5")
    np.testing.assert_array_equal(read, offset[:, 4])
    assert read.dtype == np.float64
    with np.load(tmp_path / "loco.npz", allow_pickle=False) as arrays:
        assert arrays["iid"].tolist() == null.iid.tolist()
