"""Packed genotypes against bed-reader and against counts of dosages."""

import numpy as np
import pytest
from example_association import make_samples, make_variants

from snpgen.genetics.packed import (
    DOSAGES_OF_BYTE,
    NO_CALL,
    count_genotypes,
    count_heterozygous,
    mark,
    pack_planes,
    popcount,
    read_packed,
    unpack,
)
from snpgen.io.plink import MISSING, open_fileset, write_fileset

N, M = 107, 30  # samples that do not fill the last byte, nor the last word


@pytest.fixture(scope="module")
def filesets(tmp_path_factory):
    """Two chromosomes in two files, and the dosages in them."""
    rng = np.random.default_rng(8)
    dosages = rng.choice(np.array([0, 1, 2, MISSING], dtype=np.int8), (N, 2 * M))
    folder = tmp_path_factory.mktemp("packed")
    for number in (1, 2):
        part = np.ascontiguousarray(dosages[:, (number - 1) * M : number * M])
        variants = make_variants(M, str(number))
        write_fileset(str(folder / f"chr{number}"), part, make_samples(N), variants)
    return open_fileset(str(folder / "chr{chromosome}"), ["1", "2"]), dosages


@pytest.mark.parametrize("samples", [np.arange(N), np.array([3, 4, 50, 105, 106])])
def test_unpacked_dosages_equal_those_of_bed_reader(filesets, samples):
    fileset, dosages = filesets
    variants = np.array([0, 1, 2, 7, 28, 29, 30, 31, 45, 59])  # runs, gaps, across files
    packed = read_packed(fileset, variants)
    theirs = fileset.read(variants, samples)
    np.testing.assert_array_equal(theirs, dosages[np.ix_(samples, variants)])
    for row, expected in zip(packed, theirs.T, strict=True):
        ours = np.empty(len(samples), dtype=np.uint8)
        unpack(row, DOSAGES_OF_BYTE, samples, np.empty(len(row), dtype=np.uint32), ours)
        np.testing.assert_array_equal(ours, np.where(expected == MISSING, NO_CALL, expected))


def test_counts_are_of_the_chosen_samples(filesets):
    fileset, dosages = filesets
    samples = np.array([0, 31, 32, 33, 64, 100, 106])
    packed = read_packed(fileset, np.arange(2 * M))
    for row, column in zip(packed, dosages.T, strict=True):
        counts = count_genotypes(row.view(np.uint64), mark(samples, N))
        assert list(counts) == [(column[samples] == value).sum() for value in (1, 2, MISSING)]


def test_popcount_counts_bits():
    from numba import njit

    count = njit(lambda word: popcount(word))
    for word in (0, 1, 2**63, 0x5555555555555555, 2**64 - 1):
        assert count(np.uint64(word)) == word.bit_count()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("n_columns", [1, 63, 64, 65, 200])
def test_bit_planes_hold_each_genotype(n_columns, order):
    rng = np.random.default_rng(n_columns)
    dosages = rng.choice(np.array([0, 1, 2, MISSING], dtype=np.int8), (9, n_columns))
    planes = pack_planes(np.asarray(dosages, order=order))
    assert planes.shape == (9, 3, -(-n_columns // 64))
    bits = np.unpackbits(planes.view(np.uint8), axis=2, bitorder="little")
    for plane, expected in enumerate((dosages == 1, dosages == 2, (dosages == 0) | (dosages == 2))):
        np.testing.assert_array_equal(bits[:, plane, :n_columns], expected)
    assert not bits[:, :, n_columns:].any()
    np.testing.assert_array_equal(count_heterozygous(planes), (dosages == 1).sum(axis=1))
