"""Clumps against a direct implementation over all pairs, correlations against PLINK 1.9."""

import os
import shutil
import subprocess

import numpy as np
import pytest
from example_association import write_cohort
from example_clumping import greedy_clumps, make_scan, pairwise_r2

from snpgen.genetics.clumping import clump, clump_all
from snpgen.genetics.ld import squared_correlation
from snpgen.genetics.loci import Loci
from snpgen.genetics.packed import pack_planes
from snpgen.io.plink import MISSING

N, M = 200, 400
WINDOWS = [(10, 0.5), (4, 0.2), (2000, 0.02), (10, 1.0), (0, 0.2)]


@pytest.fixture(scope="module")
def scan():
    """Variants with a copy, one monomorphic variant and one without calls."""
    table, dosages = make_scan(N, M)
    dosages[:, 7], dosages[:, 11], dosages[:, 13] = dosages[:, 5], 2, MISSING
    return table, dosages


def clump_to_the_end(table, dosages, kb, r2):
    loci = Loci(table.chromosome.to_numpy(), table.position.to_numpy(), None, np.array([], int))
    none = np.zeros(len(table), dtype=bool)
    clumps, n_skipped = clump(table, lambda rows: dosages[:, rows], len(table), kb, r2, none, loci)
    assert n_skipped == 0
    return clumps


@pytest.mark.parametrize(("kb", "r2"), WINDOWS)
def test_clumps_equal_greedy_clumping(scan, kb, r2):
    table, dosages = scan
    index, clumped_by = greedy_clumps(
        table,
        kb,
        r2 - 1e-12,  # numpy rounds the r2 of copies
        lambda i, j: pairwise_r2(dosages[:, i], dosages[:, j]),
    )
    clumps = clump_to_the_end(table, dosages, kb, r2)
    assert clumps.index_variants.tolist() == index
    assert clumps.clumped_by.tolist() == clumped_by.tolist()
    assert kb == 0 or (clumped_by >= 0).sum() >= 1


@pytest.mark.parametrize(("kb", "r2"), WINDOWS)
@pytest.mark.parametrize("threads", [1, 2])
def test_clumping_all_variants_gives_the_same_clumps(scan, kb, r2, threads):
    table, dosages = scan
    shuffled = np.random.default_rng(2).permutation(M)  # files need not be in genomic order
    for rows in (np.arange(M), shuffled):
        table_, dosages_ = table.iloc[rows].reset_index(drop=True), dosages[:, rows]
        expected = clump_to_the_end(table_, dosages_, kb, r2)

        def read(asked, dosages=dosages_):
            assert (np.diff(asked) > 0).all()
            return dosages[:, asked]

        clumps = clump_all(table_, read, kb, r2, threads)
        assert clumps.index_variants.tolist() == expected.index_variants.tolist()
        assert clumps.clumped_by.tolist() == expected.clumped_by.tolist()


def test_squared_correlation_is_pearsons_over_samples_called_in_both(scan):
    _, dosages = scan
    planes = pack_planes(dosages.T)
    assert planes.shape == (M, 3, 4)  # 200 samples, 64 per word
    for j in range(1, 30):
        ours = squared_correlation(planes[0], planes[j])
        assert ours == pytest.approx(pairwise_r2(dosages[:, 0], dosages[:, j]), rel=1e-12)
    flipped = pack_planes(np.where(dosages == MISSING, MISSING, 2 - dosages).T)
    for j in (0, 1, 5):
        assert squared_correlation(planes[j], planes[j]) == 1
        assert squared_correlation(planes[j], flipped[j]) == 1


def test_no_word_overflows_at_the_size_of_a_biobank():
    """With 500,000 samples, products of sums exceed 2^32."""
    column = np.resize(np.array([0, 2, 2, 1, MISSING, 2, 0], dtype=np.int8), 500_000)
    other = np.resize(np.array([0, 2, 1, 1, 0, 2, MISSING], dtype=np.int8), 500_000)
    planes = pack_planes(np.array([column, other]))
    expected = pairwise_r2(column.astype(float), other.astype(float))
    assert squared_correlation(planes[0], planes[1]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.skipif(not shutil.which("plink1.9"), reason="plink1.9 is not on PATH")
def test_clumps_equal_those_from_correlations_of_plink(scan, tmp_path):
    """PLINK 1.9 --r2 gives the genotype correlations that PLINK 2 --clump-unphased uses."""
    table, dosages = scan
    write_cohort(tmp_path / "cohort", dosages, table)
    command = "plink1.9 --bfile cohort --r2 square --keep-allele-order --threads 1 --out ld"
    subprocess.run(
        [*command.split(), "--chr", "2"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )
    plink = np.nan_to_num(np.loadtxt(tmp_path / "ld.ld"))
    here = table[table.chromosome == "2"]
    planes = pack_planes(dosages[:, here.index].T)
    ours = np.array([[squared_correlation(one, other) for other in planes] for one in planes])
    np.testing.assert_allclose(ours, plink, rtol=1e-4, atol=1e-6)
    index, clumped_by = greedy_clumps(here, 50, 0.2, lambda i, j: plink[i, j])
    clumps = clump_to_the_end(here, dosages[:, here.index], 50, 0.2)
    assert clumps.index_variants.tolist() == index
    assert clumps.clumped_by.tolist() == clumped_by.tolist()
    assert 20 < len(index) < 150


def test_only_candidates_are_read(scan):
    table, dosages = scan
    asked = []

    def read(rows):
        asked.extend(rows)
        return dosages[:, rows]

    loci = Loci(table.chromosome.to_numpy(), table.position.to_numpy(), None, np.array([], int))
    clumps, _ = clump(table, read, 5, 10, 0.5, np.zeros(M, dtype=bool), loci)
    whole = clump_to_the_end(table, dosages, 10, 0.5)
    assert clumps.index_variants.tolist() == whole.index_variants[:5].tolist()
    assert 5 <= len(asked) < M / 2


def test_included_variants_are_index_variants(scan):
    """They clump other variants as if they had the smallest p-values, but neither change rank nor clump each other."""
    table, dosages = scan
    included = np.zeros(M, dtype=bool)
    included[[5, 6, 7, 90]] = True
    empty = np.array([], int)
    loci = Loci(table.chromosome.to_numpy(), table.position.to_numpy(), None, empty)
    clumps, _ = clump(table, lambda rows: dosages[:, rows], M, 10, 0.2, included, loci)
    assert set(np.flatnonzero(included)) <= set(clumps.index_variants)
    assert (clumps.clumped_by[included] == -1).all()
    first = table.assign(
        neg_log_10_p_value=np.where(
            included, 100 + table.neg_log_10_p_value, table.neg_log_10_p_value
        )
    )
    without = pairwise_r2(dosages[:, 5], dosages[:, 7])
    assert without > 0.9  # would otherwise be in one clump

    def pair_r2(i, j):
        return 0 if included[j] else pairwise_r2(dosages[:, i], dosages[:, j])

    index, clumped_by = greedy_clumps(first, 10, 0.2, pair_r2)
    assert sorted(clumps.index_variants) == sorted(index)
    assert clumps.clumped_by.tolist() == clumped_by.tolist()
    strength = table.neg_log_10_p_value.to_numpy()[clumps.index_variants]
    assert (np.diff(strength) <= 0).all()  # ranked by p among the others
