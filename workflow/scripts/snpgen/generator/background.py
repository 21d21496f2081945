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

from snpgen.association.loco import deal_folds
from snpgen.generator.frequencies import effects_of, precision
from snpgen.job import derive_seed, log

REACH = 1_000_000  # bp of linkage disequilibrium
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
    positions: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Frequencies float64 (c, m) without what effects of variants far away add by chance.

    `frequencies` (c, m) of `dosages` int8 (n, m) by `conditions` float32 (n, c), the first `classes`
    of which are the label. Correlation that the conditions and `latents` (n, d) tell about, such as
    that by ancestry, stays. Frequencies over all people stay too, and the size of the effects: their
    slope on those of `frequencies` is 1. Far are variants of other `chromosomes` (m,) and those more
    than `REACH` from each other by `positions` int (m,), bp.
    """
    label = conditions[:, :classes]
    far = are_far(chromosomes, positions)
    excess = background_excess(dosages, label, conditions, latents, far, seed)
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
    log.info("effects of variants far away taken out: %.1f %% of all", 100 * distance**0.5)
    return frequencies + change


def are_far(chromosomes: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Whether each two variants are on two chromosomes or more than `REACH` apart: bool (m, m)."""
    apart = np.abs(positions[:, None] - positions) > REACH
    return apart | (chromosomes[:, None] != chromosomes)


def background_excess(
    dosages: np.ndarray,
    label: np.ndarray,
    conditions: np.ndarray,
    latents: np.ndarray,
    far: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Sum over people of dosage times what variants far away predict of the label: float64 (k, m).

    `label` (n, k); `far` bool (m, m). The prediction is a ridge regression's on people that it was not
    fitted on. Of the genotypes that it reads, only what `conditions` (n, c) and `latents` (n, d) do not
    tell counts. Other arguments as above.
    """
    m = dosages.shape[1]
    mean, spread = dosages.mean(axis=0, dtype=np.float64), dosages.std(axis=0, dtype=np.float64)
    scale = np.divide(1, spread, out=np.zeros(m), where=spread > 0)
    wanted = label - label.mean(axis=0, dtype=np.float64)
    known, _ = np.linalg.qr(np.column_stack([conditions, latents]).astype(np.float64))
    order, folds = deal_folds(label.argmax(axis=1), True, derive_seed(seed, "folds"))

    def products(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Cross products of the variants with themselves, the label and what is known."""
        gram, with_label = np.zeros((m, m)), np.zeros((m, label.shape[1]))
        with_known = np.zeros((known.shape[1], m))
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            x = ((dosages[part] - mean) * scale).astype(np.float32)
            gram += x.T @ x
            with_label += x.T @ wanted[part]
            with_known += known[part].T @ x
        return gram, with_label, with_known

    gram, with_label, told = products(np.arange(len(dosages)))
    gram[np.diag_indices(m)] += m * (1 - HERITABILITY) / HERITABILITY
    excess = np.zeros((label.shape[1], m))
    for first, last in pairwise(folds):
        rows = np.sort(order[first:last])
        own, own_label, own_known = products(rows)
        beta = np.linalg.solve(gram - own, with_label - own_label)
        overlap = told.T @ own_known
        own -= overlap + overlap.T - told.T @ (known[rows].T @ known[rows]) @ told
        excess += beta.T @ np.where(far, own, 0)
    return excess * spread
