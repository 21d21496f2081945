"""Figures of a score that ranks people, for many resamples at once, with ties handled exactly."""

import numpy as np


class Ranking:
    """People in order of falling score, ties together.

    `labels` (n,) of 0 and 1; `scores` (n,), higher for those thought to be 1. Every figure below
    takes what `split` gives and is NaN where a class is empty; all are NaN for a score that is
    constant or somewhere NaN, since it ranks nobody.
    """

    def __init__(self, labels: np.ndarray, scores: np.ndarray) -> None:
        self.order = np.argsort(-scores, kind="stable")
        self.labels = labels[self.order].astype(np.float32)
        ranked = scores[self.order]
        self.starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        self.ranks = len(self.starts) > 1 and bool(np.isfinite(scores).all())

    def split(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weight of the 1s and of the 0s at each distinct score, highest first, (b, distinct).

        `weights` (b, n), ones for the plain figures.
        """
        if not self.ranks:
            unknown = np.full((len(weights), 1), np.nan)
            return unknown, unknown
        weights = weights[:, self.order]
        ones = np.add.reduceat(weights * self.labels, self.starts, axis=1, dtype=np.float64)
        every = np.add.reduceat(weights, self.starts, axis=1, dtype=np.float64)
        return ones, every - ones


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a / np.where(b == 0, np.nan, b)


def roc_auc(ones: np.ndarray, zeros: np.ndarray) -> np.ndarray:
    """Area under the ROC curve (Mann-Whitney, ties count half) of what `Ranking.split` gives."""
    below = zeros.sum(axis=1, keepdims=True) - np.cumsum(zeros, axis=1)
    wins = np.einsum("bk,bk->b", ones, below + zeros / 2)
    return _ratio(wins, ones.sum(axis=1) * zeros.sum(axis=1))


def average_precision(ones: np.ndarray, zeros: np.ndarray) -> np.ndarray:
    """Area under the precision-recall curve as a step function (average precision)."""
    found = np.cumsum(ones, axis=1)
    precision = found / np.maximum(found + np.cumsum(zeros, axis=1), 1e-12)
    area = np.einsum("bk,bk->b", ones, precision)
    return np.where(zeros.sum(axis=1) == 0, np.nan, _ratio(area, ones.sum(axis=1)))


def tpr_at(ones: np.ndarray, zeros: np.ndarray, fpr: float) -> np.ndarray:
    """True-positive rate at the lowest threshold with a false-positive rate of at most `fpr`."""
    total = zeros.sum(axis=1, keepdims=True)
    allowed = np.cumsum(zeros, axis=1) <= fpr * total + 1e-9
    found = np.einsum("bk,bk->b", ones, allowed)
    return np.where(total[:, 0] == 0, np.nan, _ratio(found, ones.sum(axis=1)))


def top_decile_odds_ratio(ones: np.ndarray, zeros: np.ndarray) -> np.ndarray:
    """Odds of being 1 in the highest tenth over those in the rest; a tie on the border is shared.

    NaN where one of the four cells is empty.
    """
    every = ones + zeros
    above = np.cumsum(every, axis=1) - every
    tenth = 0.1 * every.sum(axis=1, keepdims=True)
    share = np.clip((tenth - above) / np.maximum(every, 1e-12), 0, 1)
    top_ones, top_zeros = ((share * part).sum(axis=1) for part in (ones, zeros))
    rest_ones, rest_zeros = ones.sum(axis=1) - top_ones, zeros.sum(axis=1) - top_zeros
    odds = np.where(top_ones > 0, top_ones, np.nan) * np.where(rest_zeros > 0, rest_zeros, np.nan)
    return odds / np.where(top_zeros * rest_ones > 1e-9, top_zeros * rest_ones, np.nan)
