"""Contrasts between the levels of the label: classes, or values of a quantitative trait."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from snpgen.generator.conditions import ConditionEncoding
from snpgen.io.sumstats import CONTRAST


class Contrasts(NamedTuple):
    """Differences between levels of the label, k of them, and how they return to the levels.

    For classes, there is a contrast of each class with the first. For a quantitative trait, the only
    contrast is the slope per standard deviation of the value. Rows of `weights` float64 (k, classes) turn
    the label rows of a table of frequencies into contrasts. Rows of `levels` float64 (classes, k) turn
    contrasts into deviations from the mean of the training individuals. `label` float64 (n, k) holds the
    label of each training individual, standardised over the individuals that the contrast compares, and NaN for
    all others.
    """

    weights: np.ndarray
    levels: np.ndarray
    label: np.ndarray


def contrast_names(classes: Sequence[str]) -> tuple[str, ...]:
    """Names of the contrasts: each class but the first if there are more than two, otherwise ""."""
    return tuple(classes[1:]) if len(classes) > 2 else ("",)


def z_scores(table: pd.DataFrame, contrast: str) -> np.ndarray:
    """z of the contrast in summary statistics, float64 (m,)."""
    if contrast:
        return table[CONTRAST + contrast].to_numpy(np.float64)
    return table.beta.to_numpy(np.float64) / table.standard_error.to_numpy(np.float64)


def make_contrasts(encoding: ConditionEncoding, conditions: np.ndarray) -> Contrasts:
    """Contrasts of the training individuals with `conditions` float32 (n, c).

    The value of a quantitative trait is clipped at the outer knots of its encoding. The slope of a table
    of frequencies by knot is the least-squares slope over the training individuals.
    """
    label = conditions[:, : encoding.n_classes].astype(np.float64)
    share = label.mean(axis=0)
    if encoding.knots is None:
        one_hot = np.eye(encoding.n_classes)[:, 1:]
        compared = label[:, 1:] + label[:, :1] > 0
        standardised = np.where(compared, label[:, 1:], np.nan)
        standardised -= np.nanmean(standardised, axis=0)
        standardised /= np.nanstd(standardised, axis=0)
        return Contrasts(
            one_hot.T - np.eye(encoding.n_classes)[0], one_hot - share[1:], standardised
        )
    knots = np.array(encoding.knots)
    value = label @ knots
    deviation = knots - value.mean()
    slope = deviation @ (label.T @ label)
    spread = value.std()
    weights = spread * slope / (slope @ deviation)
    return Contrasts(
        weights[None], deviation[:, None] / spread, ((value - value.mean()) / spread)[:, None]
    )


def standardise(scores: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and standard deviation 1; constant columns are 0."""
    spread = scores.std(axis=0)
    return (scores - scores.mean(axis=0)) / np.where(spread > 0, spread, 1)


def shrunken_frequencies(
    frequencies: np.ndarray,
    conditions: np.ndarray,
    contrasts: Contrasts,
    differences: np.ndarray,
) -> np.ndarray:
    """Frequencies float64 (c, m) whose label rows have these `differences` (k, m) of the mean dosage.

    `frequencies` (c, m) are those of the training individuals by condition. Rows of other conditions and the
    overall frequencies do not change.
    """
    target = frequencies.copy()
    classes = len(contrasts.levels)
    share = conditions[:, :classes].mean(axis=0, dtype=np.float64)
    target[:classes] = share @ frequencies[:classes] + contrasts.levels @ differences / 2
    return target
