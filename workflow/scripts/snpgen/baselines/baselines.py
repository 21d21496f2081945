"""Generators that are simpler than ours, which every run shows beside it, and the shuffled ceiling.

All draw each class from that class's training people alone. Dosages are int8 (n, n_variants) of
0, 1, 2 without missing calls, labels (n,) any integers; every label that is asked for must be
somebody's.
"""

import numpy as np
from scipy.stats import norm

COPULA_BLOCK = 2048  # variants whose correlations are held and factorised at once
CORRELATION_LIMIT = 0.999  # of two normal scores
EIGENVALUE_FLOOR = 1e-4
PROJECTIONS = 10
SEGMENT = 1_000_000  # base pairs, mean length
_ANGLES = np.linspace(0, np.arcsin(CORRELATION_LIMIT), 33, dtype=np.float32)
_NEVER = 40.0  # a threshold that no normal score reaches
_GENOTYPES = 4_000_000  # drawn at once
_PAIRS = 50_000  # pairs of variants solved at once


def sample_independent(
    dosages: np.ndarray, labels: np.ndarray, synthetic_labels: np.ndarray, seed: int
) -> np.ndarray:
    """Each variant drawn alone from its genotype frequencies in the class: no LD at all.

    Returns int8 (len(synthetic_labels), n_variants).
    """
    rng = np.random.default_rng(seed)
    drawn = np.empty((len(synthetic_labels), dosages.shape[1]), dtype=np.int8)
    for label in np.unique(synthetic_labels):
        samples = dosages[labels == label]
        none, one = ((samples == genotype).mean(axis=0) for genotype in (0, 1))
        for rows in _chunks(np.flatnonzero(synthetic_labels == label), dosages.shape[1]):
            uniform = rng.random((len(rows), dosages.shape[1]))
            drawn[rows] = (uniform > none).astype(np.int8) + (uniform > none + one)
    return drawn


def sample_copula(
    dosages: np.ndarray, labels: np.ndarray, synthetic_labels: np.ndarray, seed: int
) -> np.ndarray:
    """Normal scores cut at the class's genotype frequencies: a Gaussian copula on dosages.

    The correlation of two scores is the one whose dosages have the class's covariance (NORTA,
    Cario & Nelson 1997), so LD is not weakened by the cuts. More than `COPULA_BLOCK` variants are
    taken in blocks of neighbours, independent of one another. Returns int8
    (len(synthetic_labels), n_variants).
    """
    rng = np.random.default_rng(seed)
    n_variants = dosages.shape[1]
    drawn = np.empty((len(synthetic_labels), n_variants), dtype=np.int8)
    blocks = np.array_split(np.arange(n_variants), -(-n_variants // COPULA_BLOCK))
    for label in np.unique(synthetic_labels):
        of_class = np.flatnonzero(synthetic_labels == label)
        for block in blocks:
            samples = dosages[np.ix_(labels == label, block)]
            cuts = genotype_cuts(samples)
            factor = factorise(score_correlation(samples, cuts)).T
            for rows in _chunks(of_class, len(block)):
                scores = rng.standard_normal((len(rows), len(block)), dtype=np.float32) @ factor
                cut = (scores > cuts[:, 0]).astype(np.int8) + (scores > cuts[:, 1])
                drawn[np.ix_(rows, block)] = cut
    return drawn


def _chunks(samples: np.ndarray, n_variants: int) -> list[np.ndarray]:
    """Parts of `people` small enough to be drawn at once."""
    return np.array_split(samples, max(1, len(samples) * n_variants // _GENOTYPES))


def genotype_cuts(dosages: np.ndarray) -> np.ndarray:
    """Quantiles of a normal score at which dosage 1 and 2 begin, float32 (n_variants, 2)."""
    below = np.stack([(dosages < genotype).mean(axis=0) for genotype in (1, 2)], axis=1)
    return norm.ppf(below).clip(-_NEVER, _NEVER).astype(np.float32)


def score_correlation(dosages: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Correlations of the scores behind dosages (n, m), float32 (m, m); `cuts` as above.

    The covariance of two dosages is the sum over pairs of cuts of P(both exceeded) less its value
    under independence, whose derivative in the arcsine of the correlation has a closed form
    (Plackett 1954). It is integrated on a grid and the covariance found there.
    """
    centred = dosages - dosages.mean(axis=0, dtype=np.float32)
    covariance = centred.T @ centred / np.float32(len(dosages))
    correlation = np.eye(len(cuts), dtype=np.float32)
    first, second = np.triu_indices(len(cuts), k=1)
    for start in range(0, len(first), _PAIRS):
        i, j = (side[start : start + _PAIRS] for side in (first, second))
        sign = np.where(covariance[i, j] < 0, np.float32(-1), np.float32(1))
        slope = _covariance_slope(cuts[i], cuts[j], sign)
        reached = np.cumsum((slope[:, 1:] + slope[:, :-1]) * (_ANGLES[1] / 2), axis=1)
        angle = _where_reached(reached, np.abs(covariance[i, j]))
        correlation[i, j] = correlation[j, i] = sign * np.sin(angle)
    return correlation


def _covariance_slope(s: np.ndarray, t: np.ndarray, sign: np.ndarray) -> np.ndarray:
    """Derivative of |covariance| at `_ANGLES`, (pairs, angles); `s` and `t` (pairs, 2) are cuts."""
    sine, halves = np.sin(_ANGLES), 0.5 / np.cos(_ANGLES) ** 2
    slope = np.zeros((len(s), len(_ANGLES)), np.float32)
    for a in (0, 1):
        for b in (0, 1):
            x, y = s[:, a, None], t[:, b, None]
            exponent = (2 * sign[:, None] * x * y * sine - x**2 - y**2) * halves
            slope += np.exp(exponent) / np.float32(2 * np.pi)
    return slope


def _where_reached(reached: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Angle at which the rising rows of `reached` (pairs, angles - 1) come to `target` (pairs,)."""
    before = (reached < target[:, None]).sum(axis=1)
    last = reached.shape[1] - 1
    upper = np.take_along_axis(reached, before.clip(max=last)[:, None], axis=1)[:, 0]
    lower = np.take_along_axis(reached, (before - 1).clip(min=0)[:, None], axis=1)[:, 0]
    lower = np.where(before > 0, lower, 0)
    part = (target - lower) / np.where(upper > lower, upper - lower, 1)
    return (_ANGLES[1] * (before + part)).clip(0, _ANGLES[-1])


def factorise(correlation: np.ndarray) -> np.ndarray:
    """A factor F (m, m) of unit rows with F F^T the correlations (m, m), or near them.

    Where they are not positive definite, as those of linked pairs solved one by one seldom are, the
    nearest that are (alternating projections, Higham 2002) take their place.
    """
    target, correction = correlation, np.zeros_like(correlation)
    for _ in range(PROJECTIONS):
        values, vectors = np.linalg.eigh(target - correction)
        factor = vectors * np.sqrt(values.clip(EIGENVALUE_FLOOR))
        if values[0] >= EIGENVALUE_FLOOR:
            break
        definite = factor @ factor.T
        correction = definite - (target - correction)
        target = definite.copy()
        np.fill_diagonal(target, 1)
    return factor / np.linalg.norm(factor, axis=1, keepdims=True)


def sample_mosaic(
    dosages: np.ndarray,
    labels: np.ndarray,
    chromosomes: np.ndarray,
    positions: np.ndarray,
    synthetic_labels: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Diploid segments of random people of the class, so that no phase is needed.

    Breakpoints are a Poisson process along each chromosome, one per `SEGMENT` on average.
    `chromosomes` and `positions` (n_variants,) in genomic order, base pairs. Its people carry pieces
    of real ones. Returns int8 (len(synthetic_labels), n_variants).
    """
    rng = np.random.default_rng(seed)
    n_variants = dosages.shape[1]
    distance = np.diff(positions, prepend=positions[:1])
    breaks = -np.expm1(-distance.clip(min=0) / SEGMENT).astype(np.float32)
    breaks[np.concatenate([[True], chromosomes[1:] != chromosomes[:-1]])] = 1
    variants = np.arange(n_variants)
    drawn = np.empty((len(synthetic_labels), n_variants), dtype=np.int8)
    for label in np.unique(synthetic_labels):
        samples = np.flatnonzero(labels == label)
        of_class = np.flatnonzero(synthetic_labels == label)
        for rows in _chunks(of_class, n_variants):
            begins = rng.random((len(rows), n_variants), dtype=np.float32) < breaks
            donor = rng.choice(samples, begins.shape)
            segment = np.maximum.accumulate(np.where(begins, variants, 0), axis=1)
            drawn[rows] = dosages[np.take_along_axis(donor, segment, axis=1), variants]
    return drawn


def shuffle_chromosomes(
    dosages: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    chromosomes: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Whole chromosomes permuted among people of equal label and group; labels stay with the rows.

    It keeps all that a generator may keep which copies nobody. `groups` (n,) of any kind, all equal
    where none are known; `chromosomes` (n_variants,). Returns int8 of the shape of `dosages`.
    """
    rng = np.random.default_rng(seed)
    shuffled = np.empty_like(dosages)
    for label in np.unique(labels):
        for group in np.unique(groups[labels == label]):
            rows = np.flatnonzero((labels == label) & (groups == group))
            for chromosome in dict.fromkeys(chromosomes):
                variants = np.flatnonzero(chromosomes == chromosome)
                shuffled[np.ix_(rows, variants)] = dosages[np.ix_(rng.permutation(rows), variants)]
    return shuffled
