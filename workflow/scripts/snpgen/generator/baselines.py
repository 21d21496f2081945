"""Generators that are simpler than ours, which every run shows beside it."""

import numpy as np


def sample_independent(
    dosages: np.ndarray, labels: np.ndarray, synthetic_labels: np.ndarray, seed: int
) -> np.ndarray:
    """Each variant drawn alone from its genotype frequencies in the class: no LD at all.

    `dosages` int8 (n, n_variants) without missing calls and `labels` (n,) are the training
    people's. Returns int8 (len(synthetic_labels), n_variants).
    """
    rng = np.random.default_rng(seed)
    drawn = np.empty((len(synthetic_labels), dosages.shape[1]), dtype=np.int8)
    for label in np.unique(synthetic_labels):
        people = dosages[labels == label]
        rows = np.flatnonzero(synthetic_labels == label)
        none, one = ((people == genotype).mean(axis=0) for genotype in (0, 1))
        uniform = rng.random((len(rows), dosages.shape[1]))
        drawn[rows] = (uniform > none).astype(np.int8) + (uniform > none + one)
    return drawn
