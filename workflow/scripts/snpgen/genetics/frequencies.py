"""Allele frequencies."""

import numpy as np

from snpgen.io.plink import MISSING


def smoothed_frequency(dosages: np.ndarray) -> np.ndarray:
    """Frequency (m,) of the effect allele with half a copy of each allele added (Jeffreys).

    Keeps a log ratio finite where an allele was not seen. NaN for no people.
    """
    if not len(dosages):
        return np.full(dosages.shape[1], np.nan)
    called = dosages != MISSING
    return ((dosages * called).sum(axis=0, dtype=np.int64) + 0.5) / (2 * called.sum(axis=0) + 1)
