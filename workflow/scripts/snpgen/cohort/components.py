"""Principal components fitted on training people; everybody is projected on their loadings."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from snpgen.cohort.pruning import prune_fileset
from snpgen.job import InputError, log
from snpgen.plink import MISSING, Fileset, allele_frequency

CHUNK = 256  # variants that are held at once
OVERSAMPLE = 10  # directions carried beside those asked for
MAX_PASSES = 10
TOLERANCE = 1e-4  # of |G u - lambda u| / lambda


@dataclass(frozen=True)
class Components:
    """k components on m variants of a fileset.

    `rows` (m,) of the fileset; `frequency` (m,) of the effect allele in training; `loadings` (m, k)
    with orthonormal columns; `eigenvalues` (k,) of G = Z Z' / m, Z being the standardised training
    genotypes.
    """

    rows: np.ndarray
    frequency: np.ndarray
    loadings: np.ndarray
    eigenvalues: np.ndarray


def outside_regions(variants: pd.DataFrame, regions: pd.DataFrame) -> np.ndarray:
    """Whether each variant lies in none of the `regions` (chromosome, start, end), bool (m,)."""
    outside = np.ones(len(variants), dtype=bool)
    position = variants.position.to_numpy()
    for chromosome, start, end in regions[["chromosome", "start", "end"]].to_numpy(object):
        inside = (start <= position) & (position <= end)
        outside &= ~((variants.chromosome == chromosome).to_numpy() & inside)
    return outside


def choose_variants(
    fileset: Fileset,
    variants: np.ndarray,
    train: np.ndarray,
    regions: pd.DataFrame,
    min_maf: float,
    prune_r2: float,
    prune_kb: float,
    threads: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Those of `variants` that components rest on, and their training frequencies, both (m,).

    Common in training people, outside `regions`, and pruned for LD in training people.
    """
    rows = variants[outside_regions(fileset.variants.iloc[variants], regions)]
    log.info("%d of %d variants lie outside long-range LD", len(rows), len(variants))
    if len(rows):
        rows = prune_fileset(fileset, rows, train, min_maf, prune_r2, prune_kb, threads)
    chunks = fileset.chunks(rows, train, CHUNK, threads)
    frequency = np.concatenate([np.empty(0), *(allele_frequency(part) for _, part in chunks)])
    maf = np.minimum(frequency, 1 - frequency)
    common = (maf >= min_maf) & (maf > 0)  # pruning saw a part of the training people
    return rows[common], frequency[common]


def _standardised(
    fileset: Fileset, rows: np.ndarray, samples: np.ndarray, frequency: np.ndarray, threads: int
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield (positions in `rows`, (g - 2p) / sqrt(2p (1 - p)) as float32), missing calls as 0."""
    start = 0
    for chunk, dosages in fileset.chunks(rows, samples, CHUNK, threads):
        here = slice(start, start + len(chunk))
        p = frequency[here].astype(np.float32)
        z = (dosages - 2 * p) / np.sqrt(2 * p * (1 - p))
        z[dosages == MISSING] = 0
        yield here, z
        start += len(chunk)


def fit_components(
    fileset: Fileset,
    rows: np.ndarray,
    train: np.ndarray,
    frequency: np.ndarray,
    count: int,
    seed: int,
    threads: int = 1,
) -> Components:
    """The first `count` components of the people `train` on the variants `rows`.

    Randomised block Krylov iteration with Rayleigh-Ritz (Halko, Martinsson, Shkolnisky & Tygert
    2011, SIAM J Sci Comput 33:2580) on the (n, n) relationship matrix G, which is never built: each
    pass streams the genotypes once and adds n x (count + `OVERSAMPLE`) numbers to what is held. The
    largest loading of each component is positive.
    Raises `InputError` where there are fewer variants or people than components.
    """
    if count == 0:
        return Components(rows[:0], frequency[:0], np.empty((0, 0)), np.empty(0))
    if count > min(len(rows), len(train)):
        raise InputError(
            f"pcs.count is {count}, but only {len(rows)} variants and {len(train)} training people "
            "are left to fit components on: lower pcs.count or relax pcs.min_maf and pcs.prune_r2"
        )
    width = min(count + OVERSAMPLE, len(rows), len(train))
    block = np.random.default_rng(seed).standard_normal((len(train), width))
    basis, images = np.empty((len(train), 0)), np.empty((len(train), 0))
    for number in range(1, MAX_PASSES + 1):
        for _ in range(2):  # once more against rounding
            block = np.linalg.qr(block - basis @ (basis.T @ block))[0]
        image = np.zeros_like(block)
        narrow = block.astype(np.float32)
        for _, z in _standardised(fileset, rows, train, frequency, threads):
            image += z @ (z.T @ narrow)
        image /= len(rows)
        basis, images = np.hstack([basis, block]), np.hstack([images, image])
        eigenvalues, rotation = np.linalg.eigh(basis.T @ images)
        eigenvalues, rotation = eigenvalues[::-1][:count], rotation[:, ::-1][:, :count]
        vectors = basis @ rotation
        miss = np.linalg.norm(images @ rotation - vectors * eigenvalues, axis=0) / eigenvalues
        log.info("pass %d: relative residual of the components %.1e", number, miss.max())
        if miss.max() < TOLERANCE or basis.shape[1] + width > len(train):
            break
        block = image

    loadings = np.empty((len(rows), count))
    for here, z in _standardised(fileset, rows, train, frequency, threads):
        loadings[here] = z.T @ vectors
    loadings = np.linalg.qr(loadings)[0]
    largest = loadings[np.abs(loadings).argmax(axis=0), np.arange(count)]
    return Components(rows, frequency, loadings * np.sign(largest), eigenvalues)


def project(
    fileset: Fileset, components: Components, samples: np.ndarray, threads: int = 1
) -> np.ndarray:
    """Scores (n, k) of `samples`: standardised genotypes times loadings, missing calls at the mean."""
    scores = np.zeros((len(samples), len(components.eigenvalues)))
    frequency, loadings = components.frequency, components.loadings
    for here, z in _standardised(fileset, components.rows, samples, frequency, threads):
        scores += z @ loadings[here]
    return scores
