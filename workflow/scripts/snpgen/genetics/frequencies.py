"""Allele frequencies."""

import numpy as np

from snpgen.io.plink import MISSING


def smoothed_frequency(dosages: np.ndarray) -> np.ndarray:
    """Frequency of the effect allele after adding half a copy of each allele (Jeffreys), float64 (m,).

    Log ratios of these frequencies are finite even if an allele is not observed. `dosages` int8 (n, m) with
    `MISSING`; for n = 0 the result is NaN.
    """
    if not len(dosages):
        return np.full(dosages.shape[1], np.nan)
    called = dosages != MISSING
    return ((dosages * called).sum(axis=0, dtype=np.int64) + 0.5) / (2 * called.sum(axis=0) + 1)
