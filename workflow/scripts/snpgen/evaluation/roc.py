"""ROC and precision-recall statistics of a score under resampling weights, with exact ties."""

import numpy as np


class RocCurve:
    """Counts from which the ROC curve of a score is computed, for many sets of weights at once.

    `labels` (n,) are 0 or 1; `scores` (n,) are higher for individuals that are more likely 1. The
    functions below take the result of `counts`. They return NaN if a class is empty, and if the score is
    constant or contains NaN.
    """

    def __init__(self, labels: np.ndarray, scores: np.ndarray) -> None:
        self.order = np.argsort(-scores, kind="stable")
        self.labels = labels[self.order].astype(np.float32)
        falling = scores[self.order]
        self.starts = np.flatnonzero(np.r_[True, falling[1:] != falling[:-1]])
        self.defined = len(self.starts) > 1 and bool(np.isfinite(scores).all())

    def counts(self, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Weights of positives and of negatives at each distinct score, highest first, (b, distinct).

        `weights` (b, n) are resample counts. By default all weights are one, and b is 1.
        """
        if weights is None:
            weights = np.ones((1, len(self.labels)), np.float32)
        if not self.defined:
            unknown = np.full((len(weights), 1), np.nan)
            return unknown, unknown
        weights = weights[:, self.order]
        positives = np.add.reduceat(weights * self.labels, self.starts, axis=1, dtype=np.float64)
        total = np.add.reduceat(weights, self.starts, axis=1, dtype=np.float64)
        return positives, total - positives


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a / np.where(b == 0, np.nan, b)


def roc_auc(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """Area under the ROC curve (Mann-Whitney; ties count half), (b,)."""
    below = negatives.sum(axis=1, keepdims=True) - np.cumsum(negatives, axis=1)
    wins = np.einsum("bk,bk->b", positives, below + negatives / 2)
    return _ratio(wins, positives.sum(axis=1) * negatives.sum(axis=1))


def average_precision(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """Area under the precision-recall curve as a step function (average precision), (b,)."""
    found = np.cumsum(positives, axis=1)
    precision = found / np.maximum(found + np.cumsum(negatives, axis=1), 1e-12)
    area = np.einsum("bk,bk->b", positives, precision)
    return np.where(negatives.sum(axis=1) == 0, np.nan, _ratio(area, positives.sum(axis=1)))


def tpr_at(positives: np.ndarray, negatives: np.ndarray, fpr: float) -> np.ndarray:
    """True-positive rate (b,) at the lowest threshold whose false-positive rate is at most `fpr`."""
    total = negatives.sum(axis=1, keepdims=True)
    allowed = np.cumsum(negatives, axis=1) <= fpr * total + 1e-9
    found = np.einsum("bk,bk->b", positives, allowed)
    return np.where(total[:, 0] == 0, np.nan, _ratio(found, positives.sum(axis=1)))


def top_decile_odds_ratio(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """Odds of being positive in the top decile over the odds in the rest, (b,).

    Ties at the border are split proportionally. NaN if one of the four cells is empty.
    """
    every = positives + negatives
    above = np.cumsum(every, axis=1) - every
    tenth = 0.1 * every.sum(axis=1, keepdims=True)
    share = np.clip((tenth - above) / np.maximum(every, 1e-12), 0, 1)
    top_positives, top_negatives = ((share * part).sum(axis=1) for part in (positives, negatives))
    rest_positives = positives.sum(axis=1) - top_positives
    rest_negatives = negatives.sum(axis=1) - top_negatives
    defined = (top_positives > 0) & (rest_negatives > 0) & (top_negatives * rest_positives > 1e-9)
    below = np.where(defined, top_negatives * rest_positives, np.nan)
    return top_positives * rest_negatives / below
