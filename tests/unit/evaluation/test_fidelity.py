"""Frequencies, LD and the two-sample test against numpy, closed forms and planted faults."""

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from example_association import make_samples, write_cohort
from example_cohorts import cohort, frequencies, independent, linked, unlabelled, variants
from scipy.spatial.distance import cdist

from snpgen.evaluation import frequencies as fq
from snpgen.evaluation import ld, two_sample
from snpgen.evaluation.cohorts import (
    Cohort,
    cohort_readers,
    fill_rounded,
    has_equal_power,
    limit_size,
    limit_sizes,
    match_sizes,
    read_phenotypes,
    shuffle_columns,
    shuffle_labels,
    shuffled_cohort,
)
from snpgen.evaluation.fidelity import RealReference, compare_with_test, compare_with_train
from snpgen.evaluation.two_sample import two_sample_test
from snpgen.io.panel import Panel
from snpgen.io.plink import MISSING, allele_frequency, write_fileset
from snpgen.messages import Code, InputError

COUNT = 100
M = 60


def with_missing(dosages, share, seed):
    holes = np.random.default_rng(seed).random(dosages.shape) < share
    return np.where(holes, MISSING, dosages)


def run_plink(program, dosages, tmp_path, ending, *words):
    """The table that PLINK writes of these genotypes."""
    if not shutil.which(program):
        pytest.skip(f"{program} is not here")
    prefix = tmp_path / "cohort"
    write_cohort(prefix, dosages, variants(dosages.shape[1]))
    command = [program, "--bfile", prefix, *words, "--out", prefix]
    subprocess.run(command, check=True, capture_output=True)
    return pd.read_csv(f"{prefix}.{ending}", sep=r"\s+")


def correlate(dosages, weights=None):
    """Correlations of all pairs, and those of numpy; `weights` are those of samples in groups of one."""
    pairs = ld.choose_pairs(variants(dosages.shape[1]), 1)
    sums = ld.CorrelationSums(unlabelled(dosages), pairs, 2)
    ones = np.ones(sums.sample[0]) if weights is None else weights
    expected = np.corrcoef(dosages.T)[pairs.first, pairs.second]
    return sums.correlation(ones[None].astype(np.float32))[0], expected, sums


@pytest.fixture(scope="module")
def train():
    return cohort(1500, M, 1)


@pytest.fixture(scope="module")
def test():
    return cohort(500, M, 11)


@pytest.fixture(scope="module")
def reference(train, test):
    pairs = ld.choose_pairs(variants(M), 1)
    return RealReference(train, test, pairs, {"bootstraps": COUNT, "folds": 2}, 5, 1)


def judge(subject, reference):
    parts = compare_with_test(subject, reference)
    parts.append(compare_with_train(subject, reference))
    return {key: estimate for estimates, _ in parts for key, estimate in estimates.items()}


@pytest.fixture(scope="module")
def ceiling(train, reference):
    return judge(train, reference)


@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_correlations_do_not_depend_on_the_chunks(missing, monkeypatch):
    side = unlabelled(with_missing(independent(1_900, frequencies(20), 1), missing, 2))
    pairs = ld.choose_pairs(variants(20), 1)
    whole = ld.CorrelationSums(side, pairs, 3)
    monkeypatch.setattr(ld, "_MAX_FLOATS", 10_000)  # two individuals of each group
    parts = ld.CorrelationSums(side, pairs, 3)
    weights = np.random.default_rng(4).integers(0, 3, (5, whole.sample[0])).astype(np.float32)
    assert parts.correlation(weights) == pytest.approx(whole.correlation(weights), abs=1e-5)


@pytest.mark.parametrize("most", [0, 1_000])
def test_kept_correlations_are_those_of_the_same_weights(most, monkeypatch):
    monkeypatch.setattr(ld, "_MAX_KEPT", most)
    side = unlabelled(with_missing(independent(300, frequencies(20), 1), 0.1, 2))
    pairs = ld.choose_pairs(variants(20), 1)
    plain, kept = (kind(side, pairs, 3) for kind in (ld.CorrelationSums, ld.KeptCorrelations))
    draws = np.random.default_rng(4).integers(0, 3, (2, 5, plain.sample[0])).astype(np.float32)
    for weights in (*draws, *draws):
        assert np.array_equal(kept.correlation(weights), plain.correlation(weights))
    assert len(kept.kept) == 2 * (most > 0)


def test_frequencies_are_those_of_numpy():
    dosages = with_missing(independent(300, frequencies(20), 1), 0.1, 2)
    sums = fq.GenotypeSums(unlabelled(dosages), 3)
    counts = np.random.default_rng(4).integers(0, 3, (2, len(sums.alleles))).astype(np.float32)
    found = sums.frequency(np.vstack([np.ones_like(counts[:1]), counts]))
    assert found[0] == pytest.approx(allele_frequency(dosages), abs=1e-6)
    masked = np.ma.masked_equal(dosages, MISSING)
    assert found[0] == pytest.approx(masked.mean(axis=0).data / 2, abs=1e-6)
    assert found[1] != pytest.approx(found[0])


def test_inbreeding_of_random_mating_is_zero_and_of_inbred_lines_one():
    outbred = unlabelled(independent(3000, frequencies(100), 1))
    estimates = fq.compare_genotypes(outbred, outbred, COUNT, (1, 2))
    value, low, high = estimates["inbreeding_f", "all"]
    assert abs(value) < 0.004 and low < 0 < high
    assert estimates["inbreeding_pearson", "all"].value == pytest.approx(1)
    assert fq.share_off_equilibrium(outbred)["hwe_below_1e-6", "all"].value == 0
    inbred = Cohort(2 * (outbred.dosages > 0).astype(np.int8), outbred.phenotype)
    estimates = fq.compare_genotypes(inbred, outbred, COUNT, (1, 2))
    assert estimates["inbreeding_f", "all"].value == pytest.approx(1)
    assert fq.share_off_equilibrium(inbred)["hwe_below_1e-6", "all"].value > 0.9


def test_genotypes_off_equilibrium_are_those_of_plink(tmp_path):
    """Half the variants with a deficit of heterozygotes, compared with PLINK 2 --hardy."""
    samples = cohort(400, 40, 3)
    dosages = samples.dosages.copy()
    dosages[:, :20] = np.where(dosages[:, :20] == 1, 0, dosages[:, :20])
    p = run_plink("plink2", dosages, tmp_path, "hardy", "--hardy").P
    found = fq.share_off_equilibrium(Cohort(dosages, samples.phenotype))["hwe_below_1e-6", "all"]
    assert found.value == np.mean(p < 1e-6) and 0.3 < found.value < 0.6


def test_diversity_is_the_ratio_of_mean_distances():
    few, many = (unlabelled(independent(150, frequencies(30), seed)) for seed in (1, 2))
    twins = Cohort(few.dosages[np.arange(150) % 50], few.phenotype)
    found = fq.compare_genotypes(twins, many, COUNT, (1, 2))["diversity", "all"].value
    mine, theirs = (cdist(side.dosages, side.dosages, "cityblock").mean() for side in (twins, many))
    assert found == pytest.approx(mine / theirs, rel=1e-5) and found < 1


def test_rare_alleles_count_the_minor_allele_and_thinning_them_shows():
    p = np.r_[np.full(20, 0.02), np.full(20, 0.98), np.full(20, 0.4)]
    dosages = independent(2000, p, 1)
    thinned = dosages.copy()
    drop = np.random.default_rng(2).random((2000, 60)) < 0.5
    rare, other = p < 0.05, p > 0.95
    thinned[:, rare] = np.where(drop[:, rare], 0, thinned[:, rare])
    thinned[:, other] = np.where(drop[:, other], 2, thinned[:, other])
    sides = unlabelled(thinned), unlabelled(dosages)
    estimates = fq.compare_frequencies(*sides, allele_frequency(dosages), COUNT, (1, 2))
    value, low, high = estimates["rare_af_ratio", "maf<0.05"]
    assert low < 0.5 < high and value == pytest.approx(0.5, abs=0.05)
    by_hand = allele_frequency(thinned) - allele_frequency(dosages)
    assert estimates["af_rmse", "all"].value == pytest.approx(
        np.sqrt(np.mean(by_hand**2)), rel=1e-4
    )


def test_each_class_is_compared_separately():
    labels = np.repeat([0, 1], 500).astype(np.int8)
    p = frequencies(40)
    real = Cohort(independent(1000, p, 1), labels)
    shifted = np.vstack([independent(500, p, 2), independent(500, np.clip(p + 0.1, 0, 1), 3)])
    estimates = fq.compare_frequencies(Cohort(shifted, labels), real, p, COUNT, (1, 2))
    assert estimates["af_rmse", "control"].value < 0.03
    assert estimates["af_rmse", "case"].value > 0.08


def test_lost_variants_are_counted():
    train = unlabelled(independent(200, np.r_[np.full(8, 0.3), 0.0], 1))
    synthetic = train.dosages.copy()
    synthetic[:, :2] = 0
    synthetic[:, 2] = 2
    assert fq.count_lost(Cohort(synthetic, train.phenotype), train) == 3
    assert fq.count_lost(train, train) == 0


def test_correlations_are_those_of_numpy():
    found, expected, _ = correlate(linked(400, frequencies(40), 1))
    assert found == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize(("missing", "tolerance"), [(0.0, 2e-5), (0.02, 0.02)])
def test_correlations_are_those_of_plink(missing, tolerance, tmp_path):
    """PLINK 1.9 --r; with missing calls its variances are those of a pair, ours those of a variant."""
    dosages = with_missing(cohort(400, 40, 1).dosages, missing, 3)
    window = ["--ld-window", "99", "--ld-window-kb", "1000", "--ld-window-r2", "0"]
    words = ["--r", "--keep-allele-order", *window]
    table = run_plink("plink1.9", dosages, tmp_path, "ld", *words)
    r, _, sums = correlate(dosages)
    names = zip(sums.pairs.first, sums.pairs.second, strict=True)
    ours = {(f"rs{i}", f"rs{j}"): x for (i, j), x in zip(names, r, strict=True)}
    found = np.array([ours[pair] for pair in zip(table.SNP_A, table.SNP_B, strict=True)])
    assert len(found) == 380
    assert found == pytest.approx(table.R.to_numpy(), abs=tolerance)


def test_decay_is_the_mean_square_of_the_correlations_in_each_bin():
    _, r, sums = correlate(cohort(400, 40, 1).dosages)
    found = ld.compare_ld(sums, sums, COUNT)
    for name in ("10-50kb", "250-500kb"):
        square = np.mean(r[sums.pairs.stratum == name] ** 2)
        assert found["ld_r2", name].value == pytest.approx(square, abs=1e-5)
    assert found["ld_r2", "10-50kb"].value > 4 * found["ld_r2", "250-500kb"].value


def test_region_is_the_densest_and_its_matrix_that_of_numpy():
    table = variants(40)
    table.loc[20:, "position"] = (np.arange(20) + 1) * 80_000
    samples = cohort(300, 40, 1)
    region = ld.densest_region(table)
    assert region.tolist() == list(range(20))
    matrix = ld.region_table(table, {"real": samples})
    first, second = (matrix[side].str[2:].astype(int) for side in ("first", "second"))
    assert len(matrix) == 190
    assert (matrix.i == first).all() and (matrix.j == second).all()
    assert matrix.r.to_numpy() == pytest.approx(
        np.corrcoef(samples.dosages.T)[first, second], abs=2e-5
    )


def test_missing_calls_do_not_weaken_correlations():
    complete = linked(4000, frequencies(20), 1, rho=0.95)
    _, expected, _ = correlate(complete)
    found, *_ = correlate(with_missing(complete, 0.3, 2))
    assert found == pytest.approx(expected, abs=0.08)
    assert np.dot(found, expected) / np.dot(expected, expected) == pytest.approx(1, abs=0.01)


def test_weights_are_copies_of_samples():
    dosages = linked(240, frequencies(20), 1)
    weights = np.random.default_rng(4).integers(0, 3, 240)
    order = np.random.default_rng(2).permutation(240)  # as fold assigns samples to groups
    copied, *_ = correlate(dosages[np.repeat(order, weights)])
    assert correlate(dosages, weights)[0] == pytest.approx(copied, abs=2e-4)


def test_pairs_and_their_distance_bins():
    table = variants(6, chromosome=3)
    table["position"] = [10_000, 20_000, 500_000, 1, 2_000_000, 2_000_002]
    pairs = ld.choose_pairs(table, 1)
    found = dict(zip(zip(pairs.first, pairs.second, strict=True), pairs.stratum, strict=True))
    near = {pair: name for pair, name in found.items() if name != "far"}
    expected = {(0, 1): "0-10kb", (0, 2): "250-500kb", (1, 2): "250-500kb", (4, 5): "0-10kb"}
    assert near == expected
    assert sum(name == "far" for name in found.values()) == 9


def test_ld_of_independent_variants_is_flat(train, reference):
    estimates = judge(shuffle_columns(train, 1), reference)
    assert abs(estimates["ld_slope", "all"].value) < 0.05
    assert estimates["ld_pearson", "all"].value < 0.3
    assert estimates["c2st_xgboost", "all"].low > 0.6


def test_half_the_ld_has_half_the_slope():
    p = np.full(40, 0.5)
    real = linked(20_000, p, 1, rho=0.9)
    kept = np.random.default_rng(2).random(real.shape) < 0.5**0.5
    half = np.where(kept, real, independent(20_000, p, 3)).astype(np.int8)
    estimates = ld.compare_ld(correlate(half)[2], correlate(real)[2], COUNT)
    assert estimates["ld_slope", "all"].value == pytest.approx(0.5, abs=0.02)


def test_spurious_structure_is_visible_across_chromosomes():
    p = frequencies(40)
    drift = np.clip(p + np.random.default_rng(2).normal(0, 0.2, 40), 0.05, 0.95)
    mixed = np.vstack([independent(1000, p, 3), independent(1000, drift, 4)])
    real, same, other = (
        correlate(x)[2] for x in (independent(2000, p, 1), independent(2000, p, 5), mixed)
    )
    quiet, loud = (ld.compare_ld(x, real, COUNT)["ld_far_rmse", "all"] for x in (same, other))
    assert quiet.value == pytest.approx(np.sqrt(2 / 2000), rel=0.1)
    assert loud.low > quiet.high


def test_a_copy_of_the_test_set_is_perfect(test, reference):
    estimates = judge(test, reference)
    for stratum in ("all", "case", "control"):
        assert estimates["af_pearson", stratum].value == pytest.approx(1, abs=1e-6)
        assert estimates["af_rmse", stratum].value == pytest.approx(0, abs=1e-6)
    assert estimates["ld_slope", "all"].value == pytest.approx(1, abs=1e-4)
    assert estimates["ld_far_rmse", "all"].value == pytest.approx(0, abs=1e-4)
    assert estimates["rare_af_ratio", "maf<0.05"].value == pytest.approx(1)


def test_real_cohorts_cannot_be_distinguished(ceiling):
    for name in ("c2st_xgboost", "c2st_logistic"):
        value, low, high = ceiling[name, "all"]
        assert low < 0.5 < high and abs(value - 0.5) < 0.05


def test_every_estimate_lies_in_its_interval(ceiling):
    for (name, stratum), (value, low, high) in ceiling.items():
        assert not low > value and not high < value, (name, stratum)
        if name != "n_lost" and np.isfinite(value):
            assert np.isfinite([low, high]).all(), (name, stratum)


def test_logistic_regression_detects_frequencies_and_trees_detect_ld():
    p = frequencies(40)
    real, other = linked(600, p, 1, 0.95), linked(600, np.clip(p + 0.08, 0, 0.99), 2, 0.95)
    settings = {"bootstraps": COUNT, "folds": 3}
    shifted = two_sample_test(other, real, settings, 1)
    assert shifted["c2st_logistic", "all"].low > 0.6
    unlinked = two_sample_test(independent(600, p, 3), real, settings, 1)
    assert unlinked["c2st_xgboost", "all"].low > 0.75
    assert unlinked["c2st_logistic", "all"].value < 0.6


def test_matched_sizes_have_the_same_mix_and_a_small_side_stays_whole(train, test):
    mine, held = match_sizes(train, test, 1)
    assert mine.sizes == held.sizes == test.sizes
    assert (held.dosages == test.dosages).all()
    few = train.take(np.r_[np.flatnonzero(train.phenotype == 1)[:10], np.arange(900)])
    mine, held = match_sizes(few, test, 1)
    assert mine.sizes == held.sizes


def test_real_individuals_are_limited_to_the_smallest_cohort_in_each_class(train, test):
    cases, controls = (np.flatnonzero(train.phenotype == label) for label in (1, 0))
    few_cases, few_controls = (
        train.take(np.r_[cases[:first], controls[:second]])
        for first, second in ((20, 90), (40, 30))
    )
    no_cases, none = train.take(controls[:10]), train.take(np.arange(0))
    others = [side.phenotype for side in (train, few_cases, no_cases, few_controls, none)]
    limited = limit_sizes(test, others, 1)
    assert limited.sizes == {"all": 50, "case": 20, "control": 30}
    assert (limit_sizes(test, [train.phenotype], 1).dosages == test.dosages).all()


def test_the_two_sample_test_of_large_cohorts_is_thinned(monkeypatch):
    p, settings = frequencies(20), {"bootstraps": 20, "folds": 2}
    mine, real = independent(400, p, 1), independent(400, p[::-1], 2)
    expected = two_sample_test(mine[::2], real[::2], settings, 1)
    monkeypatch.setattr(two_sample, "MAX_SAMPLES", 200)
    assert two_sample_test(mine, real, settings, 1) == expected


def test_a_large_cohort_is_limited_to_a_random_subset(train):
    limited = limit_size(train, 300, 1)
    assert len(limited) == 300 and limit_size(train, len(train), 1) is train
    places = np.random.default_rng(1).permutation(len(train))[:300]
    assert np.array_equal(limited.dosages, train.dosages[np.sort(places)])


@pytest.mark.parametrize(
    ("cases", "controls", "equal"),
    [(200, 600, True), (205, 610, True), (400, 400, False), (20, 60, False), (2_000, 6_000, False)],
)
def test_power_is_equal_if_effective_sizes_are(cases, controls, equal):
    mine, training = (
        Cohort(np.zeros((sum(sizes), 1), np.int8), np.repeat([1, 0], sizes).astype(np.int8))
        for sizes in ((cases, controls), (200, 600))
    )
    assert has_equal_power(mine, training) is equal


def test_permutations_keep_frequencies_or_genotypes(train):
    columns, labels = shuffle_columns(train, 1), shuffle_labels(train, 1)
    assert (np.sort(columns.dosages, axis=0) == np.sort(train.dosages, axis=0)).all()
    assert (columns.dosages != train.dosages).any()
    assert labels.sizes == train.sizes and (labels.phenotype != train.phenotype).any()


def test_missing_calls_are_rounded_expectations():
    dosages = np.array([[MISSING, MISSING, 1]], dtype=np.int8)
    assert fill_rounded(dosages, np.array([0.2, 0.6, 0.9])).tolist() == [[0, 1, 1]]
    called = np.array([[0, 2, 1]], dtype=np.int8)
    assert fill_rounded(called, np.array([0.2, 0.6, 0.9])) is called


def test_one_chromosome_has_no_far_pairs():
    *_, sums = correlate(cohort(100, 20, 3).dosages)
    assert np.isnan(ld.compare_ld(sums, sums, 20)["ld_far_rmse", "all"].value)


def test_synthetic_filesets_are_read_and_checked(tmp_path, train, caplog):
    table = variants(M)
    samples = make_samples(len(train)).assign(phenotype=train.phenotype + 1)
    dosages = train.dosages.copy()
    dosages[:, 3] = 0
    write_fileset(str(tmp_path / "snpgen"), dosages, samples, table)
    bed = str(tmp_path / "snpgen.bed")
    with caplog.at_level("WARNING", logger="snpgen"):
        read = cohort_readers([bed], ["snpgen"], table)["snpgen"]()
    assert (read_phenotypes([bed])[0] == train.phenotype).all()
    assert (read.dosages == dosages).all() and (read.phenotype == train.phenotype).all()
    assert "1 variants are monomorphic in the cohort snpgen" in caplog.text
    swapped = table.rename(
        columns={"effect_allele": "other_allele", "other_allele": "effect_allele"}
    )
    with pytest.raises(InputError) as error:
        cohort_readers([bed], ["snpgen"], swapped)["snpgen"]()
    assert (error.value.code, error.value.file) == (Code.OUTDATED_RESULT, bed)
    write_fileset(str(tmp_path / "odd"), dosages, samples.assign(phenotype=-9), table)
    with pytest.raises(InputError) as error:
        cohort_readers([str(tmp_path / "odd.bed")], ["snpgen"], table)["snpgen"]()
    assert error.value.code is Code.OUTDATED_RESULT


def test_the_permuted_reference_keeps_class_group_and_chromosomes(train):
    """On two equal chromosomes: each keeps its LD, and what is between them is that of the groups."""
    doubled = np.concatenate([train.dosages, train.dosages], axis=1)
    chromosomes = variants(2 * M, chromosome=M)
    group = np.where(train.dosages[:, 0] > 0, "a", "b")
    n = len(train)
    all_samples = (np.arange(n).astype(str), np.full(n, "train"), train.phenotype)
    panel = Panel(doubled, *all_samples)
    cohort = Cohort(doubled, train.phenotype)
    shuffled = shuffled_cohort(cohort, panel, chromosomes, group, seed=1)
    assert (shuffled.phenotype == train.phenotype).all()
    assert ((shuffled.dosages[:, 0] > 0) == (group == "a")).all()
    for name in ("case", "control"):
        before, after = (
            np.corrcoef(side.stratum(name).dosages.T)
            for side in (Cohort(doubled, train.phenotype), shuffled)
        )
        assert np.allclose(before[:M, :M], after[:M, :M], equal_nan=True)
        assert np.allclose(before[M:, M:], after[M:, M:], equal_nan=True)
        across = np.diag(after[1:M, M + 1 :])
        assert np.nanmedian(np.abs(across)) < 0.2 < np.nanmedian(np.diag(before[1:M, M + 1 :]))
        assert after[0, M] > 0.5  # the groups' own difference
