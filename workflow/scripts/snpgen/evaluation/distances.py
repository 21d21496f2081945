"""Genotypes as bits, for Manhattan distances of dosages."""

import numpy as np


def thermometer_bits(dosages: np.ndarray) -> np.ndarray:
    """Dosages 0, 1, 2 (n, m) as the bits (>= 1, >= 2), bool (n, 2m).

    The Hamming distance of two codes is the Manhattan distance of the dosages.
    """
    return np.concatenate([dosages >= 1, dosages >= 2], axis=1)


def all_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """All pairwise distances float32 (i, j) of `thermometer_bits` as float32; exact below 2^24."""
    return a.sum(axis=1)[:, None] + b.sum(axis=1) - 2 * (a @ b.T)
