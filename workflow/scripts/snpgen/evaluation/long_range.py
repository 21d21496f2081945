"""Long-range covariance of ancestry-informative variants, by distance.

Admixture and population structure make variants far apart, and on different chromosomes, covary along the
direction of ancestry. The decay with distance reflects the lengths of ancestry tracts. LD up to 1 Mb
(`ld`) does not show this.
"""

import numpy as np
import pandas as pd

from snpgen.evaluation.cohorts import Cohort
from snpgen.evaluation.intervals import Estimates, Resamples, bootstrap, fold
from snpgen.evaluation.metrics import DISTANCES
from snpgen.io.plink import allele_frequency, fill_missing

BINS = list(DISTANCES)  # the last is for pairs on different chromosomes
_EDGES = [tuple(map(float, name.removesuffix("mb").split("-"))) for name in BINS[:-1]]


class AncestryCovariance:
    """Covariance of pairs of variants along a direction of ancestry, for any weights of individuals.

    In each distance bin, sum(Cov_ij w_i w_j) / sum((w_i w_j)^2) over the pairs (i, j) of variants in this bin,
    where w (m,) are differences of allele frequencies. In individuals of mixed ancestry it is proportional to
    the covariance of local ancestry. `sums` float64 (groups, bins) are the contributions of groups of
    individuals, NaN for a bin without pairs. Missing calls are set to the mean.
    """

    def __init__(self, cohort: Cohort, w: np.ndarray, variants: pd.DataFrame, seed: int) -> None:
        frequency = np.nan_to_num(allele_frequency(cohort.dosages))
        x = (fill_missing(cohort.dosages, frequency) - 2 * frequency) * w
        chromosomes, positions = variants.chromosome.to_numpy(), variants.position.to_numpy()
        products, weights = np.zeros((2, len(x), len(BINS)))
        square = np.square(w)
        on_chromosome = []
        for name in dict.fromkeys(chromosomes):
            columns = np.flatnonzero(chromosomes == name)
            own, place = x[:, columns], positions[columns]
            distance = np.abs(place[:, None] - place) / 1e6
            for i, (low, high) in enumerate(_EDGES):
                pairs = ((distance >= low) & (distance < high)).astype(np.float64)
                products[:, i] += np.einsum("ij,ij->i", own, own @ pairs) / 2
                weights[:, i] += square[columns] @ pairs @ square[columns] / 2
            on_chromosome.append((own.sum(axis=1), square[columns].sum()))
        sums, totals = (np.array(part) for part in zip(*on_chromosome, strict=True))
        products[:, -1] = (sums.sum(axis=0) ** 2 - (sums**2).sum(axis=0)) / 2
        weights[:, -1] = (totals.sum() ** 2 - (totals**2).sum()) / 2
        each = products / np.where(weights > 0, weights, np.nan)
        self.sums = fold(each, seed).sum(axis=0)
        self.sizes = fold(np.ones(len(x)), seed).sum(axis=0)
        self.sample = (len(self.sums), seed)

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """Covariance (b, bins) under weights (b, groups)."""
        total = (weights @ self.sizes)[:, None]
        covariance: np.ndarray = weights @ self.sums / np.maximum(total - 1, 1)
        return covariance


def informative_bins(real: AncestryCovariance, count: int) -> list[int]:
    """Bins (indices) in which the covariance of real individuals is above 0, by its 95 % interval."""

    def statistic(weights: np.ndarray) -> Resamples:
        return {
            ("covariance", name): values for name, values in zip(BINS, real(weights).T, strict=True)
        }

    estimates = bootstrap(statistic, [real.sample], count)
    return [i for i, name in enumerate(BINS) if estimates["covariance", name].low > 0]


def compare_covariance(
    cohort: AncestryCovariance, real: AncestryCovariance, bins: list[int], stratum: str, count: int
) -> Estimates:
    """`ancestry_covariance_{bin}`: covariance in `cohort` divided by the covariance in real individuals."""

    def statistic(mine: np.ndarray, theirs: np.ndarray) -> Resamples:
        reference = real(theirs)
        ratio = cohort(mine) / np.where(reference > 0, reference, np.nan)
        return {(f"ancestry_covariance_{BINS[i]}", stratum): ratio[:, i] for i in bins}

    return bootstrap(statistic, [cohort.sample, real.sample], count) if bins else {}
