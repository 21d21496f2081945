"""ROC and precision-recall statistics of a score under resampling weights, with exact ties."""

import numpy as np
from numba import njit


class RocCurve:
    """Counts from which the ROC curve of a score is computed, for many sets of weights at once.

    `labels` (n,) are 0 or 1; `scores` (n,) are higher for individuals that are more likely 1. The
    functions below take the result of `counts`. They return NaN if a class is empty, and if the score is
    constant or contains NaN.
    """

    def __init__(self, labels: np.ndarray, scores: np.ndarray) -> None:
        self.order = np.argsort(-scores, kind="stable")
        self.positive = labels[self.order] == 1
        falling = scores[self.order]
        self.stops = np.flatnonzero(np.r_[falling[1:] != falling[:-1], True]) + 1
        self.defined = len(self.stops) > 1 and bool(np.isfinite(scores).all())

    def counts(self, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Weights of positives and of negatives at each distinct score, highest first, (b, distinct).

        `weights` (b, n) are resample counts. By default all weights are one, and b is 1.
        """
        if weights is None:
            weights = np.ones((1, len(self.order)), np.float32)
        if not self.defined:
            unknown = np.full((len(weights), 1), np.nan)
            return unknown, unknown
        positives, negatives = np.zeros((2, len(weights), len(self.stops)))
        _count(weights, self.order, self.positive, self.stops, positives, negatives)
        return positives, negatives


@njit(cache=True, nogil=True)
def _count(
    weights: np.ndarray,
    order: np.ndarray,
    positive: np.ndarray,
    stops: np.ndarray,
    positives: np.ndarray,
    negatives: np.ndarray,
) -> None:
    """Fill `positives` and `negatives`, zeros (b, distinct): `counts` of `RocCurve`."""
    for row in range(len(weights)):
        start = 0
        for place in range(len(stops)):
            for i in range(start, stops[place]):
                if positive[i]:
                    positives[row, place] += weights[row, order[i]]
                else:
                    negatives[row, place] += weights[row, order[i]]
            start = stops[place]


@njit(cache=True, nogil=True)
def roc_auc(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """Area under the ROC curve (Mann-Whitney; ties count half), (b,)."""
    areas = np.full(len(positives), np.nan)
    for row in range(len(positives)):
        above = below = wins = 0.0  # `above`: positives; `below`: negatives so far
        for place in range(positives.shape[1]):
            p, n = positives[row, place], negatives[row, place]
            wins += n * (above + p / 2)
            above, below = above + p, below + n
        if above * below != 0:
            areas[row] = wins / (above * below)
    return areas


@njit(cache=True, nogil=True)
def average_precision(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """Area under the precision-recall curve as a step function (average precision), (b,)."""
    areas = np.full(len(positives), np.nan)
    for row in range(len(positives)):
        found = wrong = area = 0.0
        for place in range(positives.shape[1]):
            p, n = positives[row, place], negatives[row, place]
            found, wrong = found + p, wrong + n
            area += p * found / max(found + wrong, 1e-12)
        if found * wrong != 0:
            areas[row] = area / found
    return areas


@njit(cache=True, nogil=True)
def tpr_at(positives: np.ndarray, negatives: np.ndarray, fpr: float) -> np.ndarray:
    """True-positive rate (b,) at the lowest threshold whose false-positive rate is at most `fpr`."""
    rates = np.full(len(positives), np.nan)
    for row in range(len(positives)):
        total, total_wrong = positives[row].sum(), negatives[row].sum()
        found = wrong = 0.0
        for place in range(positives.shape[1]):
            p, n = positives[row, place], negatives[row, place]
            wrong += n
            if wrong > fpr * total_wrong + 1e-9:
                break
            found += p
        if total * total_wrong != 0:
            rates[row] = found / total
    return rates


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
