"""Principal components of the training individuals, and projection of all other individuals."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.linalg import eigh

from snpgen.genetics.ld import outside_regions
from snpgen.genetics.pruning import prune_fileset
from snpgen.io.plink import MISSING, Fileset, allele_frequency
from snpgen.job import log

CHUNK = 256  # variants in memory at once
TILE = 20_000  # individuals standardised at once, if all dosages are in memory
OVERSAMPLE = 10  # vectors per pass in addition to the number of components
MAX_PASSES = 10
TOLERANCE = 1e-4  # for |G u - lambda u| / lambda
MIN_VARIANTS, MIN_SAMPLES = 50, 20  # independent variants and individuals for each component

_BATCH = 2**22  # elements of the matrices that are decomposed at once


@dataclass(frozen=True)
class Components:
    """k components on m variants of a fileset.

    `rows` (m,) are rows of the fileset, and `frequency` (m,) is the frequency of the effect allele in the
    training set. `loadings` (m, k) has orthonormal columns. `eigenvalues` (k,) belong to the matrix G = Z Z'
    / m, where Z (n, m) are the standardised training genotypes.
    """

    rows: np.ndarray
    frequency: np.ndarray
    loadings: np.ndarray
    eigenvalues: np.ndarray


def choose_variants(
    fileset: Fileset,
    variants: np.ndarray,
    train: np.ndarray,
    regions: pd.DataFrame,
    min_call_rate: float,
    min_maf: float,
    prune_r2: float,
    prune_kb: float,
    threads: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the variants for the components; returns their rows (m,) and training frequencies (m,).

    The chosen `variants` lie outside `regions`, are pruned for LD, and pass the thresholds of call rate and
    MAF. LD, call rates and frequencies are computed in the training individuals `train` (rows of the .fam).
    """
    rows = variants[outside_regions(fileset.variants.iloc[variants], regions)]
    log.info("%d of %d variants are outside the regions of long-range LD", len(rows), len(variants))
    if len(rows):
        rows = prune_fileset(fileset, rows, train, min_maf, prune_r2, prune_kb, threads)
    frequency, call_rate = np.empty(len(rows)), np.empty(len(rows))
    start = 0
    for chunk, dosages in fileset.chunks(rows, train, CHUNK, threads):
        here = slice(start, start + len(chunk))
        frequency[here] = allele_frequency(dosages)
        call_rate[here] = (dosages != MISSING).mean(axis=0)
        start += len(chunk)
    maf = np.minimum(frequency, 1 - frequency)
    # MAF is checked again, because pruning uses only a subset of the training individuals.
    kept = (maf >= min_maf) & (maf > 0) & (call_rate >= min_call_rate)
    return rows[kept], frequency[kept]


def standardise(dosages: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """Standardised genotypes (g - 2p) / sqrt(2p (1 - p)), float32 (n, m); missing calls are 0.

    `dosages` int8 (n, m) with `MISSING`; p is `frequency` (m,).
    """
    p = frequency.astype(np.float32)
    z: np.ndarray = dosages - 2 * p
    z /= np.sqrt(2 * p * (1 - p))
    z[dosages == MISSING] = 0
    return z


def _standardised(
    fileset: Fileset, rows: np.ndarray, samples: np.ndarray, frequency: np.ndarray, threads: int
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield slices of `rows` and the standardised genotypes at those variants, in chunks."""
    start = 0
    for chunk, dosages in fileset.chunks(rows, samples, CHUNK, threads):
        here = slice(start, start + len(chunk))
        yield here, standardise(dosages, frequency[here])
        start += len(chunk)


def supported_count(count: int, n_variants: int, n_samples: int) -> int:
    """Number of components, at most `count`, that the independent variants and individuals support.

    Without structure, each of the m components of m independent variants explains 1 / m of the variance of each
    variant, or more. With fewer than `MIN_VARIANTS` variants for each component, adjustment for the components would
    remove more than 2 % of the effect of each variant.
    """
    return min(count, n_variants // MIN_VARIANTS, n_samples // MIN_SAMPLES)


def fit_components(
    fileset: Fileset,
    rows: np.ndarray,
    train: np.ndarray,
    frequency: np.ndarray,
    count: int,
    seed: int,
    threads: int = 1,
) -> Components:
    """Fit the first `count` components of the individuals `train` on the variants `rows`.

    Randomised block Krylov iteration with Rayleigh-Ritz (Halko, Martinsson, Shkolnisky & Tygert 2011, SIAM J
    Sci Comput 33:2580) on the (n, n) relationship matrix G. G is never formed: each pass reads the genotypes
    once and stores two further matrices of n x (count + `OVERSAMPLE`). The sign of a component is chosen so
    that its loading with the largest absolute value is positive. `count` is at most the number of variants
    and of individuals.
    """
    if count == 0:
        return Components(rows, frequency, np.empty((len(rows), 0)), np.empty(0))
    width = min(count + OVERSAMPLE, len(rows), len(train))
    most = min(MAX_PASSES, len(train) // width) * width
    basis, images = np.empty((2, most, len(train))).swapaxes(1, 2)
    block = np.random.default_rng(seed).standard_normal((len(train), width))
    for number, start in enumerate(range(0, most, width), start=1):
        before, here = basis[:, :start], slice(start, start + width)
        for _ in range(2):  # the second pass corrects rounding errors
            block = np.linalg.qr(block - before @ (before.T @ block))[0]
        image = np.zeros_like(block)
        narrow = block.astype(np.float32)
        for _, z in _standardised(fileset, rows, train, frequency, threads):
            image += z @ (z.T @ narrow)
        image /= len(rows)
        basis[:, here], images[:, here] = block, image
        known, known_images = basis[:, : here.stop], images[:, : here.stop]
        eigenvalues, rotation = np.linalg.eigh(known.T @ known_images)
        eigenvalues, rotation = eigenvalues[::-1][:count], rotation[:, ::-1][:, :count]
        vectors = known @ rotation
        residual = known_images @ rotation - vectors * eigenvalues
        residual = np.linalg.norm(residual, axis=0) / eigenvalues
        log.info("iteration %d: relative residual of the components %.1e", number, residual.max())
        if residual.max() < TOLERANCE:
            break
        block = image

    loadings, narrow = np.empty((len(rows), count)), vectors.astype(np.float32)
    for here, z in _standardised(fileset, rows, train, frequency, threads):
        loadings[here] = z.T @ narrow
    return Components(rows, frequency, _orient(np.linalg.qr(loadings)[0]), eigenvalues)


def _orient(loadings: np.ndarray) -> np.ndarray:
    """Loadings (m, k), with the loading of largest absolute value positive in each component."""
    largest = loadings[np.abs(loadings).argmax(axis=0), np.arange(loadings.shape[1])]
    return loadings * np.sign(largest)


def decompose(dosages: np.ndarray, count: int) -> Components:
    """The first `count` components of dosages in memory, or all if there are fewer.

    `dosages` int8 (n, m) with `MISSING`; `rows` of the result are the columns of polymorphic variants.
    The (m, m) matrix Z' Z is decomposed exactly, which suits the few variants of a panel. For filesets, use
    `fit_components`.
    """
    frequency = allele_frequency(dosages)
    rows = np.flatnonzero((frequency > 0) & (frequency < 1))
    frequency, m = frequency[rows], len(rows)
    square = np.zeros((m, m))
    for start in range(0, len(dosages), TILE):
        z = standardise(dosages[start : start + TILE, rows], frequency)
        square += z.T @ z
    return decompose_products(square, rows, frequency, count)


def decompose_products(
    square: np.ndarray, rows: np.ndarray, frequency: np.ndarray, count: int
) -> Components:
    """The first `count` components from the products Z' Z (m, m) of standardised genotypes.

    `rows` and `frequency` (m,) are described in `Components`.
    """
    m = len(rows)
    if not min(m, count):
        return Components(rows, frequency, np.empty((m, 0)), np.empty(0))
    values, vectors = eigh(square / m, subset_by_index=(max(0, m - count), m - 1))
    return Components(rows, frequency, _orient(vectors[:, ::-1]), values[::-1])


def score(dosages: np.ndarray, components: Components) -> np.ndarray:
    """Scores float64 (n, k) of dosages in memory: standardised genotypes times loadings.

    Scores are not corrected for shrinkage.
    """
    scores = np.empty((len(dosages), components.loadings.shape[1]))
    for start in range(0, len(dosages), TILE):
        tile = dosages[start : start + TILE, components.rows]
        scores[start : start + TILE] = standardise(tile, components.frequency) @ components.loadings
    return scores


def correct_shrinkage(
    projected: np.ndarray, squared_length: np.ndarray, singular: np.ndarray
) -> np.ndarray:
    """Correct the scores (n, k) of projected individuals to the scale of the fitted individuals.

    Loadings overfit the individuals used to estimate them, so the simple projection of other individuals is
    shrunken towards 0. The method is online augmentation, decomposition and Procrustes (OADP; Zhang, Dey &
    Lee 2020, Bioinformatics 36:3439): each individual is added to the decomposition, and the result is
    rotated and scaled onto the scores of the fitted individuals. `projected` (n, k) are genotypes times
    loadings, `squared_length` (n,) the squared norms of the genotypes, `singular` (k,) the singular values.
    """
    n, k = projected.shape
    scores = np.empty((n, k))
    size = max(1, _BATCH // (k + 1) ** 2)
    for start in range(0, n, size):
        own = projected[start : start + size]
        beyond = squared_length[start : start + size] - np.square(own).sum(axis=1)
        # The left singular vectors of [U S V'; x] are the left singular vectors of this matrix, rotated by U.
        augmented = np.zeros((len(own), k + 1, k + 1))
        augmented[:, range(k), range(k)] = singular
        augmented[:, k, :k], augmented[:, k, k] = own, np.sqrt(np.maximum(beyond, 0))
        left, values, _ = np.linalg.svd(augmented)
        with_sample = left[:, :, :k] * values[:, None, :k]
        fitted, sample = with_sample[:, :k], with_sample[:, k:]
        rotate_left, cosines, rotate_right = np.linalg.svd(np.swapaxes(fitted, 1, 2) * singular)
        scale = cosines.sum(axis=1) / np.square(fitted).sum(axis=(1, 2))
        scores[start : start + size] = (sample @ rotate_left @ rotate_right)[:, 0] * scale[:, None]
    return scores


def project(
    fileset: Fileset,
    components: Components,
    samples: np.ndarray,
    fitted: np.ndarray,
    threads: int = 1,
) -> np.ndarray:
    """Scores (n, k) of `samples`; `fitted` (n,) bool marks the individuals that `fit_components` used.

    Scores are standardised genotypes times loadings; missing calls are set to the mean. Scores of individuals
    that were not fitted are corrected by `correct_shrinkage`.
    """
    frequency, loadings = components.frequency, components.loadings.astype(np.float32)
    scores = np.zeros((len(samples), loadings.shape[1]))
    squared_length = np.zeros(len(samples))
    for here, z in _standardised(fileset, components.rows, samples, frequency, threads):
        scores += z @ loadings[here]
        squared_length += np.einsum("ij,ij->i", z, z)
    if loadings.shape[1]:
        singular = np.sqrt(components.eigenvalues * len(loadings))
        others = ~fitted
        scores[others] = correct_shrinkage(scores[others], squared_length[others], singular)
    return scores
