"""Leave-one-chromosome-out (LOCO) polygenic prediction, which accounts for relatedness and structure.

The method is step 1 of REGENIE (Mbatchou et al. 2021, Nat Genet 53:1097). Level 0 consists of ridge
regressions of the phenotype on blocks of variants. Level 1 is one ridge regression on the predictions of
level 0; it is logistic for a binary phenotype. Predictions are cross-validated: the model for a fold is
fitted to the other folds. In the null model of a chromosome, the prediction from the other chromosomes is the
offset.
"""

import numpy as np
from scipy.linalg import solve

from snpgen.association.logistic import fit_logistic, make_tiles
from snpgen.association.null_model import NullModel, fit_coefficients
from snpgen.genetics.pca import standardise
from snpgen.io.plink import Fileset
from snpgen.job import log
from snpgen.messages import Code, InputError
from snpgen.progress import Meter, track

BLOCK = 1_000  # variants in a ridge regression of level 0
MAX_BLOCKS = 200  # with more variants, blocks become larger, not more numerous
HERITABILITIES = np.array([0.01, 0.25, 0.5, 0.75, 0.99])  # as in REGENIE; each gives a penalty
FOLDS = 5

_CHUNK = 256  # variants read at a time


def assign_folds(outcome: np.ndarray, binary: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Assign individuals to folds.

    Returns the rows of the individuals ordered by fold (n,), and the bounds of the folds (FOLDS + 1,).
    """
    order = np.random.default_rng(seed).permutation(len(outcome))
    if binary:  # stratify by class
        order = order[np.argsort(outcome[order], kind="stable")]
    folds = [order[fold::FOLDS] for fold in range(FOLDS)]
    return np.concatenate(folds), np.cumsum([0, *map(len, folds)])


def _make_blocks(chromosome: np.ndarray) -> list[np.ndarray]:
    """Indices (ascending) of the variants in each block; no block spans two chromosomes."""
    size = max(BLOCK, -(-len(chromosome) // MAX_BLOCKS))
    blocks: list[np.ndarray] = []
    for name in dict.fromkeys(chromosome):
        variants = np.flatnonzero(chromosome == name)
        blocks += np.array_split(variants, -(-len(variants) // size))
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
    """Fill `out` (n, penalties) with cross-validated ridge predictions of `residual`.

    `dosages` int8 (n, b), individuals ordered by fold; `covariates` (n, k) float32, orthonormal.
    Genotypes are standardised, residualised on the covariates, and scaled to unit variance again.
    """
    b = dosages.shape[1]
    width = b + covariates.shape[1]
    gram, product = np.zeros((FOLDS, width, width)), np.zeros((FOLDS, width))
    for fold in range(FOLDS):
        for tile in make_tiles(folds[fold], folds[fold + 1]):
            both = np.hstack([standardise(dosages[tile], frequency), covariates[tile]])
            gram[fold] += both.T @ both
            product[fold] += both.T @ residual[tile]
    explained = gram.sum(axis=0)[b:, :b]  # coefficients of the genotypes on the covariates
    transform = np.vstack([np.eye(b), -explained])  # gives residualised genotypes
    variance = np.diag(transform.T @ gram.sum(axis=0) @ transform) / len(dosages)
    transform /= np.sqrt(np.maximum(variance, 1e-6))
    gram, product = transform.T @ gram @ transform, product @ transform
    for fold in range(FOLDS):
        others, target = gram.sum(axis=0) - gram[fold], product.sum(axis=0) - product[fold]
        ridges = [solve(others + ridge * np.eye(b), target, assume_a="pos") for ridge in penalties]
        weights = (transform @ np.column_stack(ridges)).astype(np.float32)
        for tile in make_tiles(folds[fold], folds[fold + 1]):
            out[tile] = standardise(dosages[tile], frequency) @ weights[:b]
            out[tile] += covariates[tile] @ weights[b:]


def _fit_linear(
    predictors: np.ndarray, residual: np.ndarray, ridge: float, tiles: list[slice]
) -> np.ndarray:
    """Coefficients (k,) of a linear ridge regression on the individuals in `tiles`."""
    gram, product = ridge * np.eye(predictors.shape[1]), np.zeros(predictors.shape[1])
    for tile in tiles:
        x = predictors[tile]
        gram += x.T @ x
        product += x.T @ residual[tile].astype(x.dtype)
    return np.linalg.lstsq(gram, product)[0]


def _loss(outcome: np.ndarray, fitted: np.ndarray, binary: bool) -> float:
    """Negative log-likelihood of the log odds `fitted`, or half the squared error."""
    if binary:
        return float((np.logaddexp(0, fitted) - outcome * fitted).sum())
    return float(np.square(outcome - fitted).sum() / 2)


def _fit_level_1(
    predictors: np.ndarray,
    folds: np.ndarray,
    outcome: np.ndarray,
    offset: np.ndarray,
    binary: bool,
) -> np.ndarray:
    """Level 1: coefficients for each fold, fitted on the other folds, float32 (FOLDS, k).

    The heritability h2 with the best cross-validated prediction is used. The penalty is k (1 - h2) / h2, as
    in REGENIE. For log odds it is multiplied by pi^2 / 3, the variance of the logistic distribution.
    """
    k = predictors.shape[1]
    theta = np.zeros((FOLDS, k))
    best, best_loss = theta, np.inf
    meter = Meter(len(HERITABILITIES) * FOLDS, "ridge regressions of level 1")
    for h2 in HERITABILITIES:
        penalty = k * (1 - h2) / h2 * (np.pi**2 / 3 if binary else 1)
        loss = 0.0
        for fold in range(FOLDS):
            first, last = int(folds[fold]), int(folds[fold + 1])
            others = make_tiles(0, first) + make_tiles(last, len(outcome))
            if binary:
                theta[fold], _ = fit_logistic(
                    predictors, outcome, offset, penalty, theta[fold], others
                )
            else:
                theta[fold] = _fit_linear(predictors, outcome - offset, penalty, others)
            for tile in make_tiles(first, last):
                fitted = offset[tile] + predictors[tile] @ theta[fold].astype(np.float32)
                loss += _loss(outcome[tile], fitted, binary)
            meter.add()
        log.info(
            "ridge regression of level 1 with heritability %.2f: cross-validated loss %.2f",
            h2,
            loss,
        )
        if loss < best_loss:
            best, best_loss = theta.copy(), loss
    return best.astype(np.float32)


def _fit_level_0(
    fileset: Fileset,
    rows: np.ndarray,
    frequency: np.ndarray,
    samples: np.ndarray,
    outcome: np.ndarray,
    design: np.ndarray,
    folds: np.ndarray,
    threads: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Level 0: predictors of unit variance, float32 (n, k), and the chromosome of each (k,)."""
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
    """Offset of the null model for each of `chromosomes`, float32 (n, n_chromosomes).

    Offsets are in log odds, or in units of the trait if the null model is linear. `rows` (m,) are common,
    pruned variants of the fileset, with frequencies `frequency` (m,); `samples` (n,) are the rows of the
    individuals of `null`. Genotypes take n x 1,000 bytes of memory, and each block takes n x 5 float32.

    An offset is multiplied by its regression slope (fitted jointly with the covariates) if the slope is below
    1, so that an uninformative offset has no effect. A slope above 1 is not applied. The offset is then too
    small, because ridge regression shrinks it, and the test remains conservative. Raises `InputError` if the
    variants are on fewer than two chromosomes.
    """
    names = sorted(set(fileset.variants.chromosome.to_numpy()[rows]))
    if len(names) < 2:
        raise InputError(
            Code.LOCO_CHROMOSOMES,
            f"all common variants are on chromosome {names[0]}, but LOCO needs two chromosomes"
            if names
            else "there are no common variants",
            "Set 'gwas.loco' to false",
            key="gwas.loco",
        )
    order, folds = assign_folds(null.outcome, null.logistic, seed)
    samples, outcome, design = samples[order], null.outcome[order], null.design[order]
    predictors, chromosome = _fit_level_0(
        fileset, rows, frequency, samples, outcome, design, folds, threads
    )
    theta = _fit_level_1(predictors, folds, outcome, null.linear_predictor[order], null.logistic)
    left_in = chromosome[:, None] != np.array(chromosomes)  # (k, n_chromosomes)
    offset = np.empty((len(samples), len(chromosomes)), dtype=np.float32)
    for fold in range(FOLDS):
        for tile in make_tiles(folds[fold], folds[fold + 1]):
            offset[tile] = predictors[tile] @ (theta[fold][:, None] * left_in)
    for name, column in zip(chromosomes, offset.T, strict=True):
        try:
            both = np.column_stack([design, column])
            slope = fit_coefficients(both, outcome, null.logistic)[0][-1]
        except np.linalg.LinAlgError:  # the offset separates cases from controls
            slope = 1.0
        log.info("chromosome %s: slope of the phenotype on the LOCO offset %.2f", name, slope)
        column *= np.clip(slope, 0, 1)
    return offset[np.argsort(order)]


def save_loco(path: str, iid: np.ndarray, chromosomes: list[str], offset: np.ndarray) -> None:
    """Write offsets (n, n_chromosomes) of the samples `iid` as `.npz` without pickled objects."""
    np.savez(
        path, iid=iid.astype(np.str_), chromosome=np.array(chromosomes, np.str_), offset=offset
    )


def load_offset(path: str, chromosome: str) -> np.ndarray:
    """Read the offset float64 (n,) of one chromosome; samples are in the order of the null model."""
    with np.load(path, allow_pickle=False) as arrays:
        column = int(np.flatnonzero(arrays["chromosome"] == chromosome)[0])
        return arrays["offset"][:, column].astype(np.float64)
