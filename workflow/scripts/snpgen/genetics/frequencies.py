"""Allele frequencies."""

import numpy as np

from snpgen.io.plink import sum_calls


def smoothed_frequency(dosages: np.ndarray) -> np.ndarray:
    """Frequency of the effect allele after adding half a copy of each allele (Jeffreys), float64 (m,).

    Log ratios of these frequencies are finite even if an allele is not observed. `dosages` int8 (n, m) with
    `MISSING`; for n = 0 the result is NaN.
    """
    if not len(dosages):
        return np.full(dosages.shape[1], np.nan)
    n_called, total = sum_calls(dosages)
    frequency: np.ndarray = (total + 0.5) / (2 * n_called + 1)
    return frequency
