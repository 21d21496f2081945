"""Allele and genotype frequencies of a cohort beside those of real people."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from snpgen.evaluation.agreement import pearson, rmse, slope
from snpgen.evaluation.cohorts import STRATA, Cohort
from snpgen.evaluation.intervals import Draws, Figures, bootstrap, fold
from snpgen.plink import MISSING, allele_frequency

RARE = 0.05
UNLESS = "an empty class, fewer than 3 SNPs, or frequencies that do not vary"
LIMITS = {"af_pearson": (-1.0, 1.0), "af_rmse": (0.0, np.inf), "rare_af_ratio": (0.0, np.inf)}


@dataclass(frozen=True)
class GenotypeSums:
    """Sums over groups of people, float32 (groups, m), and the seed that draws the groups."""

    alleles: np.ndarray
    called: np.ndarray
    heterozygous: np.ndarray
    seed: int

    def frequency(self, weights: np.ndarray) -> np.ndarray:
        """Frequency of the effect allele (b, m) under weights (b, groups); NaN if none called."""
        called = weights @ self.called
        return weights @ self.alleles / np.where(called > 0, 2 * called, np.nan)

    def inbreeding(self, weights: np.ndarray) -> np.ndarray:
        """F = 1 - observed / expected heterozygosity (b, m), NaN for monomorphic SNPs.

        The expectation has Nei's small-sample factor 2n / (2n - 1) (Nei 1978).
        """
        alleles = 2 * (weights @ self.called).astype(np.float64)
        p = self.frequency(weights)
        expected = p * (1 - p) * alleles**2 / np.maximum(alleles - 1, 1)
        return 1 - weights @ self.heterozygous / np.where(expected > 0, expected, np.nan)


def genotype_sums(cohort: Cohort, seed: int) -> GenotypeSums:
    """Sums of `GenotypeSums` over groups dealt with this seed."""

    def total(values: np.ndarray) -> np.ndarray:
        return fold(values, seed).sum(axis=0, dtype=np.float32)

    called = cohort.dosages != MISSING
    heterozygous = total(cohort.dosages == 1)
    return GenotypeSums(total(cohort.dosages * called), total(called), heterozygous, seed)


def rare_minor(frequency: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SNPs (indices) polymorphic with MAF below `RARE`, and whether their effect allele is minor."""
    minor = np.minimum(frequency, 1 - frequency)
    rare = np.flatnonzero((minor > 0) & (minor < RARE))
    return rare, frequency[rare] < 0.5


def compare_frequencies(
    cohort: Cohort, reference: Cohort, training: np.ndarray, count: int, seeds: tuple[int, int]
) -> Figures:
    """Figures of allele frequency, `cohort` on `reference`, by (metric, stratum).

    `training` (m,) are the frequencies that say which SNPs are rare; `seeds` draw the people of
    the two. Strata: all, case, control, and `maf<0.05`, which also has the ratio of mean
    minor-allele frequencies, `rare_af_ratio`.
    """
    out: Figures = {}
    for stratum in STRATA:
        sides = (cohort.stratum(stratum), reference.stratum(stratum))
        sums = [genotype_sums(side, seed) for side, seed in zip(sides, seeds, strict=True)]
        out |= _agree(sums, stratum, None, count)
        if stratum == "all":
            out |= _agree(sums, f"maf<{RARE}", rare_minor(training), count)
    return out


def _agree(
    sums: list[GenotypeSums],
    stratum: str,
    rare: tuple[np.ndarray, np.ndarray] | None,
    count: int,
) -> Figures:
    """The figures over all SNPs, or over the rare ones as `rare_minor` gives them."""

    def statistic(mine: np.ndarray, real: np.ndarray) -> Draws:
        y, x = sums[0].frequency(mine), sums[1].frequency(real)
        if rare is not None:
            rows, minor = rare
            y, x = (np.where(minor, p[:, rows], 1 - p[:, rows]) for p in (y, x))
        figures = {"af_pearson": pearson(x, y), "af_rmse": rmse(x, y), "af_slope": slope(x, y)}
        if rare is not None:
            total = x.sum(axis=1)
            figures["rare_af_ratio"] = y.sum(axis=1) / np.where(total > 0, total, np.nan)
        return {(name, stratum): values for name, values in figures.items()}

    samples = [(len(part.alleles), part.seed) for part in sums]
    return bootstrap(statistic, samples, count, LIMITS)


def compare_whole(
    cohort: Cohort, training: Cohort, frequency: np.ndarray, count: int, seeds: tuple[int, int]
) -> Figures:
    """The figures over all people and SNPs against the training people, in stratum `train`."""
    sums = [genotype_sums(*side) for side in zip((cohort, training), seeds, strict=True)]
    rare = _agree(sums, "train", rare_minor(frequency), count)
    key = ("rare_af_ratio", "train")
    return {**_agree(sums, "train", None, count), key: rare[key]}


def mean_inbreeding(cohort: Cohort, count: int, seed: int) -> Figures:
    """`inbreeding_f`, the mean inbreeding coefficient over polymorphic SNPs."""
    sums = genotype_sums(cohort, seed)

    def statistic(weights: np.ndarray) -> Draws:
        coefficients = sums.inbreeding(weights)
        known = np.isfinite(coefficients)
        total = np.where(known, coefficients, 0).sum(axis=1)
        mean = total / np.where(known.any(axis=1), known.sum(axis=1), np.nan)
        return {("inbreeding_f", "all"): mean}

    return bootstrap(statistic, [(len(sums.alleles), seed)], count)


def count_lost(cohort: Cohort, training: Cohort) -> int:
    """Number of SNPs that are polymorphic in `training` and monomorphic in `cohort`."""
    polymorphic = [
        (p > 0) & (p < 1) for p in (allele_frequency(side.dosages) for side in (cohort, training))
    ]
    return int((polymorphic[1] & ~polymorphic[0]).sum())


def frequency_table(variants: pd.DataFrame, cohorts: dict[str, Cohort]) -> pd.DataFrame:
    """Frequency of the effect allele of each SNP, by stratum and subject (NaN where nobody is)."""
    tables = []
    for subject, cohort in cohorts.items():
        for stratum in STRATA:
            table = variants[["variant_id", "chromosome", "position"]].copy()
            table["stratum"], table["subject"] = stratum, subject
            table["frequency"] = allele_frequency(cohort.stratum(stratum).dosages)
            tables.append(table)
    return pd.concat(tables, ignore_index=True)
