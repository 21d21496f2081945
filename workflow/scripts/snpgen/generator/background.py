"""Allele frequencies that give synthetic people the joint effects of the training people's variants.

Among a finite number of people, variants far from each other are correlated by chance, so each borrows
from the others' effects, and the difference between cases and controls at a variant is partly theirs.
A model fitted on all variants jointly undoes this on the people themselves, but not on synthetic ones,
who do not share these chance correlations, and should not. So what variants beyond the decoder's reach
predict is taken out of each variant's frequencies, as whole-genome regression does with other
chromosomes before association (Loh et al. 2015; Mbatchou et al. 2021).
"""

from collections.abc import Iterator

import numpy as np

from snpgen.generator.blocks import PADDING
from snpgen.job import derive_seed, log

FOLDS = 5
SHARE = 0.7  # taken out: most of the gain, with marginal effects correlated above 0.99 still
HERITABILITY = 0.25  # of the label on the panel, which sets the penalty; a wide range does as well
_CHUNK = 10_000  # people held as floats at once


def leave_out_background(
    frequencies: np.ndarray,
    dosages: np.ndarray,
    conditions: np.ndarray,
    classes: int,
    latents: np.ndarray,
    blocks: np.ndarray,
    around: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Frequencies float64 (c, m) without what the effects of variants far away add by chance.

    `frequencies` (c, m) of `dosages` int8 (n, m) by `conditions` float32 (n, c), the first `classes`
    of which are the label. Correlation that the conditions and `latents` (n, d) tell about, such as
    that by ancestry, stays. Frequencies over all people stay too, and the size of the effects: their
    slope on those of `frequencies` is 1. `blocks` and `around` as in `VAE`: near is what lies in a
    variant's block and in the two beside it.
    """
    label = conditions[:, :classes]
    excess = background_excess(dosages, label, conditions, latents, blocks, around, seed)
    x = conditions.astype(np.float64)
    change = -SHARE * np.linalg.pinv(x.T @ x)[:, :classes] @ excess / 2
    variance = dosages.var(axis=0, dtype=np.float64)
    weight = np.divide(1, variance, out=np.zeros_like(variance), where=variance > 0)
    effects, moved = ((table[1:classes] - table[0]) * weight for table in (frequencies, change))
    squares = float(np.square(effects).sum())
    if squares == 0:
        return frequencies
    size = float((effects * moved).sum()) / squares
    share = label.mean(axis=0, dtype=np.float64)
    change[:classes] -= size * (frequencies[:classes] - share @ frequencies[:classes])
    distance = float(np.square(moved - size * effects).sum()) / squares
    log.info("effects of variants far away taken out: %.1f %% of all", 100 * distance**0.5)
    return frequencies + change


def background_excess(
    dosages: np.ndarray,
    label: np.ndarray,
    conditions: np.ndarray,
    latents: np.ndarray,
    blocks: np.ndarray,
    around: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Sum over people of dosage times what variants far away predict of the label: float64 (k, m).

    `label` (n, k). The prediction is a ridge regression's on people that it was not fitted on, less
    the part that `conditions` (n, c) and `latents` (n, d) tell. Other arguments as above.
    """
    n, m = dosages.shape
    known, _ = np.linalg.qr(np.column_stack([conditions, latents]).astype(np.float64))
    mean, spread = dosages.mean(axis=0, dtype=np.float64), dosages.std(axis=0, dtype=np.float64)
    scale = np.divide(1, spread, out=np.zeros(m), where=spread > 0)
    wanted = label - label.mean(axis=0, dtype=np.float64)
    fold = _place_in_folds(label, seed)

    def parts(rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows, few at a time, and their standardised dosages."""
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            yield part, ((dosages[part] - mean) * scale).astype(np.float32)

    def products(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gram, cross = np.zeros((m, m)), np.zeros((m, label.shape[1]))
        for part, x in parts(rows):
            gram += x.T @ x
            cross += x.T @ wanted[part]
        return gram, cross

    gram, cross = products(np.arange(n))
    gram[np.diag_indices(m)] += m * (1 - HERITABILITY) / HERITABILITY
    own = [block[block != PADDING] for block in blocks]
    near = [np.concatenate([own[other] for other in row if other != PADDING]) for row in around]
    excess = np.zeros((label.shape[1], m))
    told = np.zeros((len(blocks), known.shape[1], label.shape[1]))
    dosage_told = np.zeros((known.shape[1], m))
    for number in range(FOLDS):
        rows = np.flatnonzero(fold == number)
        own_gram, own_cross = products(rows)
        beta = np.linalg.solve(gram - own_gram, cross - own_cross)
        for part, x in parts(rows):
            dosage_told += known[part].T @ dosages[part]
            everything = x @ beta
            for block, (here, around_here) in enumerate(zip(own, near, strict=True)):
                predicted = everything - x[:, around_here] @ beta[around_here]
                excess[:, here] += predicted.T @ dosages[part][:, here]
                told[block] += known[part].T @ predicted
    for here, part_told in zip(own, told, strict=True):
        excess[:, here] -= part_told.T @ dosage_told[:, here]
    return excess


def _place_in_folds(label: np.ndarray, seed: int) -> np.ndarray:
    """A fold for each of n people, each label spread evenly over the folds."""
    n = len(label)
    order = np.random.default_rng(derive_seed(seed, "folds")).permutation(n)
    order = order[np.argsort(label.argmax(axis=1)[order], kind="stable")]
    fold = np.empty(n, np.int64)
    fold[order] = np.arange(n) % FOLDS
    return fold
