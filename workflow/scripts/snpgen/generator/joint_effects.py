"""Allele frequencies from which the joint effects of distant variants have been removed.

In a finite sample, variants that are not in LD (distant, or on other chromosomes) are correlated by chance.
The difference between cases and controls at a variant therefore contains a part of the effects of other
variants. Synthetic individuals do not have the same chance correlations. In their allele effects, this part
would therefore be noise. Ridge regressions predict the label from distant variants, and the contribution of
the predicted score is subtracted from the frequencies. Whole-genome regression does the same before
association testing (BOLT-LMM, Loh et al. 2015; REGENIE, Mbatchou et al. 2021).
"""

from itertools import pairwise

import numpy as np

from snpgen.association.loco import assign_folds
from snpgen.generator.frequencies import allele_effects, inverse_gram
from snpgen.io.plink import dosage_variance
from snpgen.job import derive_seed, log

WINDOW = 1_000_000  # bp; more distant variants are assumed not to be in LD
REMOVED_SHARE = 0.7  # of the contribution of distant variants; a larger share gains little
MAX_CHANGE = 0.1  # relative norm of the change in effects; old and new effects correlate above 0.99
# Heritability of the label explained by the panel, which sets the ridge penalty. Results depend little on it.
HERITABILITY = 0.25
_CHUNK = 10_000  # individuals converted to float at once


def remove_distant_effects(
    frequencies: np.ndarray,
    dosages: np.ndarray,
    conditions: np.ndarray,
    classes: int,
    latents: np.ndarray,
    chromosomes: np.ndarray,
    positions: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Subtract the chance contribution of distant variants from allele frequencies, float64 (c, m).

    `frequencies` (c, m) were estimated from `dosages` int8 (n, m) for each column of `conditions` float32 (n,
    c). The first `classes` columns encode the label. Correlations that are explained by the conditions and
    `latents` (n, d), for example by ancestry, are not removed. The overall frequencies do not change. The
    scale of the effects does not change either: the slope of new on old effects is 1. Distant variants are on
    other `chromosomes` (m,), or their `positions` int (m,) differ by more than `WINDOW` bp.
    """
    label = conditions[:, :classes]
    excess = distant_contribution(dosages, label, conditions, latents, chromosomes, positions, seed)
    change = -inverse_gram(conditions)[:, :classes] @ excess / 2
    variance = dosage_variance(dosages)
    effects, moved = (allele_effects(table, variance, classes) for table in (frequencies, change))
    squares = float(np.square(effects).sum())
    if squares == 0:
        return frequencies
    slope = float((effects * moved).sum()) / squares
    class_share = label.mean(axis=0, dtype=np.float64)
    change[:classes] -= slope * (frequencies[:classes] - class_share @ frequencies[:classes])
    relative = float(np.square(moved - slope * effects).sum() / squares) ** 0.5
    removed = min(REMOVED_SHARE, MAX_CHANGE / relative) if relative else 0.0
    log.info(
        "chance correlations with distant variants contribute %.1f %% to the allele effects; "
        "%.0f %% of this contribution is removed",
        *(100 * relative, 100 * removed),
    )
    return frequencies + removed * change


def within_window(positions: np.ndarray) -> np.ndarray:
    """Mask of the pairs of variants of a chromosome that are at most `WINDOW` apart, bool (m, m)."""
    return np.abs(positions[:, None] - positions) <= WINDOW


def distant_contribution(
    dosages: np.ndarray,
    label: np.ndarray,
    conditions: np.ndarray,
    latents: np.ndarray,
    chromosomes: np.ndarray,
    positions: np.ndarray,
    seed: int,
) -> np.ndarray:
    """For each variant, sum over individuals of dosage times the score of distant variants, float64 (k, m).

    The score predicts `label` (n, k). It is the sum of one ridge regression per chromosome. Regressions are
    cross-fitted: the score of an individual comes from regressions fitted on other folds. Dosages are
    residualised on `conditions` (n, c) and `latents` (n, d). Other arguments as in
    `remove_distant_effects`.
    """
    m = dosages.shape[1]
    mean, spread = dosages.mean(axis=0, dtype=np.float64), np.sqrt(dosage_variance(dosages))
    scale = np.divide(1, spread, out=np.zeros(m), where=spread > 0)
    target = label - label.mean(axis=0, dtype=np.float64)
    known, _ = np.linalg.qr(np.column_stack([conditions, latents]).astype(np.float64))
    order, starts = assign_folds(label.argmax(axis=1), True, derive_seed(seed, "folds"))
    folds = [np.sort(order[first:last]) for first, last in pairwise(starts)]
    projection = np.zeros((known.shape[1], m))  # of standardised dosages on `known`
    beta = np.zeros((len(folds), m, label.shape[1]))
    excess = np.zeros((label.shape[1], m))

    def standardise(rows: np.ndarray, columns: np.ndarray | slice = slice(None)) -> np.ndarray:
        x = (dosages[rows][:, columns] - mean[columns]) * scale[columns]
        return x.astype(np.float32)

    for name in np.unique(chromosomes):
        own = np.flatnonzero(chromosomes == name)
        near = within_window(positions[own])
        grams = np.zeros((len(folds), len(own), len(own)))
        with_label = np.zeros((len(folds), len(own), label.shape[1]))
        with_known = np.zeros((len(folds), known.shape[1], len(own)))
        for fold, rows in enumerate(folds):
            for chunk in _chunks(rows):
                x = standardise(chunk, own)
                grams[fold] += x.T @ x
                with_label[fold] += x.T @ target[chunk]
                with_known[fold] += known[chunk].T @ x
        gram, all_label, all_known = (part.sum(axis=0) for part in (grams, with_label, with_known))
        projection[:, own] = all_known
        penalty = np.eye(len(own)) * m * (1 - HERITABILITY) / HERITABILITY
        for fold, rows in enumerate(folds):
            left = gram - grams[fold] + penalty
            beta[fold, own] = np.linalg.solve(left, all_label - with_label[fold])
            overlap = all_known.T @ with_known[fold]
            residual = grams[fold] - overlap - overlap.T
            residual += all_known.T @ (known[rows].T @ known[rows]) @ all_known
            excess[:, own] -= beta[fold, own].T @ (residual * near)
    for fold, rows in enumerate(folds):
        for chunk in _chunks(rows):
            x = standardise(chunk) - known[chunk] @ projection
            excess += (x @ beta[fold]).T @ x
    return excess * spread


def _chunks(rows: np.ndarray) -> list[np.ndarray]:
    return np.array_split(rows, -(-len(rows) // _CHUNK)) if len(rows) else []
