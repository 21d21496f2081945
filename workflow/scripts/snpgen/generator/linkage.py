"""Haplotype frequencies of pairs of variants, and the earlier variant that tells most about each."""

from typing import NamedTuple

import numpy as np

from snpgen.generator.blocks import PADDING, neighbours

PEOPLE = 50_000  # enough for frequencies of pairs; more are thinned evenly
_ITERATIONS = 60  # of the EM; the slowest pairs, rare and unlinked, have long settled
_EVIDENCE = 16.0  # likelihood ratio chi2 below which the best of some thirty is chance (p = 6e-5)
_PRIOR_HAPLOTYPES = 2.0  # with the variant's own frequency, added to what follows each allele
_SMALLEST = 1e-6  # probability


class Parents(NamedTuple):
    """What each variant starts from.

    `parent` int64 (m,): an earlier variant, or `PADDING`; `log_odds` float32 (m, 2): of the effect
    allele on a haplotype, given allele 0 or 1 of the parent; `frequency` float32 (m,).
    """

    parent: np.ndarray
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
    """For each variant the most informative one among those the decoder sees before it.

    These are the earlier ones of its block and all of the block before: the best tree with edges no
    longer than that (Chow & Liu 1968). A variant that none tells about beyond chance has no parent.
    `dosages` int8 (n, m) without missing calls, `blocks` as `make_blocks` gives them.
    """
    people = dosages[:: -(-len(dosages) // PEOPLE)]
    n, m = people.shape
    edge = 0.5 / (2 * n)
    frequency = np.clip(people.mean(axis=0, dtype=np.float64) / 2, edge, 1 - edge)
    parent = np.full(m, PADDING, dtype=np.int64)
    log_odds = np.repeat(_log_odds(frequency)[:, None], 2, axis=1)
    previous = neighbours(blocks, chromosomes)[:, 0]
    for block, before in zip(blocks, previous, strict=True):
        own = block[block != PADDING]
        earlier = blocks[before] if before != PADDING else block[:0]
        seen = np.concatenate([earlier[earlier != PADDING], own])
        last = len(seen) - len(own)
        is_genotype = [(people[:, seen] == g).astype(np.float32) for g in range(3)]
        counts = np.empty((len(seen), len(own), 3, 3), np.float32)
        for g, h in np.ndindex(3, 3):
            counts[:, :, g, h] = is_genotype[g].T @ is_genotype[h][:, last:]
        pairs = pair_haplotypes(counts)
        evidence = 4 * n * mutual_information(pairs)  # of 2n haplotypes
        for position, variant in enumerate(own):
            candidates = evidence[: last + position, position]
            if not len(candidates) or candidates.max() < _EVIDENCE:
                continue
            best = int(candidates.argmax())
            parent[variant] = seen[best]
            copies = 2 * n * pairs[best, position]
            ones = copies[:, 1] + _PRIOR_HAPLOTYPES * frequency[variant]
            log_odds[variant] = _log_odds(ones / (copies.sum(axis=1) + _PRIOR_HAPLOTYPES))
    return Parents(parent, log_odds.astype(np.float32), frequency.astype(np.float32))


def _log_odds(probability: np.ndarray) -> np.ndarray:
    clipped = np.clip(probability, _SMALLEST, 1 - _SMALLEST)
    return np.log(clipped) - np.log1p(-clipped)
