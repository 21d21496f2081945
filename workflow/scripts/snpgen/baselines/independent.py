"""Baseline without LD: every variant is sampled independently."""

import numpy as np
import pandas as pd

from snpgen.baselines.chunks import chunk_rows


def sample_independent(
    dosages: np.ndarray,
    labels: np.ndarray,
    variants: pd.DataFrame,
    synthetic_labels: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Sample each variant from its genotype frequencies in the class.

    `dosages` int8 (n, m) of 0, 1, 2 without missing calls and integer `labels` (n,) are the data of
    the training individuals; every value of `synthetic_labels` (k,) must occur in `labels`.
    `variants` (m rows) has `chromosome` and `position`. Returns int8 (k, m).
    """
    rng = np.random.default_rng(seed)
    synthetic = np.empty((len(synthetic_labels), dosages.shape[1]), dtype=np.int8)
    for label in np.unique(synthetic_labels):
        of_class = dosages[labels == label]
        zero, one = ((of_class == genotype).mean(axis=0) for genotype in (0, 1))
        for rows in chunk_rows(np.flatnonzero(synthetic_labels == label), dosages.shape[1]):
            uniform = rng.random((len(rows), dosages.shape[1]))
            synthetic[rows] = (uniform > zero).astype(np.int8) + (uniform > zero + one)
    return synthetic
