"""Linkage disequilibrium: correlation of two variants, effective number of variants, long-range regions."""

import numpy as np
import pandas as pd
from numba import njit
from scipy.linalg import orth

from snpgen.genetics.packed import popcount
from snpgen.io.panel import thin
from snpgen.io.plink import MISSING

MAX_SAMPLES = 20_000  # individuals used for the effective number of variants
_MIN_LENGTH = 1e-3  # of the residual of a column with norm 1, above rounding errors
_CHUNK = 1_000  # variants whose correlations with all others are in memory at once


def read_long_range_ld(path: str, build: str) -> pd.DataFrame:
    """Regions of long-range LD on `build`: chromosome (str), start and end (bp, both included)."""
    regions = pd.read_csv(path, sep="\t", comment="#", dtype={"chromosome": str})
    return regions[regions.build == build]


def outside_regions(variants: pd.DataFrame, regions: pd.DataFrame) -> np.ndarray:
    """Whether each variant lies outside all `regions` (chromosome, start, end), bool (m,)."""
    outside = np.ones(len(variants), dtype=bool)
    position = variants.position.to_numpy()
    for chromosome, start, end in regions[["chromosome", "start", "end"]].to_numpy(object):
        inside = (start <= position) & (position <= end)
        outside &= ~((variants.chromosome == chromosome).to_numpy() & inside)
    return outside


@njit(cache=True, nogil=True)
def squared_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Squared Pearson correlation of two variants over the samples that are called at both variants.

    `one` and `other` are bit planes (3, words). Sums are exact integers. The result is 0 if a variant does
    not vary among these samples.
    """
    n = x = y = xx = yy = xy = 0
    for word in range(one.shape[1]):
        het, two = one[0, word], one[1, word]
        het_other, two_other = other[0, word], other[1, word]
        called, called_other = het | one[2, word], het_other | other[2, word]
        n += popcount(called & called_other)
        n_het, n_two = popcount(het & called_other), popcount(two & called_other)
        x += n_het + 2 * n_two
        xx += n_het + 4 * n_two
        n_het, n_two = popcount(het_other & called), popcount(two_other & called)
        y += n_het + 2 * n_two
        yy += n_het + 4 * n_two
        xy += popcount(het & het_other) + 4 * popcount(two & two_other)
        xy += 2 * (popcount(het & two_other) + popcount(two & het_other))
    covariance = float(n * xy) - float(x * y)
    variance = float(n * xx - x * x) * float(n * yy - y * y)
    return covariance * covariance / variance if variance > 0 else 0.0


def unit_columns(dosages: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and norm 1, float32 (n, m); their inner products are dosage correlations.

    `dosages` int8 (n, m) with `MISSING`. Missing calls are set to the mean of the column, which is 0. All
    values of a monomorphic column are 0.
    """
    called = dosages != MISSING
    counts = np.where(called, dosages, 0)
    # Integer sums are exact, unlike single-precision sums over many individuals.
    total, squares = counts.sum(axis=0, dtype=np.int64), (counts**2).sum(axis=0, dtype=np.int64)
    mean = total / np.maximum(called.sum(axis=0), 1)
    length = np.sqrt(squares - total * mean)
    values = (counts - mean.astype(np.float32)) * called
    return values / np.where(length > 0, length, 1).astype(np.float32)


def effective_variants(dosages: np.ndarray) -> float:
    """Effective number of independent variants, m^2 / sum of r^2 over all ordered pairs.

    The sum includes the pairs of a variant with itself. r^2 is corrected for its sampling bias by r^2 - (1 -
    r^2) / (n - 2) (Bulik-Sullivan et al. 2015). Dosages int8 (n, m) with `MISSING`; at most 20,000 rows are
    used. Monomorphic variants are ignored; NaN if all are monomorphic or n < 4.
    """
    return effective_number(unit_columns(thin(dosages, MAX_SAMPLES)))


def effective_number(values: np.ndarray) -> float:
    """`effective_variants` from columns of mean 0 and norm 1, float32 (n, m); constant columns are 0."""
    values = values[:, values.any(axis=0)]
    n, m = values.shape
    if n < 4 or m == 0:
        return np.nan
    total = 0.0
    for start in range(0, m, _CHUNK):
        total += float(_corrected_r2(values[:, start : start + _CHUNK], values).sum())
    return float(m**2 / max(total, m))  # at most m


def adjust_columns(values: np.ndarray, components: np.ndarray) -> np.ndarray:
    """`unit_columns` (n, m) without what principal `components` (n, p) explain; mean 0 and norm 1 again.

    Columns that the components explain completely are 0.
    """
    known = orth(np.column_stack([np.ones(len(values)), components])).astype(np.float32)
    residual = values - known @ (known.T @ values)
    length = np.linalg.norm(residual, axis=0)
    return np.divide(residual, length, out=np.zeros_like(residual), where=length > _MIN_LENGTH)


def effective_variants_of_first(dosages: np.ndarray, components: np.ndarray) -> np.ndarray:
    """Effective number of the first 1, 2, ..., m variants given principal components, float64 (m,).

    As `effective_variants`, of genotypes from which the `components` (n, p) are removed; p may be 0. Dosages
    int8 (n, m).
    """
    values = unit_columns(thin(dosages, MAX_SAMPLES))
    values = adjust_columns(values, thin(components, MAX_SAMPLES))
    n, m = values.shape
    if n < 4:
        return np.full(m, np.nan)
    varies = np.any(values, axis=0)
    added = np.zeros(m)  # to the sum of r^2 by each variant
    for start in range(0, m, _CHUNK):
        stop = min(start + _CHUNK, m)
        r2 = _corrected_r2(values[:, :stop], values[:, start:stop])
        r2[~(varies[:stop, None] & varies[start:stop])] = 0
        # Pairs with earlier variants count twice, the pair of a variant with itself once.
        added[start:stop] = 2 * np.triu(r2, 1 - start).sum(axis=0) + varies[start:stop]
    number = np.cumsum(varies)
    return number**2 / np.where(number > 0, np.maximum(np.cumsum(added), number), np.nan)


def _corrected_r2(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """r^2 of all pairs of `unit_columns` (n, k) and (n, l), corrected for its bias, float64 (k, l)."""
    r2 = (one.T @ other).astype(np.float64) ** 2
    return r2 - (1 - r2) / (len(one) - 2)
