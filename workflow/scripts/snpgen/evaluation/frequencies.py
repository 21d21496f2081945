"""Comparison of allele and genotype frequencies between a cohort and real individuals."""

import numpy as np
import pandas as pd

from snpgen.evaluation.agreement import pearson, rmse, slope
from snpgen.evaluation.cohorts import STRATA, Cohort
from snpgen.evaluation.intervals import Estimates, Resamples, bootstrap, fold, wilson
from snpgen.evaluation.metrics_table import VARIANT
from snpgen.genetics.hardy_weinberg import hardy_weinberg_p
from snpgen.io.plink import MISSING, allele_frequency

BINS = {"maf<0.05": (0.0, 0.05), "maf0.05-0.2": (0.05, 0.2), "maf>=0.2": (0.2, 0.51)}
RARE = "maf<0.05"
HWE_P = 1e-6


class GenotypeSums:
    """Sums over groups of individuals, float32 (groups, m); `seed` assigns the groups."""

    def __init__(self, cohort: Cohort, seed: int) -> None:
        def sums(values: np.ndarray) -> np.ndarray:
            return fold(values, seed).sum(axis=0, dtype=np.float32)

        self.called = sums(cohort.dosages != MISSING)
        self.alleles = sums(np.maximum(cohort.dosages, 0))  # a missing call is negative
        self.heterozygous = sums(cohort.dosages == 1)
        self.sample = (len(self.called), seed)

    def frequency(self, weights: np.ndarray) -> np.ndarray:
        """Frequency of the effect allele (b, m) under weights (b, groups); NaN without calls."""
        called = weights @ self.called
        return weights @ self.alleles / np.where(called > 0, 2 * called, np.nan)

    def inbreeding(self, weights: np.ndarray) -> np.ndarray:
        """F = 1 - observed / expected heterozygosity (b, m); NaN for monomorphic variants.

        The expectation has the small-sample factor 2n / (2n - 1) (Nei 1978).
        """
        alleles = 2 * (weights @ self.called).astype(np.float64)
        p = self.frequency(weights)
        expected = p * (1 - p) * alleles**2 / np.maximum(alleles - 1, 1)
        return 1 - weights @ self.heterozygous / np.where(expected > 0, expected, np.nan)

    def difference(self, weights: np.ndarray) -> np.ndarray:
        """Mean Manhattan distance (b,) of two individuals sampled with replacement.

        For one variant with genotype frequencies f0, f1, f2, it is 2 (f0 f1 + f1 f2 + 2 f0 f2).
        """
        called = weights @ self.called
        two = (weights @ (self.alleles - self.heterozygous)) / 2
        one = weights @ self.heterozygous
        zero = called - one - two
        pairs = np.where(called > 0, called, np.nan) ** 2
        return np.nansum(2 * (zero * one + one * two + 2 * zero * two) / pairs, axis=1)


def minor_within(frequency: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Polymorphic variants (indices) with low <= MAF < high, and whether the effect allele is minor."""
    minor = np.minimum(frequency, 1 - frequency)
    rows = np.flatnonzero((minor > 0) & (minor >= low) & (minor < high))
    return rows, frequency[rows] < 0.5


def compare_frequencies(
    cohort: Cohort, reference: Cohort, training: np.ndarray, count: int, seeds: tuple[int, int]
) -> Estimates:
    """Agreement of allele frequencies of `cohort` with `reference`, by (metric, stratum).

    The training frequencies `training` (m,) assign the variants to `BINS`. `seeds` are the seeds for
    resampling the two cohorts. The strata are all, case, control and the bins. Within bins, minor allele
    frequencies are compared. For the bin of rare variants, `rare_af_ratio` is the ratio of the mean
    frequencies.
    """
    out: Estimates = {}
    for stratum in STRATA:
        sides = cohort.stratum(stratum), reference.stratum(stratum)
        sums = [GenotypeSums(*side) for side in zip(sides, seeds, strict=True)]
        out |= agree(sums, stratum, count)
        if stratum == "all":
            for name, ends in BINS.items():
                out |= agree(sums, name, count, minor_within(training, *ends))
    return out


def compare_whole(
    cohort: Cohort, training: Cohort, frequency: np.ndarray, count: int, seeds: tuple[int, int]
) -> Estimates:
    """Compare all individuals with all training individuals, in the stratum `train`."""
    sums = [GenotypeSums(*side) for side in zip((cohort, training), seeds, strict=True)]
    rare = agree(sums, RARE, count, minor_within(frequency, *BINS[RARE]))
    return agree(sums, "train", count) | {("rare_af_ratio", "train"): rare["rare_af_ratio", RARE]}


def agree(
    sums: list[GenotypeSums],
    stratum: str,
    count: int,
    chosen: tuple[np.ndarray, np.ndarray] | None = None,
) -> Estimates:
    """Agreement of the frequencies of two cohorts, over all variants or those `chosen` by `minor_within`."""

    def statistic(mine: np.ndarray, real: np.ndarray) -> Resamples:
        y, x = sums[0].frequency(mine), sums[1].frequency(real)
        if chosen is not None:
            rows, minor = chosen
            y, x = (np.where(minor, p[:, rows], 1 - p[:, rows]) for p in (y, x))
        estimates = {"af_pearson": pearson(x, y), "af_rmse": rmse(x, y), "af_slope": slope(x, y)}
        if stratum == RARE:
            total = x.sum(axis=1)
            estimates["rare_af_ratio"] = y.sum(axis=1) / np.where(total > 0, total, np.nan)
        return {(name, stratum): values for name, values in estimates.items()}

    return bootstrap(statistic, [part.sample for part in sums], count)


def compare_genotypes(
    cohort: Cohort, reference: Cohort, count: int, seeds: tuple[int, int]
) -> Estimates:
    """Compare the genotype frequencies of `cohort` and `reference`, given their allele frequencies.

    `inbreeding_f`: mean inbreeding coefficient over polymorphic variants; `inbreeding_pearson`: correlation
    over variants between the inbreeding coefficients in the cohort and in the reference; `diversity`: mean
    Manhattan distance of two individuals relative to the reference.
    """
    sums = [GenotypeSums(*side) for side in zip((cohort, reference), seeds, strict=True)]

    def statistic(mine: np.ndarray, real: np.ndarray) -> Resamples:
        own, reference_f = sums[0].inbreeding(mine), sums[1].inbreeding(real)
        known = np.isfinite(own)
        total = np.where(known, own, 0).sum(axis=1)
        distance = sums[1].difference(real)
        estimates = {
            "inbreeding_f": total / np.where(known.any(axis=1), known.sum(axis=1), np.nan),
            "inbreeding_pearson": pearson(reference_f, own),
            "diversity": sums[0].difference(mine) / np.where(distance > 0, distance, np.nan),
        }
        return {(name, "all"): values for name, values in estimates.items()}

    return bootstrap(statistic, [part.sample for part in sums], count)


def share_off_equilibrium(cohort: Cohort) -> Estimates:
    """`hwe_below_1e-6`: share of variants with an exact Hardy-Weinberg p below `HWE_P`.

    The confidence interval is Wilson's interval for a proportion of variants.
    """
    counts = zip(*((cohort.dosages == g).sum(axis=0) for g in (0, 1, 2)), strict=True)
    below = [hardy_weinberg_p(*map(int, genotypes)) < HWE_P for genotypes in counts]
    return {("hwe_below_1e-6", "all"): wilson(sum(below), len(below) if len(cohort) else 0)}


def count_lost(cohort: Cohort, training: Cohort) -> int:
    """Number of variants that are polymorphic in `training` and monomorphic in `cohort`."""
    polymorphic = [
        (p > 0) & (p < 1) for p in (allele_frequency(side.dosages) for side in (cohort, training))
    ]
    return int((polymorphic[1] & ~polymorphic[0]).sum())


def frequency_table(variants: pd.DataFrame, cohorts: dict[str, Cohort]) -> pd.DataFrame:
    """Frequency of the effect allele of each variant (`VARIANT`) by stratum and subject; NaN if empty."""
    tables = [
        variants[VARIANT].assign(
            stratum=stratum,
            subject=subject,
            frequency=allele_frequency(cohort.stratum(stratum).dosages),
        )
        for subject, cohort in cohorts.items()
        for stratum in STRATA
    ]
    return pd.concat(tables, ignore_index=True)
