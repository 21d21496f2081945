"""Principal components of ancestry, by which the effects of variants are adjusted in any cohort.

A synthetic cohort has genotypes on the panel only. The components are therefore those of the panel, fitted
to the training individuals, and all cohorts are projected onto them. A variant of the panel, and variants
in LD with it, contribute to components of the whole panel, so that adjustment would remove a part of its
effect. Each variant is therefore adjusted for components of the variants on all other chromosomes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh, orth

from snpgen.genetics.pca import TILE, standardise
from snpgen.io.plink import allele_frequency

COUNT = 10  # components, as in the GWAS by default
_TOLERANCE = 1e-6  # relative singular value below which components are collinear or constant


@dataclass(frozen=True)
class AncestryComponents:
    """Components for the variants of each chromosome, from the variants on all other chromosomes.

    `rows` and `frequency` (k,) are the polymorphic variants and their training frequencies; `columns` holds
    the variants (indices) of each chromosome, `loadings` (chromosomes, k, `COUNT` or fewer) the weights,
    which are zero for the chromosome's own variants.
    """

    rows: np.ndarray
    frequency: np.ndarray
    columns: list[np.ndarray]
    loadings: np.ndarray

    def project(self, dosages: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the variants of each chromosome and the scores of all individuals, float32 (n, components).

        `dosages` int8 (n, m) with `MISSING`.
        """
        count, _, width = self.loadings.shape
        weights = self.loadings.transpose(1, 0, 2).reshape(len(self.rows), count * width)
        weights = weights.astype(np.float32)
        scores = np.empty((len(dosages), count * width), np.float32)
        for start in range(0, len(dosages), TILE):
            tile = slice(start, start + TILE)
            scores[tile] = standardise(dosages[tile, self.rows], self.frequency) @ weights
        for i, columns in enumerate(self.columns):
            yield columns, scores[:, i * width : (i + 1) * width]


def fit_ancestry(dosages: np.ndarray, chromosomes: np.ndarray) -> AncestryComponents:
    """Fit the components to the training individuals, `dosages` int8 (n, m); `chromosomes` (m,).

    There are no components if all variants are on one chromosome.
    """
    frequency = allele_frequency(dosages)
    rows = np.flatnonzero((frequency > 0) & (frequency < 1))
    frequency = frequency[rows]
    square = np.zeros((len(rows), len(rows)))
    for start in range(0, len(dosages), TILE):
        z = standardise(dosages[start : start + TILE, rows], frequency)
        square += z.T @ z
    names = np.unique(chromosomes)
    others = [np.flatnonzero(chromosomes[rows] != name) for name in names]
    width = min([COUNT, *map(len, others)])
    loadings = np.zeros((len(names), len(rows), width))
    for matrix, other in zip(loadings, others, strict=True):
        if width:
            ends = len(other) - width, len(other) - 1
            matrix[other] = eigh(square[np.ix_(other, other)], subset_by_index=ends)[1]
    columns = [np.flatnonzero(chromosomes == name) for name in names]
    return AncestryComponents(rows, frequency, columns, loadings)


def orthonormal_basis(scores: np.ndarray) -> np.ndarray:
    """Orthonormal basis float64 (n, k) of the centred scores; constant and collinear ones are omitted."""
    centred = scores - scores.sum(axis=0, dtype=np.float64) / max(len(scores), 1)
    if not np.abs(centred).max(initial=0) > _TOLERANCE:
        return np.empty((len(scores), 0))
    basis: np.ndarray = orth(centred, rcond=_TOLERANCE)
    return basis
