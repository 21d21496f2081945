"""Principal components against exact decompositions and PLINK 2."""

import numpy as np
import pandas as pd
import pytest
from example_association import make_variants, needs_plink2, run_plink2, write_cohort
from scipy.linalg import orthogonal_procrustes, subspace_angles
from sklearn.decomposition import PCA

from snpgen.genetics.ld import outside_regions
from snpgen.genetics.pca import (
    choose_variants,
    correct_shrinkage,
    decompose,
    fit_components,
    project,
    score,
    supported_count,
)
from snpgen.io.plink import MISSING, allele_frequency

N, M, TRAIN, COUNT = 420, 700, 300, 4
NO_REGIONS = pd.DataFrame(columns=["chromosome", "start", "end"])


def draw_populations(n: int, m: int, missing: float) -> np.ndarray:
    """Dosages of five populations with different allele frequencies."""
    rng = np.random.default_rng(3)
    ancestral = rng.uniform(0.1, 0.9, m)
    frequency = np.clip(ancestral + rng.normal(0, 0.12, (5, m)), 0.02, 0.98)
    dosages = rng.binomial(2, frequency[np.arange(n) % 5]).astype(np.int8)
    dosages[rng.random((n, m)) < missing] = MISSING
    return dosages


def standardise(dosages: np.ndarray, p: np.ndarray) -> np.ndarray:
    z = (dosages - 2 * p) / np.sqrt(2 * p * (1 - p))
    return np.where(dosages == MISSING, 0, z)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    dosages = draw_populations(N, M, 0.02)
    fileset = write_cohort(tmp_path_factory.mktemp("pca") / "cohort", dosages, make_variants(M))
    train = np.arange(TRAIN)
    frequency = allele_frequency(dosages[train])
    components = fit_components(fileset, np.arange(M), train, frequency, COUNT, seed=1)
    return fileset, dosages, train, frequency, components


def test_components_equal_the_exact_decomposition(cohort):
    _, dosages, train, frequency, components = cohort
    _, singular, right = np.linalg.svd(standardise(dosages[train], frequency), full_matrices=False)
    assert subspace_angles(components.loadings, right[:COUNT].T).max() < 1e-3
    np.testing.assert_allclose(components.eigenvalues, singular[:COUNT] ** 2 / M, rtol=1e-5)
    np.testing.assert_allclose(
        components.loadings.T @ components.loadings, np.eye(COUNT), atol=1e-9
    )
    for ours, exact in zip(components.loadings.T, right, strict=False):
        assert abs(ours @ exact) > 1 - 1e-5
        assert ours[np.abs(ours).argmax()] > 0


def test_dosages_in_memory_and_filesets_have_the_same_components(cohort, monkeypatch):
    _, dosages, train, frequency, streamed = cohort
    monkeypatch.setattr("snpgen.genetics.pca.TILE", 128)  # three tiles
    constant = np.ones((N, 1), np.int8) * 2
    components = decompose(np.hstack([constant, dosages])[train], COUNT)
    np.testing.assert_array_equal(components.rows, np.arange(1, M + 1))
    np.testing.assert_array_equal(components.frequency, frequency)
    np.testing.assert_allclose(components.eigenvalues, streamed.eigenvalues, rtol=1e-5)
    z = standardise(dosages, frequency)
    _, singular, right = np.linalg.svd(z[train], full_matrices=False)
    np.testing.assert_allclose(components.eigenvalues, singular[:COUNT] ** 2 / M, rtol=1e-6)
    signs = np.sign(np.sum(right[:COUNT].T * streamed.loadings, axis=0))
    np.testing.assert_allclose(components.loadings, right[:COUNT].T * signs, atol=1e-5)
    np.testing.assert_allclose(
        score(np.hstack([constant, dosages]), components), z @ components.loadings, atol=1e-4
    )


def test_all_individuals_are_projected_on_the_training_components(cohort):
    fileset, dosages, train, frequency, components = cohort
    all_samples = np.arange(N)[::-1]
    fitted = all_samples < TRAIN
    scores = project(fileset, components, all_samples, fitted)
    expected = standardise(dosages[all_samples], frequency) @ components.loadings
    np.testing.assert_allclose(scores[fitted], expected[fitted], atol=1e-3)
    assert np.abs(scores[~fitted] - expected[~fitted]).max() > 0.1
    # With training genotypes that have mean 0, scikit-learn's components are the same.
    z = standardise(dosages[train], frequency)
    z -= z.mean(axis=0)
    reference = PCA(COUNT, svd_solver="full").fit_transform(z)
    ours = scores[::-1][:TRAIN]
    for j in range(COUNT):
        assert abs(np.corrcoef(ours[:, j], reference[:, j])[0, 1]) > 1 - 1e-6


def test_correction_equals_the_decomposition_with_the_individual_added() -> None:
    rng = np.random.default_rng(2)
    n, m, k = 30, 200, 3
    x = rng.normal(size=(n, m)) + np.outer(rng.normal(size=n), rng.normal(size=m))
    left, singular, right = np.linalg.svd(x, full_matrices=False)
    scores = left[:, :k] * singular[:k]
    samples = rng.normal(size=(4, m))
    corrected = correct_shrinkage(samples @ right[:k].T, (samples**2).sum(axis=1), singular[:k])
    for sample, ours in zip(samples, corrected, strict=True):
        reduced = np.vstack([scores @ right[:k], sample])  # OADP keeps k components of those fitted
        u, s, _ = np.linalg.svd(reduced, full_matrices=False)
        augmented = u[:, :k] * s[:k]
        turn, _ = orthogonal_procrustes(augmented[:n], scores)
        scale = np.trace(turn.T @ augmented[:n].T @ scores) / (augmented[:n] ** 2).sum()
        np.testing.assert_allclose(ours, scale * augmented[n] @ turn, atol=1e-9)


def test_projected_scores_have_the_spread_of_fitted_scores(tmp_path) -> None:
    """Two populations with an FST of 0.005: half of the individuals fitted, the others projected."""
    rng = np.random.default_rng(1)
    n, m = 400, 4_000
    ancestral = rng.uniform(0.2, 0.8, m)
    drift = rng.normal(size=(2, m)) * np.sqrt(0.005 * ancestral * (1 - ancestral))
    population = np.arange(n) % 2
    dosages = rng.binomial(2, (ancestral + drift)[population]).astype(np.int8)
    fileset = write_cohort(tmp_path / "cohort", dosages, make_variants(m))
    train, fitted = np.arange(n // 2), np.arange(n) < n // 2
    frequency = allele_frequency(dosages[train])
    components = fit_components(fileset, np.arange(m), train, frequency, 1, seed=1)
    scores = project(fileset, components, np.arange(n), fitted)[:, 0]
    plain = (standardise(dosages, frequency) @ components.loadings)[:, 0]

    def gap(values: np.ndarray, samples: np.ndarray) -> float:
        return abs(
            values[samples & (population == 1)].mean() - values[samples & (population == 0)].mean()
        )

    assert gap(plain, ~fitted) < 0.75 * gap(scores, fitted)
    assert gap(scores, ~fitted) == pytest.approx(gap(scores, fitted), rel=0.07)


def test_test_individuals_do_not_change_the_components(cohort, tmp_path):
    _, dosages, train, _, components = cohort
    changed = dosages.copy()
    changed[TRAIN:] = np.random.default_rng(0).integers(0, 3, changed[TRAIN:].shape)
    fileset = write_cohort(tmp_path / "changed", changed, make_variants(M))
    rows, frequency = choose_variants(
        fileset,
        np.arange(M),
        train,
        NO_REGIONS,
        min_call_rate=0,
        min_maf=0,
        prune_r2=1,
        prune_kb=500,
    )
    again = fit_components(fileset, rows, train, frequency, COUNT, seed=1)
    for name, array in vars(components).items():
        assert getattr(again, name).tobytes() == array.tobytes(), name
    # The score of an individual does not depend on other projected individuals.
    one = project(fileset, components, np.array([TRAIN + 5]), np.array([False]))
    many = project(fileset, components, np.arange(N), np.arange(N) < TRAIN)
    np.testing.assert_allclose(one[0], many[TRAIN + 5], atol=1e-4)


@needs_plink2
def test_components_equal_plink2(tmp_path):
    dosages = draw_populations(200, 400, missing=0.0)
    fileset = write_cohort(tmp_path / "cohort", dosages, make_variants(400))
    samples = np.arange(200)
    components = fit_components(
        fileset, np.arange(400), samples, allele_frequency(dosages), COUNT, seed=1
    )
    run_plink2("--bfile", tmp_path / "cohort", "--pca", str(COUNT), "--out", tmp_path / "out")
    theirs = pd.read_csv(tmp_path / "out.eigenvec", sep="\t")[[f"PC{j + 1}" for j in range(COUNT)]]
    scores = project(fileset, components, samples, np.ones(200, dtype=bool))
    assert subspace_angles(scores, theirs.to_numpy()).max() < 1e-3
    eigenvalues = np.loadtxt(tmp_path / "out.eigenval")
    np.testing.assert_allclose(components.eigenvalues, eigenvalues, rtol=1e-3)


def test_variants_are_common_pruned_and_outside_long_range_ld(tmp_path):
    rng = np.random.default_rng(6)
    dosages = rng.binomial(2, 0.4, (200, 60)).astype(np.int8)
    dosages[:, 1] = dosages[:, 0]
    dosages[:, 2] = rng.binomial(2, 0.01, 200)
    dosages[150:, 2] = 2  # common, but not in training
    dosages[:20, 3] = MISSING
    fileset = write_cohort(tmp_path / "cohort", dosages, make_variants(60))
    regions = pd.DataFrame({"chromosome": ["1", "2"], "start": [30_000, 0], "end": [40_000, 10**9]})
    rows, frequency = choose_variants(
        fileset,
        np.arange(60),
        np.arange(150),
        regions,
        min_call_rate=0.9,
        min_maf=0.05,
        prune_r2=0.3,
        prune_kb=500,
    )
    # Position 30,000 + 2,000 j: the region holds 10 to 15.
    assert rows.tolist() == [j for j in range(60) if j not in (1, 2, 3, *range(10, 16))]
    np.testing.assert_allclose(frequency, dosages[:150, rows].mean(axis=0) / 2)


def test_ends_of_a_region_belong_to_it():
    variants = make_variants(5)  # at 10,000, 12,000, ... on chromosome 1
    regions = pd.DataFrame({"chromosome": ["1"], "start": [12_000], "end": [14_000]})
    assert outside_regions(variants, regions).tolist() == [True, False, False, True, True]


def test_no_components_give_no_columns(cohort):
    fileset, _, train, frequency, _ = cohort
    components = fit_components(fileset, np.arange(M), train, frequency, 0, seed=1)
    assert components.loadings.shape == (M, 0)  # the variants are for the LOCO prediction, too
    assert project(fileset, components, np.arange(N), np.arange(N) < TRAIN).shape == (N, 0)


def test_components_need_enough_variants_and_individuals():
    assert supported_count(10, 500, 1_000) == supported_count(10, 1_000, 200) == 10
    assert supported_count(10, 499, 1_000) == supported_count(10, 1_000, 199) == 9
    assert supported_count(10, 18, 1_000) == 0
    assert supported_count(0, 18, 1_000) == 0
