"""Allele frequencies as a function of the conditions, and the effects they imply."""

from collections.abc import Iterable

import numpy as np

from snpgen.io.plink import dosage_variance

_CHUNK = 10_000  # individuals converted to float at once


def training_frequencies(dosages: np.ndarray, conditions: np.ndarray) -> np.ndarray:
    """Allele frequencies as a linear function of the conditions, float64 (c, m).

    Least-squares regression of dosages int8 (n, m) on conditions float32 (n, c). If the conditions are
    classes only, row k is the frequency in class k.
    """
    return inverse_gram(conditions) @ cross_products(dosages, conditions) / 2


def adjusted_frequencies(
    dosages: np.ndarray, conditions: np.ndarray, scores: Iterable[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """`training_frequencies` given principal components, float64 (c, m).

    `scores` yields variants (indices) and the component scores (n, d) by which these are adjusted
    (`AncestryComponents.project`).
    """
    adjusted = np.empty((conditions.shape[1], dosages.shape[1]))
    for columns, components in scores:
        design = np.column_stack([conditions, components]).astype(np.float32)
        found = training_frequencies(dosages[:, columns], design)
        adjusted[:, columns] = found[: conditions.shape[1]]
    return adjusted


def deviations(frequencies: np.ndarray, conditions: np.ndarray, classes: int) -> np.ndarray:
    """Deviation of the frequency by level of the label from the overall one, float64 (classes, m).

    The first `classes` rows of `frequencies` (c, m) and columns of `conditions` (n, c) are those of the label.
    """
    share = conditions[:, :classes].mean(axis=0, dtype=np.float64)
    level: np.ndarray = frequencies[:classes] - share @ frequencies[:classes]
    return level


def cross_products(values: np.ndarray, conditions: np.ndarray) -> np.ndarray:
    """Conditions float32 (n, c), transposed, times values int8 (n, m), float64 (c, m)."""
    total = np.zeros((conditions.shape[1], values.shape[1]))
    for start in range(0, len(conditions), _CHUNK):
        part = slice(start, start + _CHUNK)
        total += conditions[part].T.astype(np.float64) @ values[part]
    return total


def overall_frequency(frequencies: np.ndarray, conditions: np.ndarray) -> np.ndarray:
    """Allele frequencies float64 (m,) of all individuals, computed from `frequencies` by condition (c, m).

    `conditions` (n, c) are the conditions of the individuals.
    """
    return conditions.mean(axis=0, dtype=np.float64) @ frequencies


def inverse_gram(conditions: np.ndarray) -> np.ndarray:
    """(X'X)^-1 float64 (c, c) of conditions X float32 (n, c)."""
    x = conditions.astype(np.float64)
    return np.linalg.pinv(x.T @ x)


def label_effects(dosages: np.ndarray, conditions: np.ndarray, classes: int) -> np.ndarray:
    """`allele_effects` of the observed frequencies; arguments as in `training_frequencies`."""
    variance = dosage_variance(dosages)
    return allele_effects(training_frequencies(dosages, conditions), variance, classes)


def allele_effects(frequencies: np.ndarray, variance: np.ndarray, classes: int) -> np.ndarray:
    """Difference in mean dosage from the first class, divided by the variance, float64 (classes - 1, m).

    For two classes, this is the one-step (score) estimate of the log odds ratio per allele. Effects of
    monomorphic variants are 0. The first `classes` rows of `frequencies` (c, m) are the allele frequencies
    in the classes of the label. `variance` (m,) is the variance of the dosages.
    """
    difference = 2 * (frequencies[1:classes] - frequencies[0])
    return np.divide(difference, variance, out=np.zeros_like(difference), where=variance > 0)
