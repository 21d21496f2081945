"""Baseline without LD: every variant is sampled independently."""

import numpy as np
import pandas as pd

from snpgen.baselines.chunks import chunk_rows
from snpgen.baselines.frequencies import genotype_frequencies


def sample_independent(
    dosages: np.ndarray,
    labels: np.ndarray,
    variants: pd.DataFrame,
    frequencies: np.ndarray,
    synthetic_labels: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Sample each variant from its genotype frequencies in the class.

    `dosages` int8 (n, m) of 0, 1, 2 without missing calls and integer `labels` (n,) are the data of
    the training individuals; every value of `synthetic_labels` (k,) must occur in `labels`.
    `variants` (m rows) has `chromosome` and `position`. `frequencies` float64 (classes, m) are the target
    allele frequencies by label (`frequencies.genotype_frequencies`). Returns int8 (k, m).
    """
    rng = np.random.default_rng(seed)
    synthetic = np.empty((len(synthetic_labels), dosages.shape[1]), dtype=np.int8)
    for label in np.unique(synthetic_labels):
        zero, one, _ = genotype_frequencies(dosages[labels == label], frequencies[label])
        for rows in chunk_rows(np.flatnonzero(synthetic_labels == label), dosages.shape[1]):
            uniform = rng.random((len(rows), dosages.shape[1]))
            synthetic[rows] = (uniform > zero).astype(np.int8) + (uniform > zero + one)
    return synthetic
