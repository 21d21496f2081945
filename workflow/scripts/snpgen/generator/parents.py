"""The parents of each variant in the decoder: the earlier variants in strongest LD with it.

The initial log odds of the decoder are also estimated here. Haplotype frequencies of pairs of variants are
estimated by EM (Excoffier & Slatkin 1995). The first parents form the maximum spanning tree of mutual
information (Chow & Liu 1968); further parents are added by forward selection on partial correlation.
"""

from typing import NamedTuple

import numpy as np

from snpgen.generator.blocks import PADDING
from snpgen.io.panel import thin

SAMPLES = 50_000  # enough for pairwise haplotype frequencies; larger cohorts are thinned evenly
MAX_PARENTS = 12
_DP_PARENTS = 6  # the noise of DP-SGD grows with the number of weights
WINDOW = 64  # candidates before a block; rounded up to whole blocks
# EM iterations, enough for the slowest pairs (rare variants in linkage equilibrium) to converge.
_ITERATIONS = 60
# Likelihood ratio statistic (p = 6e-5) that the best of about 80 unlinked candidates rarely exceeds.
_MIN_CHI2 = 16.0
# Pseudo-count for each parental allele: haplotypes in which the variant has its overall frequency.
_PSEUDO_HAPLOTYPES = 2.0
# Candidates with a smaller share of residual variance are redundant.
_COLLINEAR = 0.05
_MIN_PROBABILITY = 1e-6


class Parents(NamedTuple):
    """Initial values of the decoder.

    `parents` int64 (m, k), k at most MAX_PARENTS: earlier variants, the most informative first, then `PADDING`;
    `log_odds` float32 (m, 2) of the effect allele, given allele 0 or 1 at the first parent;
    `frequency` float32 (m,) of the effect allele.
    """

    parents: np.ndarray
    log_odds: np.ndarray
    frequency: np.ndarray


def pair_haplotypes(counts: np.ndarray) -> np.ndarray:
    """Haplotype frequencies (..., 2, 2) of two variants from counts of their genotypes (..., 3, 3).

    Maximum likelihood under Hardy-Weinberg proportions, by EM over the phase of double heterozygotes
    (Excoffier & Slatkin 1995), starting from linkage equilibrium. The last two axes are the alleles of the
    first and of the second variant.
    """
    counts = counts.astype(np.float64)
    double = counts[..., 1, 1]
    first, second = np.indices((3, 3))
    known = np.empty((*counts.shape[:-2], 2, 2))  # counts of haplotypes with known phase
    for a, b in np.ndindex(2, 2):
        copies = np.where(a, first, 2 - first) * np.where(b, second, 2 - second) / 2.0
        copies[1, 1] = 0
        known[..., a, b] = (counts * copies).sum(axis=(-1, -2))
    total = 2 * counts.sum(axis=(-1, -2))
    p, q = (
        (known[..., 1, :].sum(-1) + double) / total,
        (known[..., :, 1].sum(-1) + double) / total,
    )
    first_frequency = np.stack([1 - p, p], axis=-1)
    frequency = first_frequency[..., :, None] * np.stack([1 - q, q], axis=-1)[..., None, :]
    sign = np.array([[1, 0], [0, 1]])
    for _ in range(_ITERATIONS):
        coupled = frequency[..., 0, 0] * frequency[..., 1, 1]
        either = coupled + frequency[..., 0, 1] * frequency[..., 1, 0]
        share = np.divide(coupled, either, out=np.full_like(coupled, 0.5), where=either > 0)
        phased = np.where(sign, share[..., None, None], 1 - share[..., None, None])
        frequency = (known + double[..., None, None] * phased) / total[..., None, None]
    return frequency


def mutual_information(frequency: np.ndarray) -> np.ndarray:
    """Mutual information of two alleles in nats, (...), from haplotype frequencies (..., 2, 2)."""
    independent = frequency.sum(-1, keepdims=True) * frequency.sum(-2, keepdims=True)
    ratio = np.divide(frequency, independent, out=np.ones_like(frequency), where=frequency > 0)
    return (frequency * np.log(ratio)).sum(axis=(-1, -2))


def window_blocks(block_size: int) -> int:
    """Number of blocks before a block that hold parents of its variants."""
    return -(-WINDOW // block_size)


def choose_parents(dosages: np.ndarray, blocks: np.ndarray, chromosomes: np.ndarray) -> Parents:
    """Choose the parents of each variant among the earlier variants near it on its chromosome.

    Candidates are the earlier variants of the same block, and the variants of the previous blocks. The number
    of previous blocks is `WINDOW` divided by the block size, rounded up. A variant without significant LD
    with any candidate has no parent.

    `dosages` int8 (n, m) without missing calls; `blocks` from `make_blocks`.
    """
    dosages = thin(dosages, SAMPLES)
    n, m = dosages.shape
    edge = 0.5 / (2 * n)
    frequency = np.clip(dosages.mean(axis=0, dtype=np.float64) / 2, edge, 1 - edge)
    parents = np.full((m, MAX_PARENTS), PADDING, dtype=np.int64)
    log_odds = np.repeat(_log_odds(frequency)[:, None], 2, axis=1)
    window = window_blocks(blocks.shape[1])
    names = chromosomes[blocks[:, 0]]
    for number, block in enumerate(blocks):
        own = block[block != PADDING]
        earlier = blocks[max(0, number - window) : number]
        earlier = earlier[names[max(0, number - window) : number] == names[number]]
        candidates = np.concatenate([earlier[earlier != PADDING], own])
        is_genotype = [(dosages[:, candidates] == g).astype(np.float32) for g in range(3)]
        counts = np.empty((len(candidates), len(candidates), 3, 3), np.float32)
        for g, h in np.ndindex(3, 3):
            counts[:, :, g, h] = is_genotype[g].T @ is_genotype[h]
        pairs = pair_haplotypes(counts)
        chi2 = 4 * n * mutual_information(pairs)  # likelihood ratio statistic of 2n haplotypes
        correlation = _correlation(pairs)
        for place in range(len(candidates) - len(own), len(candidates)):
            if not place or chi2[:place, place].max() < _MIN_CHI2:
                continue
            best = int(chi2[:place, place].argmax())
            variant = candidates[place]
            chosen = [best, *_further_parents(correlation[: place + 1, : place + 1], best, n)]
            parents[variant, : len(chosen)] = candidates[chosen]
            copies = 2 * n * pairs[best, place]
            ones = copies[:, 1] + _PSEUDO_HAPLOTYPES * frequency[variant]
            log_odds[variant] = _log_odds(ones / (copies.sum(axis=1) + _PSEUDO_HAPLOTYPES))
    parents = parents[:, : max(1, (parents != PADDING).sum(axis=1).max())]
    return Parents(parents, log_odds.astype(np.float32), frequency.astype(np.float32))


def preceding_parents(frequency: np.ndarray, chromosomes: np.ndarray) -> Parents:
    """Parents for differential privacy: the preceding variants on the chromosome.

    LD is not estimated; only the frequencies float64 (m,) are used.
    """
    m = len(frequency)
    before = np.arange(m)[:, None] - 1 - np.arange(_DP_PARENTS)
    same = (before >= 0) & (chromosomes[before.clip(min=0)] == chromosomes[:, None])
    log_odds = np.repeat(_log_odds(frequency)[:, None], 2, axis=1)
    parents = np.where(same, before, PADDING).astype(np.int64)
    return Parents(parents, log_odds.astype(np.float32), frequency.astype(np.float32))


def _correlation(pairs: np.ndarray) -> np.ndarray:
    """Correlation r of alleles (k, k), from haplotype frequencies (k, k, 2, 2)."""
    first, second = pairs[..., 1, :].sum(-1), pairs[..., :, 1].sum(-1)
    spread = np.sqrt(first * (1 - first) * second * (1 - second))
    covariance = pairs[..., 1, 1] - first * second
    r = np.divide(covariance, spread, out=np.zeros_like(spread), where=spread > 0)
    np.fill_diagonal(r, 1)
    return r


def _further_parents(correlation: np.ndarray, first: int, n: int) -> list[int]:
    """Indices of further parents of the last variant, by forward selection on partial correlation.

    `correlation` (k, k) is the correlation matrix of the candidates and, in the last row and column, the
    variant; `first` is the index of the first parent; `n` is the number of individuals.
    """
    partial, chosen = correlation.copy(), [first]
    while len(chosen) < MAX_PARENTS:
        pivot = chosen[-1]
        partial -= np.outer(partial[:, pivot], partial[pivot]) / partial[pivot, pivot]
        own, spread = partial[-1, -1], partial.diagonal()[:-1]
        free = spread > _COLLINEAR
        free[chosen] = False
        if own <= _COLLINEAR or not free.any():
            break
        explained = np.where(free, partial[-1, :-1] ** 2 / np.where(free, spread, 1) / own, 0)
        best = int(explained.argmax())
        if -2 * n * np.log1p(-min(explained[best], 1 - _COLLINEAR)) < _MIN_CHI2:
            break
        chosen.append(best)
    return chosen[1:]


def _log_odds(probability: np.ndarray) -> np.ndarray:
    clipped = np.clip(probability, _MIN_PROBABILITY, 1 - _MIN_PROBABILITY)
    return np.log(clipped) - np.log1p(-clipped)
