"""Baseline with pairwise LD: a Gaussian copula of the dosages."""

import numpy as np
import pandas as pd
from scipy.special import ndtri

from snpgen.baselines.chunks import chunk_rows
from snpgen.baselines.frequencies import genotype_frequencies

BLOCK = 2048  # variants of a correlation matrix that is factorised at once
CORRELATION_LIMIT = 0.999  # of two normal scores
EIGENVALUE_FLOOR = 1e-4
PROJECTIONS = 10
_ANGLES = np.linspace(0, np.arcsin(CORRELATION_LIMIT), 33, dtype=np.float32)
_MAX_SCORE = 40.0  # a cut that no normal score exceeds
_PAIRS = 50_000  # pairs of variants solved at once


def sample_copula(
    dosages: np.ndarray,
    labels: np.ndarray,
    variants: pd.DataFrame,
    frequencies: np.ndarray,
    synthetic_labels: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Sample correlated normal scores and cut them at the genotype frequencies of the class.

    The correlation of two scores is chosen so that, cut at the genotype frequencies of the training individuals of
    the class, the dosages have the covariance of these individuals (NORTA, Cario & Nelson 1997). The cuts therefore
    do not weaken LD. Synthetic scores are cut at the target frequencies. Panels of more than `BLOCK` variants are
    divided into blocks of adjacent variants, which are sampled independently. Arguments and result are the same as
    in `independent.sample_independent`.
    """
    rng = np.random.default_rng(seed)
    n_variants = dosages.shape[1]
    synthetic = np.empty((len(synthetic_labels), n_variants), dtype=np.int8)
    blocks = np.array_split(np.arange(n_variants), -(-n_variants // BLOCK))
    for label in np.unique(synthetic_labels):
        of_class = np.flatnonzero(synthetic_labels == label)
        for block in blocks:
            training = dosages[np.ix_(labels == label, block)]
            own = training.mean(axis=0, dtype=np.float64) / 2
            correlation = score_correlation(training, genotype_cuts(training, own))
            factor = factorise(correlation).T
            cuts = genotype_cuts(training, frequencies[label][block])
            for rows in chunk_rows(of_class, len(block)):
                scores = rng.standard_normal((len(rows), len(block)), dtype=np.float32) @ factor
                cut = (scores > cuts[:, 0]).astype(np.int8) + (scores > cuts[:, 1])
                synthetic[np.ix_(rows, block)] = cut
    return synthetic


def genotype_cuts(dosages: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Normal scores above which the dosage is 1 and 2, float32 (m, 2), by `genotype_frequencies`."""
    below = genotype_frequencies(dosages, target)[:2].cumsum(axis=0).T.clip(0, 1)
    return ndtri(below).clip(-_MAX_SCORE, _MAX_SCORE).astype(np.float32)


def score_correlation(dosages: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Correlations float32 (m, m) of the normal scores of `dosages` (n, m), cut at `cuts` (m, 2).

    The covariance of two dosages is the sum over pairs of cuts of P(both exceeded) minus its value
    under independence. Its derivative with respect to the arcsine of the correlation has a closed
    form (Plackett 1954), which is integrated on a grid and inverted.
    """
    centred = dosages - dosages.mean(axis=0, dtype=np.float32)
    covariance = centred.T @ centred / np.float32(len(dosages))
    correlation = np.eye(len(cuts), dtype=np.float32)
    first, second = np.triu_indices(len(cuts), k=1)
    for start in range(0, len(first), _PAIRS):
        i, j = (side[start : start + _PAIRS] for side in (first, second))
        sign = np.where(covariance[i, j] < 0, np.float32(-1), np.float32(1))
        slope = _covariance_slope(cuts[i], cuts[j], sign)
        integral = np.cumsum((slope[:, 1:] + slope[:, :-1]) * (_ANGLES[1] / 2), axis=1)
        angle = _invert(integral, np.abs(covariance[i, j]))
        correlation[i, j] = correlation[j, i] = sign * np.sin(angle)
    return correlation


def _covariance_slope(s: np.ndarray, t: np.ndarray, sign: np.ndarray) -> np.ndarray:
    """Derivative (pairs, angles) of |covariance| at `_ANGLES`; the cuts `s` and `t` are (pairs, 2)."""
    sine, halves = np.sin(_ANGLES), 0.5 / np.cos(_ANGLES) ** 2
    slope = np.zeros((len(s), len(_ANGLES)), np.float32)
    for a in (0, 1):
        for b in (0, 1):
            x, y = s[:, a, None], t[:, b, None]
            exponent = (2 * sign[:, None] * x * y * sine - x**2 - y**2) * halves
            slope += np.exp(exponent) / np.float32(2 * np.pi)
    return slope


def _invert(integral: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Angles (pairs,) at which the increasing rows of `integral` (pairs, angles - 1) equal `target`."""
    before = (integral < target[:, None]).sum(axis=1)
    last = integral.shape[1] - 1
    upper = np.take_along_axis(integral, before.clip(max=last)[:, None], axis=1)[:, 0]
    lower = np.take_along_axis(integral, (before - 1).clip(min=0)[:, None], axis=1)[:, 0]
    lower = np.where(before > 0, lower, 0)
    part = (target - lower) / np.where(upper > lower, upper - lower, 1)
    return (_ANGLES[1] * (before + part)).clip(0, _ANGLES[-1])


def factorise(correlation: np.ndarray) -> np.ndarray:
    """A factor F (m, m) with rows of unit length and F F^T equal or close to `correlation` (m, m).

    Correlations that were computed pair by pair rarely form a positive definite matrix. The matrix is then
    replaced by the nearest positive definite correlation matrix (alternating projections, Higham 2002).
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
