"""Haplotype frequencies of pairs of variants, and the earlier variant that tells most about each."""

from typing import NamedTuple

import numpy as np

from snpgen.generator.blocks import PADDING
from snpgen.io.panel import thin

SAMPLES = 50_000  # enough for frequencies of pairs; more are thinned evenly
_ITERATIONS = 60  # of the EM; the slowest pairs, rare and unlinked, have long settled
_EVIDENCE = 16.0  # likelihood ratio chi2 below which the best of some eighty is chance (p = 6e-5)
_PRIOR_HAPLOTYPES = 2.0  # with the variant's own frequency, added to what follows each allele
MAX_PARENTS = 6
WINDOW = 64  # variants before a block among which parents are looked for, whole blocks of them
_COLLINEAR = 0.05  # of a variant's variance; with less left, others stand for it
_SMALLEST = 1e-6  # probability


class Parents(NamedTuple):
    """What each variant starts from.

    `parents` int64 (m, MAX_PARENTS): earlier variants, the most informative first, then `PADDING`;
    `log_odds` float32 (m, 2): of the effect allele on a haplotype, given allele 0 or 1 of the first
    parent; `frequency` float32 (m,).
    """

    parents: np.ndarray
    log_odds: np.ndarray
    frequency: np.ndarray


def pair_haplotypes(counts: np.ndarray) -> np.ndarray:
    """Haplotype frequencies (..., 2, 2) of two variants from people by genotypes (..., 3, 3).

    Maximum likelihood under Hardy-Weinberg proportions, by EM over the phase of double heterozygotes
    (Excoffier & Slatkin 1995), from linkage equilibrium. Axes: allele of the first, of the second.
    """
    counts = counts.astype(np.float64)
    double = counts[..., 1, 1]
    first, second = np.indices((3, 3))
    sure = np.empty((*counts.shape[:-2], 2, 2))  # haplotypes seen without doubt
    for a, b in np.ndindex(2, 2):
        copies = np.where(a, first, 2 - first) * np.where(b, second, 2 - second) / 2.0
        copies[1, 1] = 0
        sure[..., a, b] = (counts * copies).sum(axis=(-1, -2))
    total = 2 * counts.sum(axis=(-1, -2))
    p, q = (
        (sure[..., 1, :].sum(-1) + double) / total,
        (sure[..., :, 1].sum(-1) + double) / total,
    )
    one = np.stack([1 - p, p], axis=-1)
    frequency = one[..., :, None] * np.stack([1 - q, q], axis=-1)[..., None, :]
    sign = np.array([[1, 0], [0, 1]])
    for _ in range(_ITERATIONS):
        coupled = frequency[..., 0, 0] * frequency[..., 1, 1]
        either = coupled + frequency[..., 0, 1] * frequency[..., 1, 0]
        share = np.divide(coupled, either, out=np.full_like(coupled, 0.5), where=either > 0)
        phased = np.where(sign, share[..., None, None], 1 - share[..., None, None])
        frequency = (sure + double[..., None, None] * phased) / total[..., None, None]
    return frequency


def mutual_information(frequency: np.ndarray) -> np.ndarray:
    """Nats that one allele tells about the other, (...), of joint frequencies (..., 2, 2)."""
    independent = frequency.sum(-1, keepdims=True) * frequency.sum(-2, keepdims=True)
    ratio = np.divide(frequency, independent, out=np.ones_like(frequency), where=frequency > 0)
    return (frequency * np.log(ratio)).sum(axis=(-1, -2))


def choose_parents(dosages: np.ndarray, blocks: np.ndarray, chromosomes: np.ndarray) -> Parents:
    """For each variant the most informative ones among those before it.

    These are the earlier ones of its block and all of the blocks before that hold `REACH` variants of
    its chromosome. The first parents make the best tree with edges no longer than that (Chow & Liu
    1968); the others are chosen forward by their partial correlation. A variant that none tells about
    beyond chance has no parent.
    `dosages` int8 (n, m) without missing calls, `blocks` as `make_blocks` gives them.
    """
    samples = thin(dosages, SAMPLES)
    n, m = samples.shape
    edge = 0.5 / (2 * n)
    frequency = np.clip(samples.mean(axis=0, dtype=np.float64) / 2, edge, 1 - edge)
    parents = np.full((m, MAX_PARENTS), PADDING, dtype=np.int64)
    log_odds = np.repeat(_log_odds(frequency)[:, None], 2, axis=1)
    window = -(-WINDOW // blocks.shape[1])
    names = chromosomes[blocks[:, 0]]
    for number, block in enumerate(blocks):
        own = block[block != PADDING]
        earlier = blocks[max(0, number - window) : number]
        earlier = earlier[names[max(0, number - window) : number] == names[number]]
        seen = np.concatenate([earlier[earlier != PADDING], own])
        is_genotype = [(samples[:, seen] == g).astype(np.float32) for g in range(3)]
        counts = np.empty((len(seen), len(seen), 3, 3), np.float32)
        for g, h in np.ndindex(3, 3):
            counts[:, :, g, h] = is_genotype[g].T @ is_genotype[h]
        pairs = pair_haplotypes(counts)
        evidence = 4 * n * mutual_information(pairs)  # of 2n haplotypes
        correlation = _correlation(pairs)
        for place in range(len(seen) - len(own), len(seen)):
            if not place or evidence[:place, place].max() < _EVIDENCE:
                continue
            best = int(evidence[:place, place].argmax())
            variant = seen[place]
            chosen = [best, *_further_parents(correlation[: place + 1, : place + 1], best, n)]
            parents[variant, : len(chosen)] = seen[chosen]
            copies = 2 * n * pairs[best, place]
            ones = copies[:, 1] + _PRIOR_HAPLOTYPES * frequency[variant]
            log_odds[variant] = _log_odds(ones / (copies.sum(axis=1) + _PRIOR_HAPLOTYPES))
    return Parents(parents, log_odds.astype(np.float32), frequency.astype(np.float32))


def nearest_parents(frequency: np.ndarray, chromosomes: np.ndarray) -> Parents:
    """The same from frequencies float64 (m,) alone: parents are the variants just before, untold of LD."""
    m = len(frequency)
    before = np.arange(m)[:, None] - 1 - np.arange(MAX_PARENTS)
    same = (before >= 0) & (chromosomes[before] == chromosomes[:, None])
    log_odds = np.repeat(_log_odds(frequency)[:, None], 2, axis=1)
    parents = np.where(same, before, PADDING).astype(np.int64)
    return Parents(parents, log_odds.astype(np.float32), frequency.astype(np.float32))


def _correlation(pairs: np.ndarray) -> np.ndarray:
    """Correlation (k, k) of the alleles of haplotypes with frequencies (k, k, 2, 2)."""
    first, second = pairs[..., 1, :].sum(-1), pairs[..., :, 1].sum(-1)
    spread = np.sqrt(first * (1 - first) * second * (1 - second))
    covariance = pairs[..., 1, 1] - first * second
    r = np.divide(covariance, spread, out=np.zeros_like(spread), where=spread > 0)
    np.fill_diagonal(r, 1)
    return r


def _further_parents(correlation: np.ndarray, first: int, n: int) -> list[int]:
    """Places of more parents of the last variant, one by one those that tell most beside the others."""
    left, chosen = correlation.copy(), [first]
    while len(chosen) < MAX_PARENTS:
        pivot = chosen[-1]
        left -= np.outer(left[:, pivot], left[pivot]) / left[pivot, pivot]
        own, spread = left[-1, -1], left.diagonal()[:-1]
        free = spread > _COLLINEAR
        free[chosen] = False
        if own <= _COLLINEAR or not free.any():
            break
        explained = np.where(free, left[-1, :-1] ** 2 / np.where(free, spread, 1) / own, 0)
        best = int(explained.argmax())
        if -2 * n * np.log1p(-min(explained[best], 1 - _COLLINEAR)) < _EVIDENCE:
            break
        chosen.append(best)
    return chosen[1:]


def _log_odds(probability: np.ndarray) -> np.ndarray:
    clipped = np.clip(probability, _SMALLEST, 1 - _SMALLEST)
    return np.log(clipped) - np.log1p(-clipped)
