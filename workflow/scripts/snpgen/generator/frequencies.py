"""Allele frequencies by condition: what people have, the effects these imply, noise on them."""

import numpy as np

from snpgen.job import draw_secret

_CHUNK = 10_000  # people held as floats at once


def training_frequencies(dosages: np.ndarray, conditions: np.ndarray) -> np.ndarray:
    """Allele frequencies as a linear function of the conditions, float64 (c, m).

    Least squares of dosages int8 (n, m) on conditions float32 (n, c); for classes alone, row k is the
    frequency in class k.
    """
    return precision(conditions) @ add_up(dosages, conditions) / 2


def add_up(values: np.ndarray, conditions: np.ndarray) -> np.ndarray:
    """Sum over people of conditions float32 (n, c) times values int8 (n, m): float64 (c, m)."""
    total = np.zeros((conditions.shape[1], values.shape[1]))
    for start in range(0, len(conditions), _CHUNK):
        part = slice(start, start + _CHUNK)
        total += conditions[part].T.astype(np.float64) @ values[part]
    return total


def overall_frequency(frequencies: np.ndarray, conditions: np.ndarray) -> np.ndarray:
    """Frequencies float64 (m,) of all people with these conditions (n, c), from those by condition (c, m)."""
    return conditions.mean(axis=0, dtype=np.float64) @ frequencies


def precision(conditions: np.ndarray) -> np.ndarray:
    """Inverse of the conditions' cross products, float64 (c, c), of conditions float32 (n, c)."""
    x = conditions.astype(np.float64)
    return np.linalg.pinv(x.T @ x)


def label_effects(dosages: np.ndarray, conditions: np.ndarray, classes: int) -> np.ndarray:
    """`effects_of` the people's own frequencies; arguments as of `training_frequencies`."""
    variance = dosages.var(axis=0, dtype=np.float64)
    return effects_of(training_frequencies(dosages, conditions), variance, classes)


def effects_of(frequencies: np.ndarray, variance: np.ndarray, classes: int) -> np.ndarray:
    """Mean dosage at each label less that at the first, over the variance: float64 (classes - 1, m).

    For two classes the one-step (score) estimate of the per-allele log odds ratio; 0 where a variant
    does not vary. `frequencies` (c, m), the first `classes` of the label; `variance` (m,) of dosages.
    """
    difference = 2 * (frequencies[1:classes] - frequencies[0])
    return np.divide(difference, variance, out=np.zeros_like(difference), where=variance > 0)


def add_noise(
    frequencies: np.ndarray, conditions: np.ndarray, noise: float, seed: int
) -> np.ndarray:
    """Frequencies float64 (c, m) plus Gaussian `noise`, in standard errors of each.

    With 1 they are as far from those of the people with these `conditions` float32 (n, c) as those
    are from the population's. Who knows the seed, but not the frequencies, cannot take the noise off.
    """
    middle = overall_frequency(frequencies, conditions).clip(0, 1)
    values, vectors = np.linalg.eigh(precision(conditions))
    normal = draw_secret(seed, frequencies, "frequency noise").standard_normal(frequencies.shape)
    error = (vectors * np.sqrt(values.clip(min=0))) @ normal * np.sqrt(middle * (1 - middle) / 2)
    return frequencies + noise * error
