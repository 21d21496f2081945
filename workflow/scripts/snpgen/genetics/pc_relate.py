"""Kinship given ancestry: PC-Relate (Conomos, Reiner, Weir & Thornton 2016, Am J Hum Genet 98:127).

KING-robust assumes that each individual is in Hardy-Weinberg equilibrium. Recently admixed individuals have more
heterozygous genotypes, so that unrelated individuals with the same mixture appear to be related: with parents from
populations that differ by Fst, the kinship of their children is Fst / 2 too large.
"""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from snpgen.genetics.pca import CHUNK, Components, fit_components, project, supported_count
from snpgen.io.plink import MISSING, Fileset, allele_frequency
from snpgen.job import log

COUNT = 10  # components
_MIN_FREQUENCY = (
    0.01  # allele frequencies of individuals are limited to this value and its complement
)
_BATCH = 1 << 14  # pairs


def fit_ancestry_components(
    fileset: Fileset,
    variants: np.ndarray,
    samples: np.ndarray,
    effective: float,
    seed: int,
    threads: int,
) -> Components | None:
    """Components of the unrelated individuals `samples` that exceed chance; None if there are none.

    Without structure, eigenvalues are at most (1 + sqrt(n / m))^2 (Marchenko & Pastur 1967), where m is the
    `effective` number of independent `variants`.
    """
    frequency = np.concatenate(
        [allele_frequency(part) for _, part in fileset.chunks(variants, samples, CHUNK, threads)]
    )
    varies = (frequency > 0) & (frequency < 1)
    variants, frequency = variants[varies], frequency[varies]
    count = supported_count(COUNT, len(variants), len(samples))
    if not count:
        return None
    found = fit_components(fileset, variants, samples, frequency, count, seed, threads)
    limit = (1 + np.sqrt(len(samples) / effective)) ** 2
    structured = int((found.eigenvalues > limit).sum())
    log.info("%d components of ancestry, with eigenvalues above %.2f", structured, limit)
    if not structured:
        return None
    loadings, eigenvalues = found.loadings[:, :structured], found.eigenvalues[:structured]
    return Components(found.rows, frequency, loadings, eigenvalues)


def choose_unrelated(first: np.ndarray, second: np.ndarray, n_samples: int) -> np.ndarray:
    """Rows of one individual of each family; `first` and `second` are the rows of related pairs."""
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(n_samples, n_samples))
    return np.sort(np.unique(connected_components(graph, directed=False)[1], return_index=True)[1])


def kinship_given_ancestry(
    fileset: Fileset,
    components: Components,
    samples: np.ndarray,
    fitted: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    threads: int,
) -> np.ndarray:
    """PC-Relate kinship, float64, of the pairs `first` and `second` (indices of `samples`).

    `samples` are rows of the .fam, and `fitted` marks those to which `components` were fitted. The allele
    frequencies of an individual are predicted from its scores.
    """
    scores = project(fileset, components, samples, fitted, threads).astype(np.float32)
    products, variances = np.zeros((2, len(first)))
    start = 0
    for rows, dosages in fileset.chunks(components.rows, samples, CHUNK, threads):
        here = slice(start, start + len(rows))
        p = components.frequency[here].astype(np.float32)
        scale = np.sqrt(2 * p * (1 - p))
        predicted = scores @ components.loadings[here].T.astype(np.float32) * scale / 2 + p
        predicted = predicted.clip(_MIN_FREQUENCY, 1 - _MIN_FREQUENCY)
        called = dosages != MISSING
        residual = np.where(called, dosages - 2 * predicted, 0)
        spread = np.where(called, np.sqrt(predicted * (1 - predicted)), 0)
        for begin in range(0, len(first), _BATCH):
            batch = slice(begin, begin + _BATCH)
            i, j = first[batch], second[batch]
            products[batch] += np.einsum("ij,ij->i", residual[i], residual[j])
            variances[batch] += np.einsum("ij,ij->i", spread[i], spread[j])
        start += len(rows)
    return products / (4 * np.maximum(variances, 1e-12))
