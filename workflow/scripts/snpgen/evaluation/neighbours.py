"""Nearest neighbours, kernel densities and kinship between two sets of individuals, in one pass.

A compiled loop compares all pairs of packed genotypes exactly. Memory is linear in the number of
individuals.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numba import njit

from snpgen.genetics.kinship import king_coefficient
from snpgen.genetics.packed import count_heterozygous, popcount
from snpgen.progress import Meter

_TILE = 64  # samples whose genotypes fit in the processor cache
_CHUNK = 10_000  # samples compared at once
_FAR = np.iinfo(np.int64).max  # distance if there is no other sample


@dataclass(frozen=True)
class Neighbours:
    """Result of `compare_samples` for n samples and k others.

    Distances are numbers of differing alleles, summed over variants. `nearest` float64 (n, 2): distances to
    the two nearest others, NaN if there are fewer. `index` int64 (n,): row of the nearest other, the first if
    several are equally near, -1 if there are no others. `density` float64 (n,): mean, over the others, of the
    kernel at their distance, NaN without others or without a kernel. `reverse` float64 (k, 2): distances from
    each row of the others to its two nearest samples. `kinship`: the largest kinship of any pair, NaN if no
    genotype is heterozygous.
    """

    nearest: np.ndarray
    index: np.ndarray
    density: np.ndarray
    reverse: np.ndarray
    kinship: float


def _allele_bits(planes: np.ndarray) -> np.ndarray:
    """Two bits per genotype: at least one copy of A1, and two copies; uint64 (n, 2 * words).

    The number of bits that differ between two samples is their distance. `planes` uint64 (n, 3, words) have no
    missing calls.
    """
    return np.concatenate([planes[:, 0] | planes[:, 1], planes[:, 1]], axis=1)


@njit(nogil=True, cache=True)
def _count_different_bits(sample: np.ndarray, others: np.ndarray, counts: np.ndarray) -> None:
    """Write the number of bits in which `sample` (words,) differs from each of `others` (k, words) to `counts`.

    Four others are compared at once, so that each word of the sample is loaded once for four. This is a
    separate function so that its loop is compiled to vector instructions.
    """
    whole = len(others) // 4 * 4
    for j in range(0, whole, 4):
        first = second = third = fourth = 0
        for word in range(len(sample)):
            bits = sample[word]
            first += popcount(bits ^ others[j, word])
            second += popcount(bits ^ others[j + 1, word])
            third += popcount(bits ^ others[j + 2, word])
            fourth += popcount(bits ^ others[j + 3, word])
        counts[j], counts[j + 1], counts[j + 2], counts[j + 3] = first, second, third, fourth
    for j in range(whole, len(others)):
        counts[j] = 0
        for word in range(len(sample)):
            counts[j] += popcount(sample[word] ^ others[j, word])


@njit(nogil=True, cache=True)
def _count_opposite(sample: np.ndarray, other: np.ndarray) -> int:
    """Number of variants at which two samples (`_allele_bits`) are opposite homozygotes."""
    half = len(sample) // 2
    opposite = 0
    for word in range(half):
        opposite += popcount(
            (sample[word] ^ other[word]) & (sample[half + word] ^ other[half + word])
        )
    return opposite


@njit(nogil=True, cache=True)
def _compare(
    samples: np.ndarray,
    samples_het: np.ndarray,
    others: np.ndarray,
    others_het: np.ndarray,
    kernel: np.ndarray,
    same: int,
    nearest: np.ndarray,
    index: np.ndarray,
    total: np.ndarray,
    reverse: np.ndarray,
) -> float:
    """Fill `nearest`, `index`, `total` (kernel sums) and `reverse`; return the largest kinship.

    Both sets are `_allele_bits`. If they are the same set, `same` is the row in `others` of the first sample, so
    that no sample is compared with itself; otherwise it is negative. `kernel` (distances,) is empty if no
    density is needed.
    """
    # Pair with the largest kinship: squared distance, and smaller number of heterozygotes.
    squared, heterozygous = 1, 0
    distances = np.empty(_TILE, np.int64)
    for first in range(0, len(others), _TILE):
        tile = others[first : first + _TILE]
        for i in range(len(samples)):
            _count_different_bits(samples[i], tile, distances)
            d1, d2, best, density = nearest[i, 0], nearest[i, 1], index[i], 0.0
            # Kinship at a larger distance is smaller than the largest so far.
            closest = squared * samples_het[i] // heterozygous if heterozygous else _FAR
            for place in range(len(tile)):
                j = first + place
                if same >= 0 and same + i == j:
                    continue
                distance = distances[place]
                if len(kernel):
                    density += kernel[distance]
                if distance > closest and distance >= d2 and distance >= reverse[j, 1]:
                    continue
                if distance < d1:
                    d1, d2, best = distance, d1, j
                elif distance < d2:
                    d2 = distance
                if distance < reverse[j, 0]:
                    reverse[j, 0], reverse[j, 1] = distance, reverse[j, 0]
                elif distance < reverse[j, 1]:
                    reverse[j, 1] = distance
                fewer = min(samples_het[i], others_het[j])
                if distance * heterozygous < squared * fewer:  # the squared distance is not smaller
                    own = distance + 2 * _count_opposite(samples[i], others[j])
                    if own * heterozygous < squared * fewer:
                        squared, heterozygous = own, fewer
            nearest[i, 0], nearest[i, 1], index[i] = d1, d2, best
            total[i] += density
    return king_coefficient(squared, heterozygous)


def compare_samples(
    samples: np.ndarray,
    others: np.ndarray,
    kernel: np.ndarray | None = None,
    threads: int = 1,
    same: bool = False,
) -> Neighbours:
    """Compare `samples` (n) with `others` (k), bit planes (`pack_planes`) without missing calls.

    With `same`, both are the same set, and no sample is compared with itself. The density is computed with
    `kernel` float64 (2m + 1,) by distance; without a kernel it is NaN.
    """
    n, k = len(samples), len(others)
    nearest = np.full((n, 2), _FAR)
    index, total = np.full(n, -1), np.zeros(n)
    cuts = np.linspace(0, n, max(1, threads) + 1).astype(int)
    reverses = np.full((len(cuts) - 1, k, 2), _FAR)
    table = np.empty(0) if kernel is None else kernel

    samples_het, others_het = count_heterozygous(samples), count_heterozygous(others)
    sample_bits, other_bits = _allele_bits(samples), _allele_bits(others)
    meter = Meter(n, "samples compared")

    def compare(part: int) -> float:
        kinship = -np.inf
        for first in range(cuts[part], cuts[part + 1], _CHUNK):
            rows = slice(first, min(first + _CHUNK, cuts[part + 1]))
            own = (nearest[rows], index[rows], total[rows], reverses[part])
            sides = (sample_bits[rows], samples_het[rows], other_bits, others_het)
            kinship = max(kinship, _compare(*sides, table, first if same else -1, *own))
            meter.add(len(sample_bits[rows]))
        return kinship

    with ThreadPoolExecutor(len(cuts) - 1) as pool:
        kinship = max(pool.map(compare, range(len(cuts) - 1)))
    reverse = np.sort(reverses.transpose(1, 0, 2).reshape(k, 2 * len(reverses)), axis=1)[:, :2]
    seen = k - same
    density = total / seen if seen > 0 and kernel is not None else np.full(n, np.nan)
    return Neighbours(
        _distances(nearest),
        index,
        density,
        _distances(reverse),
        kinship if np.isfinite(kinship) else np.nan,
    )


def _distances(found: np.ndarray) -> np.ndarray:
    return np.where(found == _FAR, np.nan, found.astype(np.float64))


def stack(parts: Sequence[Neighbours]) -> Neighbours:
    """Join the results of several sets of samples that were compared with the same others."""
    reverse = np.sort(np.concatenate([part.reverse for part in parts], axis=1), axis=1)[:, :2]
    return Neighbours(
        np.concatenate([part.nearest for part in parts]),
        np.concatenate([part.index for part in parts]),
        np.concatenate([part.density for part in parts]),
        reverse,
        float(np.fmax.reduce([part.kinship for part in parts])),
    )
