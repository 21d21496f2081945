"""Imputation of missing calls at the panel by random genotypes."""

import numpy as np

from snpgen.io.panel import Panel
from snpgen.io.plink import MISSING, allele_frequency, draw_missing
from snpgen.job import derive_seed


def impute_genotypes(
    panel: Panel, split: str, seed: int, frequency: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Dosages int8 (n, m) of a split without missing calls, and the mask of called genotypes.

    Missing calls are sampled from Binomial(2, p), where p is the allele `frequency` (m,), by default the
    training frequency.
    """
    if frequency is None:
        frequency = np.nan_to_num(allele_frequency(panel.of("train")[0]))
    dosages, _ = panel.of(split)
    return draw_missing(dosages, frequency, derive_seed(seed, "missing", split)), dosages != MISSING
