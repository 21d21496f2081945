"""Baseline that copies segments: mosaics of the genotypes of training individuals."""

import numpy as np
import pandas as pd

from snpgen.baselines.chunks import chunk_rows

SEGMENT = 1_000_000  # bp, mean length


def sample_mosaic(
    dosages: np.ndarray,
    labels: np.ndarray,
    variants: pd.DataFrame,
    frequencies: np.ndarray,
    synthetic_labels: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Join diploid segments of random training individuals of the class; no phase is needed.

    Breakpoints follow a Poisson process along each chromosome, one per `SEGMENT` on average.
    `variants` is in genomic order. The result contains segments of real genotypes. Arguments and result are
    the same as in `independent.sample_independent`.
    """
    rng = np.random.default_rng(seed)
    n_variants = dosages.shape[1]
    chromosomes, positions = variants.chromosome.to_numpy(), variants.position.to_numpy()
    distance = np.diff(positions, prepend=positions[:1])
    breaks = -np.expm1(-distance.clip(min=0) / SEGMENT).astype(np.float32)
    breaks[np.concatenate([[True], chromosomes[1:] != chromosomes[:-1]])] = 1
    columns = np.arange(n_variants)
    synthetic = np.empty((len(synthetic_labels), n_variants), dtype=np.int8)
    for label in np.unique(synthetic_labels):
        training = np.flatnonzero(labels == label)
        of_class = np.flatnonzero(synthetic_labels == label)
        for rows in chunk_rows(of_class, n_variants):
            begins = rng.random((len(rows), n_variants), dtype=np.float32) < breaks
            donor = rng.choice(training, begins.shape)
            segment = np.maximum.accumulate(np.where(begins, columns, 0), axis=1)
            synthetic[rows] = dosages[np.take_along_axis(donor, segment, axis=1), columns]
    return synthetic
