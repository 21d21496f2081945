"""Exact nearest neighbours between people, by the Manhattan distance of their dosages."""

import faiss
import numpy as np


def thermometer_bits(dosages: np.ndarray) -> np.ndarray:
    """Dosages 0, 1, 2 (n, m) as the bits (>= 1, >= 2), bool (n, 2m).

    The Hamming distance of two such codes is the Manhattan distance of the dosages.
    """
    return np.concatenate([dosages >= 1, dosages >= 2], axis=1)


def thermometer(dosages: np.ndarray) -> np.ndarray:
    """`thermometer_bits`, packed, uint8 (n, bytes)."""
    return np.packbits(thermometer_bits(dosages), axis=1)


def nearest_distance(queries: np.ndarray, base: np.ndarray, threads: int = 1) -> np.ndarray:
    """Distance (n,) float64 of each query to the nearest of `base`; NaN where that is empty.

    Both int8 (., m) of 0, 1, 2 without missing calls; exact (faiss IndexBinaryFlat).
    """
    if not len(base):
        return np.full(len(queries), np.nan)
    faiss.omp_set_num_threads(threads)
    codes = thermometer(base)
    index = faiss.IndexBinaryFlat(8 * codes.shape[1])
    index.add(codes)
    distance, _ = index.search(thermometer(queries), 1)
    return distance[:, 0].astype(np.float64)
