"""Allele frequencies that give synthetic people the joint effects of the training people's variants.

Among a finite number of people, variants far apart are correlated by chance, so each borrows from the
others' effects and the difference between cases and controls at a variant is partly that of variants
on other chromosomes. A model fitted on all variants jointly undoes this on the people themselves, but
not on synthetic ones, who do not share these chance correlations, and should not. So what variants out
of reach of linkage disequilibrium predict is taken out of each variant's frequencies, as whole-genome
regression does before association (Loh et al. 2015; Mbatchou et al. 2021).
"""

from itertools import pairwise

import numpy as np

from snpgen.association.loco import assign_folds
from snpgen.generator.frequencies import effects_of, precision
from snpgen.job import derive_seed, log

WINDOW = 1_000_000  # bp of linkage disequilibrium
SHARE = 0.7  # taken out: most of the gain
LARGEST = 0.1  # taken out at most, of all effects: these stay correlated above 0.99
HERITABILITY = 0.25  # of the label on the panel, which sets the penalty; a wide range does as well
_CHUNK = 10_000  # people held as floats at once


def leave_out_background(
    frequencies: np.ndarray,
    dosages: np.ndarray,
    conditions: np.ndarray,
    classes: int,
    latents: np.ndarray,
    chromosomes: np.ndarray,
    positions: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Frequencies float64 (c, m) without what effects of variants far away add by chance.

    `frequencies` (c, m) of `dosages` int8 (n, m) by `conditions` float32 (n, c), the first `classes`
    of which are the label. Correlation that the conditions and `latents` (n, d) tell about, such as
    that by ancestry, stays. Frequencies over all people stay too, and the size of the effects: their
    slope on those of `frequencies` is 1. Far are variants of other `chromosomes` (m,) and those more
    than `REACH` away by `positions` int (m,), bp.
    """
    label = conditions[:, :classes]
    excess = background_excess(dosages, label, conditions, latents, chromosomes, positions, seed)
    change = -precision(conditions)[:, :classes] @ excess / 2
    variance = dosages.var(axis=0, dtype=np.float64)
    effects, moved = (effects_of(table, variance, classes) for table in (frequencies, change))
    squares = float(np.square(effects).sum())
    if squares == 0:
        return frequencies
    size = float((effects * moved).sum()) / squares
    share = label.mean(axis=0, dtype=np.float64)
    change[:classes] -= size * (frequencies[:classes] - share @ frequencies[:classes])
    distance = float(np.square(moved - size * effects).sum() / squares) ** 0.5
    taken = min(SHARE, LARGEST / distance) if distance else 0.0
    log.info(
        "effects of variants far away are %.1f %% of all; %.0f %% of them taken out",
        *(100 * distance, 100 * taken),
    )
    return frequencies + taken * change


def are_near(positions: np.ndarray) -> np.ndarray:
    """Whether each two variants of a chromosome are at most `REACH` apart: bool (m, m)."""
    return np.abs(positions[:, None] - positions) <= WINDOW


def background_excess(
    dosages: np.ndarray,
    label: np.ndarray,
    conditions: np.ndarray,
    latents: np.ndarray,
    chromosomes: np.ndarray,
    positions: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Sum over people of dosage times what variants far away predict of the label: float64 (k, m).

    `label` (n, k). The prediction is the sum of a ridge regression on each chromosome, all on people
    that they were not fitted on. Of genotypes only what `conditions` (n, c) and `latents` (n, d) do not
    tell counts. Other arguments as above.
    """
    m = dosages.shape[1]
    mean, spread = dosages.mean(axis=0, dtype=np.float64), dosages.std(axis=0, dtype=np.float64)
    scale = np.divide(1, spread, out=np.zeros(m), where=spread > 0)
    wanted = label - label.mean(axis=0, dtype=np.float64)
    known, _ = np.linalg.qr(np.column_stack([conditions, latents]).astype(np.float64))
    order, starts = assign_folds(label.argmax(axis=1), True, derive_seed(seed, "folds"))
    folds = [np.sort(order[first:last]) for first, last in pairwise(starts)]
    told = np.zeros((known.shape[1], m))  # what is known of people, times their genotypes
    beta = np.zeros((len(folds), m, label.shape[1]))
    excess = np.zeros((label.shape[1], m))

    def standardise(samples: np.ndarray, columns: np.ndarray | slice = slice(None)) -> np.ndarray:
        x = (dosages[samples][:, columns] - mean[columns]) * scale[columns]
        return x.astype(np.float32)

    for name in np.unique(chromosomes):
        own = np.flatnonzero(chromosomes == name)
        near = are_near(positions[own])
        grams = np.zeros((len(folds), len(own), len(own)))
        with_label = np.zeros((len(folds), len(own), label.shape[1]))
        with_known = np.zeros((len(folds), known.shape[1], len(own)))
        for fold, rows in enumerate(folds):
            for samples in _chunks(rows):
                x = standardise(samples, own)
                grams[fold] += x.T @ x
                with_label[fold] += x.T @ wanted[samples]
                with_known[fold] += known[samples].T @ x
        gram, all_label, all_known = (part.sum(axis=0) for part in (grams, with_label, with_known))
        told[:, own] = all_known
        penalty = np.eye(len(own)) * m * (1 - HERITABILITY) / HERITABILITY
        for fold, rows in enumerate(folds):
            left = gram - grams[fold] + penalty
            beta[fold, own] = np.linalg.solve(left, all_label - with_label[fold])
            overlap = all_known.T @ with_known[fold]
            rest = grams[fold] - overlap - overlap.T
            rest += all_known.T @ (known[rows].T @ known[rows]) @ all_known
            excess[:, own] -= beta[fold, own].T @ (rest * near)
    for fold, rows in enumerate(folds):
        for samples in _chunks(rows):
            x = standardise(samples) - known[samples] @ told
            excess += (x @ beta[fold]).T @ x
    return excess * spread


def _chunks(rows: np.ndarray) -> list[np.ndarray]:
    return np.array_split(rows, -(-len(rows) // _CHUNK)) if len(rows) else []
