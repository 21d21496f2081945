"""The permuted reference: training individuals with chromosomes permuted among them."""

import numpy as np


def shuffle_chromosomes(
    dosages: np.ndarray, labels: np.ndarray, groups: np.ndarray, chromosomes: np.ndarray, seed: int
) -> np.ndarray:
    """Permute whole chromosomes among individuals with the same label and group.

    The result keeps allele frequencies, LD within chromosomes and allele effects. If there are several
    chromosomes, it does not keep individuals.
    `dosages` int8 (n, m); `labels` and `groups` (n,) of any type, `groups` constant if none are
    known; `chromosomes` (m,). Returns int8 (n, m), whose rows keep their labels.
    """
    rng = np.random.default_rng(seed)
    shuffled = np.empty_like(dosages)
    for label in np.unique(labels):
        for group in np.unique(groups[labels == label]):
            rows = np.flatnonzero((labels == label) & (groups == group))
            for chromosome in dict.fromkeys(chromosomes):
                columns = np.flatnonzero(chromosomes == chromosome)
                shuffled[np.ix_(rows, columns)] = dosages[np.ix_(rng.permutation(rows), columns)]
    return shuffled
