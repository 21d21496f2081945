"""Polygenic prediction from all chromosomes but one: what relatives and structure share, as an offset.

Step 1 of REGENIE (Mbatchou et al. 2021, Nat Genet 53:1097). Level 0: ridge regressions of the
phenotype on blocks of variants. Level 1: one ridge regression, logistic for cases and controls, on
the predictions of level 0. Everybody's prediction comes from people in other folds. The null model
of a chromosome takes what the other chromosomes predict as an offset.
"""

import numpy as np
from scipy.linalg import solve

from snpgen.association.null_model import NullModel
from snpgen.genetics.pca import standardise
from snpgen.io.plink import Fileset
from snpgen.job import log
from snpgen.messages import InputError
from snpgen.progress import Meter, track

BLOCK = 1_000  # variants of one ridge regression of level 0
MAX_BLOCKS = 200  # larger blocks where there would be more
HERITABILITIES = np.array([0.01, 0.25, 0.5, 0.75, 0.99])  # REGENIE's, each a shrinkage
FOLDS = 5

_TILE = 4_096  # people whose genotypes are float32 at once
_CHUNK = 256  # variants read at once
_STEPS = 30
_LONGEST_STEP = 5.0  # of anybody's log odds
_TOLERANCE = 1e-4  # of everybody's log odds, in the step before the last


def deal_folds(outcome: np.ndarray, binary: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """People in the order of their folds (n,), and where each fold starts (FOLDS + 1,)."""
    order = np.random.default_rng(seed).permutation(len(outcome))
    if binary:  # cases in proportion
        order = order[np.argsort(outcome[order], kind="stable")]
    folds = [order[fold::FOLDS] for fold in range(FOLDS)]
    return np.concatenate(folds), np.cumsum([0, *map(len, folds)])


def _tiles(start: int, stop: int) -> list[slice]:
    return [slice(first, min(first + _TILE, stop)) for first in range(start, stop, _TILE)]


def _make_blocks(chromosome: np.ndarray) -> list[np.ndarray]:
    """Positions (ascending) of the variants of each block; no block is on two chromosomes."""
    size = max(BLOCK, -(-len(chromosome) // MAX_BLOCKS))
    blocks: list[np.ndarray] = []
    for name in dict.fromkeys(chromosome):
        here = np.flatnonzero(chromosome == name)
        blocks += np.array_split(here, -(-len(here) // size))
    return blocks


def _predict_from_block(
    dosages: np.ndarray,
    frequency: np.ndarray,
    residual: np.ndarray,
    covariates: np.ndarray,
    folds: np.ndarray,
    penalties: np.ndarray,
    out: np.ndarray,
) -> None:
    """Fill `out` (n, penalties) with what ridge regressions on other folds predict of `residual`.

    `dosages` int8 (n, b), people by fold; `covariates` (n, k) float32, orthonormal. Genotypes are
    standardised, rid of what covariates explain, and scaled to a variance of 1 again.
    """
    b = dosages.shape[1]
    width = b + covariates.shape[1]
    gram, product = np.zeros((FOLDS, width, width)), np.zeros((FOLDS, width))
    for fold in range(FOLDS):
        for tile in _tiles(folds[fold], folds[fold + 1]):
            both = np.hstack([standardise(dosages[tile], frequency), covariates[tile]])
            gram[fold] += both.T @ both
            product[fold] += both.T @ residual[tile]
    explained = gram.sum(axis=0)[b:, :b]  # coefficients of the genotypes on the covariates
    turn = np.vstack([np.eye(b), -explained])
    turn /= np.sqrt(np.maximum(np.diag(turn.T @ gram.sum(axis=0) @ turn) / len(dosages), 1e-6))
    gram, product = turn.T @ gram @ turn, product @ turn
    for fold in range(FOLDS):
        others, target = gram.sum(axis=0) - gram[fold], product.sum(axis=0) - product[fold]
        ridges = [solve(others + ridge * np.eye(b), target, assume_a="pos") for ridge in penalties]
        weights = (turn @ np.column_stack(ridges)).astype(np.float32)
        for tile in _tiles(folds[fold], folds[fold + 1]):
            out[tile] = standardise(dosages[tile], frequency) @ weights[:b]
            out[tile] += covariates[tile] @ weights[b:]


def _maximise(
    predictors: np.ndarray,
    tiles: list[slice],
    outcome: np.ndarray,
    offset: np.ndarray,
    penalty: float,
    start: np.ndarray,
    binary: bool,
) -> np.ndarray:
    """Coefficients (k,) of the ridge regression, logistic if `binary`, of the people in `tiles`."""
    theta = start
    dtype = predictors.dtype
    for _ in range(_STEPS if binary else 1):
        information = penalty * np.eye(len(theta))
        score = -penalty * theta
        for tile in tiles:
            x = predictors[tile]
            fitted = offset[tile] + x @ theta.astype(dtype)
            if binary:
                fitted = 1 / (1 + np.exp(-fitted))
            score += x.T @ (outcome[tile] - fitted).astype(dtype)
            if binary:
                x = x * np.sqrt(fitted * (1 - fitted)).astype(dtype)[:, None]
            information += x.T @ x
        step = np.linalg.lstsq(information, score)[0]
        if binary:
            longest = max(np.abs(predictors[tile] @ step.astype(dtype)).max() for tile in tiles)
            step *= min(1.0, _LONGEST_STEP / max(longest, _TOLERANCE))
        theta = theta + step
        if binary and longest < _TOLERANCE:
            break
    return theta


def _loss(outcome: np.ndarray, fitted: np.ndarray, binary: bool) -> float:
    """Minus the log-likelihood of the log odds `fitted`, or half the squared error of values."""
    if binary:
        return float((np.logaddexp(0, fitted) - outcome * fitted).sum())
    return float(np.square(outcome - fitted).sum() / 2)


def _choose_shrinkage(
    predictors: np.ndarray,
    folds: np.ndarray,
    outcome: np.ndarray,
    offset: np.ndarray,
    binary: bool,
) -> np.ndarray:
    """Level 1: for each fold, the coefficients fitted on the others, float32 (FOLDS, k).

    The shrinkage is the one that predicts best; REGENIE's penalty k (1 - h2) / h2, and times
    pi^2 / 3, the variance of a logistic liability, for log odds.
    """
    k = predictors.shape[1]
    theta = np.zeros((FOLDS, k))
    best, best_loss = theta, np.inf
    meter = Meter(len(HERITABILITIES) * FOLDS, "fits of level 1")
    for h2 in HERITABILITIES:
        penalty = k * (1 - h2) / h2 * (np.pi**2 / 3 if binary else 1)
        loss = 0.0
        for fold in range(FOLDS):
            first, last = int(folds[fold]), int(folds[fold + 1])
            others = _tiles(0, first) + _tiles(last, len(outcome))
            theta[fold] = _maximise(
                predictors, others, outcome, offset, penalty, theta[fold], binary
            )
            for tile in _tiles(first, last):
                fitted = offset[tile] + predictors[tile] @ theta[fold].astype(np.float32)
                loss += _loss(outcome[tile], fitted, binary)
            meter.add()
        log.info("level 1, heritability %.2f: loss %.2f", h2, loss)
        if loss < best_loss:
            best, best_loss = theta.copy(), loss
    return best.astype(np.float32)


def _predict_from_blocks(
    fileset: Fileset,
    rows: np.ndarray,
    frequency: np.ndarray,
    samples: np.ndarray,
    outcome: np.ndarray,
    design: np.ndarray,
    folds: np.ndarray,
    threads: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Level 0: predictors of variance 1, float32 (n, k), and the chromosome of each, (k,)."""
    covariates = np.linalg.qr(design)[0]
    residual = (outcome - covariates @ (covariates.T @ outcome)).astype(np.float32)
    covariates = covariates.astype(np.float32)
    chromosome = fileset.variants.chromosome.to_numpy()[rows]
    blocks = _make_blocks(chromosome)
    penalties = len(rows) * (1 - HERITABILITIES) / HERITABILITIES
    k = len(penalties)
    predictors = np.empty((len(samples), k * len(blocks)), dtype=np.float32)
    dosages = np.empty((len(samples), max(map(len, blocks))), dtype=np.int8, order="F")
    for number, block in enumerate(track(blocks, "blocks")):
        start = 0
        for part, chunk in fileset.chunks(rows[block], samples, _CHUNK, threads):
            dosages[:, start : start + len(part)] = chunk
            start += len(part)
        own = predictors[:, k * number : k * (number + 1)]
        _predict_from_block(
            dosages[:, :start], frequency[block], residual, covariates, folds, penalties, own
        )
        spread = own.std(axis=0, dtype=np.float64)
        own /= np.where(spread > 0, spread, 1).astype(np.float32)
    return predictors, np.repeat([chromosome[block[0]] for block in blocks], k)


def fit_loco(
    fileset: Fileset,
    rows: np.ndarray,
    frequency: np.ndarray,
    samples: np.ndarray,
    null: NullModel,
    chromosomes: list[str],
    seed: int,
    threads: int = 1,
) -> np.ndarray:
    """Offset of the null model of each of `chromosomes`, float32 (n, n_chromosomes).

    Log odds, or the outcome's own unit where the null model is linear. `rows` (m,) are common,
    pruned variants of the fileset and `frequency` (m,) theirs; `samples` (n,) the people of `null`,
    the only ones that are read. Held at once: n x 1,000 genotypes and n x 5 float32 for each block.

    An offset is multiplied by its slope beside the covariates where that is below 1, so that one
    which predicts nothing does nothing. A slope above 1 is not taken: ridge regression shrinks what
    would all but separate cases from controls, and the test should keep that caution.
    Raises `InputError` when the variants are on one chromosome.
    """
    names = sorted(set(fileset.variants.chromosome.to_numpy()[rows]))
    if len(names) < 2:
        raise InputError(
            "gwas.loco predicts from other chromosomes, but common variants are on "
            f"{f'chromosome {names[0]} only' if names else 'none'}: set gwas.loco to false"
        )
    order, folds = deal_folds(null.outcome, null.logistic, seed)
    samples, outcome, design = samples[order], null.outcome[order], null.design[order]
    predictors, chromosome = _predict_from_blocks(
        fileset, rows, frequency, samples, outcome, design, folds, threads
    )
    by_covariates = null.linear_predictor[order]
    theta = _choose_shrinkage(predictors, folds, outcome, by_covariates, null.logistic)
    others = chromosome[:, None] != np.array(chromosomes)  # (k, n_chromosomes)
    offset = np.empty((len(samples), len(chromosomes)), dtype=np.float32)
    for fold in range(FOLDS):
        for tile in _tiles(folds[fold], folds[fold + 1]):
            offset[tile] = predictors[tile] @ (theta[fold][:, None] * others)
    all_samples, nothing = _tiles(0, len(samples)), np.zeros(len(samples))
    for name, column in zip(chromosomes, offset.T, strict=True):
        beside = np.column_stack([design, column])
        start = np.zeros(beside.shape[1])
        slope = _maximise(beside, all_samples, outcome, nothing, 0.0, start, null.logistic)[-1]
        log.info("chromosome %s: slope of the offset %.2f", name, slope)
        column *= np.clip(slope, 0, 1)
    return offset[np.argsort(order)]


def save_loco(path: str, iid: np.ndarray, chromosomes: list[str], offset: np.ndarray) -> None:
    """Write offsets (n, n_chromosomes) of people `iid` as `.npz` without pickled objects."""
    np.savez(
        path, iid=iid.astype(np.str_), chromosome=np.array(chromosomes, np.str_), offset=offset
    )


def load_offset(path: str, chromosome: str) -> np.ndarray:
    """Offset float64 (n,) of one chromosome from what `save_loco` wrote, people as in the null model."""
    with np.load(path, allow_pickle=False) as arrays:
        column = int(np.flatnonzero(arrays["chromosome"] == chromosome)[0])
        return arrays["offset"][:, column].astype(np.float64)
