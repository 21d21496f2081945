"""Features of individuals that reflect local ancestry and inbreeding, and a two-sample test on them.

A two-sample test on genotypes hardly sees the lengths of tracts of ancestry or of homozygosity, because each
variant carries little information. These features combine many variants.
"""

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold, cross_val_score
from xgboost import XGBClassifier

from snpgen.cohort.coalescent import RECOMBINATION_RATE

WINDOW = 0.05  # Morgans
LAGS = (0, 1, 2, 4, 8, 16)  # in windows
GENERATIONS = 7  # since admixture, of which local ancestry is inferred
FOLDS = 3
_RARE = 0.001  # smallest allele frequency in a source


def individual_features(
    dosages: np.ndarray, variants: pd.DataFrame, frequency: np.ndarray, sources: np.ndarray
) -> np.ndarray:
    """Features float64 (n, 18) of individuals with `dosages` int8 (n, m) without missing calls.

    F; proportion of ancestry from the first source; longest run without heterozygotes (bp); ancestry switches
    (sum of absolute differences of posterior local ancestry); standard deviations of local ancestry and of its means by
    chromosome; and, at each of `LAGS`, mean products of window scores sum((g - 2p) w) and of window scores
    sum(het - 2p(1 - p)). `frequency` p (m,) is that of the training individuals, `sources` (2, m) that in the
    two sources, and w their difference.
    """
    w = sources[0] - sources[1]
    expected = 2 * frequency * (1 - frequency)
    heterozygous = dosages == 1
    share = (dosages / 2 - sources[1]) @ w / (w @ w)
    scores = (dosages - 2 * frequency) * w, heterozygous - expected
    n, chromosomes = len(dosages), variants.chromosome.to_numpy()
    run, switches = np.zeros((2, n))
    local, means = [], []
    products, pairs = np.zeros((len(scores), len(LAGS), n)), np.zeros(len(LAGS))
    for name in dict.fromkeys(chromosomes):
        columns = np.flatnonzero(chromosomes == name)
        position = variants.position.to_numpy(np.float64)[columns]
        morgans = RECOMBINATION_RATE * position
        run = np.maximum(run, _longest_run(heterozygous[:, columns], position))
        ancestry = infer_ancestry(dosages[:, columns], morgans, sources[:, columns], share)
        switches += 2 * np.abs(np.diff(ancestry, axis=1)).sum(axis=1)
        local.append(ancestry)
        means.append(ancestry.mean(axis=1))
        window = (morgans // WINDOW).astype(int) - int(morgans[0] // WINDOW)
        indicator = np.eye(window.max() + 1)[window]
        for of_score, score in zip(products, scores, strict=True):
            sums = score[:, columns] @ indicator
            for i, lag in enumerate(LAGS):
                of_score[i] += (sums[:, : max(sums.shape[1] - lag, 0)] * sums[:, lag:]).sum(axis=1)
        pairs += np.maximum(len(indicator.T) - np.array(LAGS), 0)
    return np.column_stack(
        [
            1 - heterozygous.sum(axis=1) / expected.sum(),
            share,
            run,
            switches,
            np.concatenate(local, axis=1).std(axis=1),
            np.std(means, axis=0),
            *(products / np.maximum(pairs, 1)[:, None]).reshape(-1, n),
        ]
    )


def _longest_run(heterozygous: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Longest distance (n,) between the first and last variant of a run without heterozygotes, in bp."""
    longest, start = np.zeros(len(heterozygous)), np.full(len(heterozygous), np.nan)
    for column, place in zip(heterozygous.T, position, strict=True):
        start = np.where(column, np.nan, np.where(np.isnan(start), place, start))
        longest = np.fmax(longest, place - start)
    return longest


def infer_ancestry(
    dosages: np.ndarray, morgans: np.ndarray, sources: np.ndarray, share: np.ndarray
) -> np.ndarray:
    """Posterior share of ancestry from the first source, float64 (n, m), along one chromosome.

    The ancestry of each haplotype is a Markov chain that is redrawn from the `share` (n,) of the individual with
    rate `GENERATIONS` per Morgan (Falush, Stephens & Pritchard 2003). Genotypes are independent given ancestry.
    `sources` (2, m) are allele frequencies, `morgans` (m,) genetic positions.
    """
    p = np.clip(sources, _RARE, 1 - _RARE)
    first, second = p[:, None], p[None]  # of the ancestries of both haplotypes, (2, 2, m)
    mixed = first * (1 - second) + second * (1 - first)
    by_genotype = np.stack([(1 - first) * (1 - second), mixed, first * second])
    emitted = np.stack([by_genotype[..., j][dosages[:, j]] for j in range(len(morgans))])
    share = np.clip(share, 0.02, 0.98)
    prior = np.column_stack([share, 1 - share])
    stay = np.exp(-GENERATIONS * np.diff(morgans))
    before = _messages(emitted, stay, prior)
    after = _messages(emitted[::-1], stay[::-1], prior)[::-1]
    posterior = before * emitted * after * prior[:, :, None] * prior[:, None, :]
    both = posterior[:, :, 0].sum(axis=2) + posterior[:, :, :, 0].sum(axis=2)
    return (both / (2 * posterior.sum(axis=(2, 3)))).T


def _messages(emitted: np.ndarray, stay: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Likelihood (m, n, 2, 2) of the genotypes before each variant given ancestry there, up to a factor.

    The chain is reversible, so the same recursion serves both directions.
    """
    found = np.ones_like(emitted)
    for j, same in enumerate(stay, start=1):
        x = emitted[j - 1] * found[j - 1]
        for axis, own in ((1, prior[:, :, None]), (2, prior[:, None, :])):
            x = same * x + (1 - same) * (own * x).sum(axis=axis, keepdims=True)
        found[j] = x / x.mean(axis=(1, 2), keepdims=True)
    return found


def feature_test(mine: np.ndarray, real: np.ndarray, seed: int, threads: int = 1) -> float:
    """Cross-validated ROC-AUC (mean over folds) of a classifier of the features (n, k) and (n', k)."""
    model = XGBClassifier(
        n_estimators=120, max_depth=3, learning_rate=0.1, n_jobs=threads, random_state=seed
    )
    labels = np.repeat([1, 0], [len(mine), len(real)])
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    features = np.concatenate([mine, real])
    return float(cross_val_score(model, features, labels, cv=folds, scoring="roc_auc").mean())
