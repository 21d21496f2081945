"""Allele frequencies that give synthetic people the joint effects of the training people's variants.

Among a finite number of people, variants on different chromosomes are correlated by chance, so each
borrows from the others' effects and the difference between cases and controls at a variant is partly
its neighbours' on other chromosomes. A model fitted on all variants jointly undoes this on the people
themselves, but not on synthetic ones, whose chromosomes do not share these chance correlations, and
should not. So what the rest of the genome predicts is taken out of each variant's frequencies, as
whole-genome regression does before association (Loh et al. 2015; Mbatchou et al. 2021).
"""

from itertools import pairwise

import numpy as np

from snpgen.association.loco import deal_folds
from snpgen.generator.frequencies import effects_of, precision
from snpgen.job import derive_seed, log

SHARE = 0.7  # taken out: most of the gain, with marginal effects correlated above 0.99 still
HERITABILITY = 0.25  # of the label on the panel, which sets the penalty; a wide range does as well
_CHUNK = 10_000  # people held as floats at once


def leave_out_background(
    frequencies: np.ndarray,
    dosages: np.ndarray,
    conditions: np.ndarray,
    classes: int,
    latents: np.ndarray,
    chromosomes: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Frequencies float64 (c, m) without what other chromosomes' effects add by chance.

    `frequencies` (c, m) of `dosages` int8 (n, m) by `conditions` float32 (n, c), the first `classes`
    of which are the label. Correlation that the conditions and `latents` (n, d) tell about, such as
    that by ancestry, stays. Frequencies over all people stay too, and the size of the effects: their
    slope on those of `frequencies` is 1. `chromosomes` (m,); a single one leaves all as it was.
    """
    label = conditions[:, :classes]
    excess = background_excess(dosages, label, conditions, latents, chromosomes, seed)
    change = -SHARE * precision(conditions)[:, :classes] @ excess / 2
    variance = dosages.var(axis=0, dtype=np.float64)
    effects, moved = (effects_of(table, variance, classes) for table in (frequencies, change))
    squares = float(np.square(effects).sum())
    if squares == 0:
        return frequencies
    size = float((effects * moved).sum()) / squares
    share = label.mean(axis=0, dtype=np.float64)
    change[:classes] -= size * (frequencies[:classes] - share @ frequencies[:classes])
    distance = float(np.square(moved - size * effects).sum()) / squares
    log.info("effects of other chromosomes taken out: %.1f %% of all", 100 * distance**0.5)
    return frequencies + change


def background_excess(
    dosages: np.ndarray,
    label: np.ndarray,
    conditions: np.ndarray,
    latents: np.ndarray,
    chromosomes: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Sum over people of dosage times what other chromosomes predict of the label: float64 (k, m).

    `label` (n, k). The prediction is a ridge regression's on people that it was not fitted on, less
    the part that `conditions` (n, c) and `latents` (n, d) tell. Other arguments as above.
    """
    n, m = dosages.shape
    names = np.unique(chromosomes)
    excess = np.zeros((label.shape[1], m))
    if len(names) == 1:
        return excess
    predicted = _predict_by_chromosome(
        dosages, label, [chromosomes == name for name in names], seed
    )
    rest = predicted.sum(axis=0) - predicted
    known, _ = np.linalg.qr(np.column_stack([conditions, latents]).astype(np.float64))
    for name, own in zip(names, rest, strict=True):
        own -= known @ (known.T @ own)
        columns = chromosomes == name
        for start in range(0, n, _CHUNK):
            part = slice(start, start + _CHUNK)
            excess[:, columns] += own[part].T @ dosages[part][:, columns]
    return excess


def _predict_by_chromosome(
    dosages: np.ndarray, label: np.ndarray, columns: list[np.ndarray], seed: int
) -> np.ndarray:
    """Each chromosome's part of a cross-validated ridge prediction: float64 (chromosomes, n, k)."""
    n, m = dosages.shape
    mean, spread = dosages.mean(axis=0, dtype=np.float64), dosages.std(axis=0, dtype=np.float64)
    scale = np.divide(1, spread, out=np.zeros(m), where=spread > 0)
    wanted = label - label.mean(axis=0, dtype=np.float64)
    order, folds = deal_folds(label.argmax(axis=1), True, derive_seed(seed, "folds"))

    def standardise(rows: np.ndarray) -> np.ndarray:
        return ((dosages[rows] - mean) * scale).astype(np.float32)

    def products(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gram, cross = np.zeros((m, m)), np.zeros((m, label.shape[1]))
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            x = standardise(part)
            gram += x.T @ x
            cross += x.T @ wanted[part]
        return gram, cross

    gram, cross = products(np.arange(n))
    gram[np.diag_indices(m)] += m * (1 - HERITABILITY) / HERITABILITY
    predicted = np.empty((len(columns), n, label.shape[1]))
    for first, last in pairwise(folds):
        rows = np.sort(order[first:last])
        own_gram, own_cross = products(rows)
        beta = np.linalg.solve(gram - own_gram, cross - own_cross)
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            x = standardise(part)
            for chromosome, here in enumerate(columns):
                predicted[chromosome, part] = x[:, here] @ beta[here]
    return predicted
