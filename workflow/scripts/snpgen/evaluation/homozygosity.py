"""Homozygosity of individuals: inbreeding coefficients and runs of homozygosity on the panel."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from snpgen.evaluation.intervals import Estimates, Resamples, bootstrap
from snpgen.io.plink import MISSING

QUANTILE = 0.98
MIN_RUN_BP = 5_000_000
MAX_RUN_CHANCE = 0.01


@dataclass(frozen=True)
class Homozygosity:
    """Values float64 (n,) of individuals.

    `heterozygous` is the share of heterozygous calls, `f` the inbreeding coefficient and `runs` the share of
    the genome in runs of homozygosity.
    """

    heterozygous: np.ndarray
    f: np.ndarray
    runs: np.ndarray

    def take(self, rows: np.ndarray) -> "Homozygosity":
        """The values of these individuals (integers or mask)."""
        return Homozygosity(self.heterozygous[rows], self.f[rows], self.runs[rows])


def expected_heterozygosity(dosages: np.ndarray) -> np.ndarray:
    """Expected share of heterozygotes (m,) at each variant under Hardy-Weinberg equilibrium, unbiased.

    2p(1 - p) times 2n / (2n - 1) for n called genotypes (Nei 1978); 0 without calls. `dosages` int8 (n, m).
    """
    called = dosages != MISSING
    alleles = 2.0 * called.sum(axis=0)
    p = (dosages * called).sum(axis=0, dtype=np.int64) / np.maximum(alleles, 1)
    return 2 * p * (1 - p) * alleles / np.maximum(alleles - 1, 1)


def measure_homozygosity(
    dosages: np.ndarray, expected: np.ndarray, variants: pd.DataFrame
) -> Homozygosity:
    """Homozygosity of individuals with `dosages` int8 (n, m) at `variants`.

    `expected` (m,) is the `expected_heterozygosity` of the training individuals of the same group. F is 1 -
    observed / expected number of heterozygous calls of the individual, as in PLINK --het. F is NaN if none is
    expected.
    """
    called, heterozygous = dosages != MISSING, (dosages == 1).sum(axis=1)
    among = called @ expected
    return Homozygosity(
        heterozygous / np.maximum(called.sum(axis=1), 1),
        1 - heterozygous / np.where(among > 0, among, np.nan),
        share_in_runs(dosages, expected, variants),
    )


def share_in_runs(dosages: np.ndarray, expected: np.ndarray, variants: pd.DataFrame) -> np.ndarray:
    """Share of the genome (n,) in runs of homozygosity; arguments as in `measure_homozygosity`.

    A run consists of consecutive variants of a chromosome without a heterozygous call; missing calls do not
    interrupt it. It counts if it spans at least `MIN_RUN_BP`, so that it reflects recent inbreeding rather
    than LD (McQuillan et al. 2008, Am J Hum Genet 83:359), and if the probability that all its called
    genotypes are homozygous is at most `MAX_RUN_CHANCE` for independent variants in Hardy-Weinberg
    equilibrium. The second condition replaces the minimum number of variants of dense genotypes, because a
    panel has few variants of different frequencies. The genome is the sum over chromosomes of the distances
    between the first and the last variant.
    """
    chromosomes, positions = variants.chromosome.to_numpy(), variants.position.to_numpy(np.float64)
    log_chance = np.log(np.clip(1 - expected, 1e-12, 1))
    by_variant = np.ascontiguousarray(dosages.T)
    in_runs, genome = np.zeros(len(dosages)), 0.0
    for name in dict.fromkeys(chromosomes):
        columns = np.flatnonzero(chromosomes == name)
        genome += float(np.ptp(positions[columns]))
        start, end = np.full((2, len(dosages)), np.nan)  # of the current run
        total = np.zeros(len(dosages))
        for j in columns:
            heterozygous = by_variant[j] == 1
            in_runs += np.where(heterozygous, _run_length(start, end, total), 0)
            start[heterozygous], total[heterozygous] = np.nan, 0
            homozygous = (by_variant[j] == 0) | (by_variant[j] == 2)
            start[homozygous & np.isnan(start)] = positions[j]
            end[homozygous] = positions[j]
            total[homozygous] += log_chance[j]
        in_runs += _run_length(start, end, total)
    return in_runs / max(genome, 1.0)


def _run_length(start: np.ndarray, end: np.ndarray, log_chance: np.ndarray) -> np.ndarray:
    """Lengths (n,) of runs that count, 0 for all others; `start` is NaN if there is no run."""
    counts = (end - start >= MIN_RUN_BP) & (log_chance <= np.log(MAX_RUN_CHANCE))
    return np.where(counts, end - start, 0)


def homozygosity_estimates(values: Homozygosity, stratum: str, count: int, seed: int) -> Estimates:
    """Means, standard deviations and the 98 % quantile of the values of individuals, by (metric, stratum)."""
    order = np.argsort(values.f, kind="stable")
    rising = values.f[order]

    def statistic(weights: np.ndarray) -> Resamples:
        f_mean, f_spread = _moments(weights, values.f)
        runs_mean, runs_spread = _moments(weights, values.runs)
        above = np.cumsum(weights[:, order], axis=1, dtype=np.float64)
        first = (above >= QUANTILE * above[:, -1:]).argmax(axis=1)
        estimates = {
            "heterozygosity": _moments(weights, values.heterozygous)[0],
            "f_mean": f_mean,
            "f_sd": f_spread,
            "f_q98": rising[first],
            "runs_mean": runs_mean,
            "runs_sd": runs_spread,
        }
        return {(name, stratum): value for name, value in estimates.items()}

    return bootstrap(statistic, [(len(values.f), seed)], count)


def _moments(weights: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (b,) of values (n,) under weights (b, n)."""
    total = weights.sum(axis=1, dtype=np.float64)
    centre = values.mean()
    first, second = (weights @ (values - centre) ** power / total for power in (1, 2))
    return centre + first, np.sqrt(np.maximum(second - first**2, 0))
