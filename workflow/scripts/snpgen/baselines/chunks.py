"""Division of synthetic individuals into chunks, which bounds the memory of the baselines."""

import numpy as np

_GENOTYPES = 4_000_000  # generated at once


def chunk_rows(rows: np.ndarray, n_variants: int) -> list[np.ndarray]:
    """`rows` (k,) in consecutive parts of about `_GENOTYPES` genotypes each."""
    return np.array_split(rows, max(1, len(rows) * n_variants // _GENOTYPES))
