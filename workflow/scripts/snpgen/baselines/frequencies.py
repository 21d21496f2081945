"""Genotype frequencies of a class whose allele frequencies are changed to a target."""

import numpy as np


def genotype_frequencies(dosages: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Frequencies float64 (3, m) of the dosages 0, 1 and 2 with the mean dosage 2 x `target` (m,).

    The inbreeding coefficient of each variant, 1 - observed / expected heterozygosity, remains that of
    the training individuals with `dosages` int8 (n, m) of 0, 1, 2. It is larger where the target is too
    small for so many heterozygotes, and 0 for a variant that is monomorphic in these individuals.
    At a target equal to their allele frequencies, the result is their genotype frequencies.
    """
    own = dosages.mean(axis=0, dtype=np.float64) / 2
    expected, observed = 2 * own * (1 - own), (dosages == 1).mean(axis=0)
    excess = np.divide(observed, expected, out=np.ones_like(own), where=expected > 0)
    target = target.clip(0, 1)
    heterozygous = np.minimum(
        2 * target * (1 - target) * excess, 2 * np.minimum(target, 1 - target)
    )
    return np.stack([1 - target - heterozygous / 2, heterozygous, target - heterozygous / 2])
