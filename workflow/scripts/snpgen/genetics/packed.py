"""Packed genotypes: rows of a `.bed` (two bits per genotype), and bit planes for comparing rows.

In a row of a `.bed`, each sample has two bits of a byte, the lowest bits first: 00 two copies of A1, 01 a
missing call, 10 one copy, 11 no copy. Unpacked dosages count A1, and a missing call is `NO_CALL`.

Bit planes (`pack_planes`) hold samples or variants as rows, uint64 (rows, 3, words), with 64 genotypes in a
word. The three planes indicate whether each genotype is heterozygous, whether it has two copies of A1, and
whether it is homozygous. A missing call is 0 in all planes. Correlations, kinship and distances of rows are
computed from bit counts, which are exact integers.
"""

from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit, types, uint64
from numba.extending import intrinsic

from snpgen.io.plink import Fileset

NO_CALL = 3

_DOSAGE_OF_CODE = np.array([2, NO_CALL, 1, 0], dtype=np.uint8)
_ONES = np.uint64(0x5555555555555555)  # the lower bit of each genotype
_SHIFT = np.uint64(1)


@intrinsic
def _popcount(context: Any, word: Any) -> Any:
    """Number of bits set in a uint64, in compiled code."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


popcount: Any = _popcount  # numba passes the context itself


def _dosages_of_bytes() -> np.ndarray:
    """The four dosages that each byte of a .bed encodes, as one little-endian word, uint32 (256,)."""
    codes = np.arange(256)[:, None] >> np.array([0, 2, 4, 6]) & 3
    return np.ascontiguousarray(_DOSAGE_OF_CODE[codes]).view("<u4")[:, 0]


DOSAGES_OF_BYTE = _dosages_of_bytes()


@njit(nogil=True, cache=True)
def pack_planes(dosages: np.ndarray) -> np.ndarray:
    """Bit planes, uint64 (rows, 3, words), of dosages int8 (rows, columns) with `MISSING`.

    Rows are samples, or variants if the dosages are transposed.
    """
    n, m = dosages.shape
    planes = np.zeros((n, 3, (m + 63) // 64), np.uint64)
    for i in range(n):
        for word in range(planes.shape[2]):
            het, two, hom = uint64(0), uint64(0), uint64(0)
            for bit in range(min(64, m - 64 * word)):
                dosage = dosages[i, 64 * word + bit]
                het |= uint64(dosage == 1) << uint64(bit)
                two |= uint64(dosage == 2) << uint64(bit)
                hom |= uint64((dosage == 0) | (dosage == 2)) << uint64(bit)
            planes[i, 0, word], planes[i, 1, word], planes[i, 2, word] = het, two, hom
    return planes


@njit(nogil=True, cache=True)
def count_heterozygous(planes: np.ndarray) -> np.ndarray:
    """Number of heterozygous genotypes of each row of bit planes, int64 (rows,)."""
    counts = np.zeros(len(planes), np.int64)
    for i in range(len(planes)):
        for word in range(planes.shape[2]):
            counts[i] += popcount(planes[i, 0, word])
    return counts


def mark(individuals: np.ndarray, n_samples: int) -> np.ndarray:
    """Mask of a packed row, uint64 (n_words,), with the lower bit of each of `individuals` set.

    `individuals` are rows of the .fam.
    """
    chosen = np.zeros(-(-n_samples // 32) * 32, dtype=np.uint8)
    chosen[individuals] = 1
    pairs = np.zeros((len(chosen), 2), dtype=np.uint8)
    pairs[:, 0] = chosen
    return np.packbits(pairs.ravel(), bitorder="little").view("<u8")


@njit(nogil=True, cache=True)
def count_genotypes(words: np.ndarray, individuals: np.ndarray) -> tuple[int, int, int]:
    """Numbers of heterozygotes, A1 homozygotes and missing calls in `individuals`.

    `words` is the packed row of a variant, `individuals` is a mask (`mark`), both uint64 (n_words,).
    """
    n_het = n_hom = n_missing = 0
    for i in range(len(words)):
        low = words[i] & _ONES
        high = (words[i] >> _SHIFT) & _ONES
        het = high & ~low & individuals[i]
        missing = low & ~high & individuals[i]
        hom = ~(low | high) & individuals[i]
        n_het += popcount(het)
        n_hom += popcount(hom)
        n_missing += popcount(missing)
    return n_het, n_hom, n_missing


@njit(nogil=True, cache=True)
def unpack(
    packed: np.ndarray,
    dosages_of_byte: np.ndarray,
    individuals: np.ndarray,
    all_samples: np.ndarray,
    dosages: np.ndarray,
) -> None:
    """Fill `dosages` uint8 (n,) with the dosages of `individuals` (n,), ascending rows of the .fam.

    `packed` uint8 (n_bytes,) is the row of a variant, `all_samples` uint32 (n_bytes,) is scratch space.
    """
    for i in range(len(all_samples)):
        all_samples[i] = dosages_of_byte[packed[i]]
    whole = all_samples.view(np.uint8)
    if individuals[-1] == len(individuals) - 1:  # the first rows of the .fam, or all rows
        dosages[:] = whole[: len(individuals)]
        return
    for i in range(len(individuals)):
        dosages[i] = whole[individuals[i]]


def read_packed(fileset: Fileset, variants: np.ndarray) -> np.ndarray:
    """Read the packed rows of `variants` (ascending rows of the fileset), uint8 (n_variants, n_bytes).

    n_bytes is a multiple of 8, so that a row can be viewed as words; the padding is zero. Adjacent
    variants are read at once, and the file is not memory-mapped.
    """
    n_bytes = (len(fileset.samples) + 3) // 4
    packed = np.zeros((len(variants), -(-n_bytes // 8) * 8), dtype=np.uint8)
    rows = fileset.file_rows[variants]
    file = np.searchsorted(fileset.starts, rows, side="right") - 1
    new_run = (np.diff(rows) != 1) | (np.diff(file) != 0)
    starts = np.concatenate([[0], np.flatnonzero(new_run) + 1, [len(variants)]])
    for first, last in pairwise(starts):
        if first == last:
            continue
        row = int(rows[first] - fileset.starts[file[first]])
        run = np.fromfile(
            fileset.beds[file[first]],
            dtype=np.uint8,
            count=int(last - first) * n_bytes,
            offset=3 + row * n_bytes,
        )
        packed[first:last, :n_bytes] = run.reshape(-1, n_bytes)
    return packed
