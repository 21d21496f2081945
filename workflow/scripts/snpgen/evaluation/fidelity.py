"""Fidelity: similarity of the genotypes of a cohort to test and training individuals."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from snpgen.evaluation import frequencies, ld, structure
from snpgen.evaluation.cohorts import STRATA, Cohort, match_sizes
from snpgen.evaluation.intervals import Estimate, Estimates
from snpgen.evaluation.two_sample import two_sample_test
from snpgen.io.plink import allele_frequency, draw_missing
from snpgen.job import derive_seed

Part = tuple[Estimates, dict[str, int]]  # estimates, and individuals by stratum


@dataclass(frozen=True)
class RealReference:
    """The real individuals with which cohorts are compared, and values shared by all comparisons.

    `pairs` are the pairs of variants whose LD is compared. `settings` is the section `evaluation` of the
    configuration.
    """

    train: Cohort
    test: Cohort
    pairs: ld.Pairs
    settings: Mapping[str, int]
    seed: int
    threads: int

    @property
    def count(self) -> int:
        """Bootstrap resamples."""
        return self.settings["bootstraps"]

    @cached_property
    def frequency(self) -> np.ndarray:
        """Training frequencies (m,)."""
        return allele_frequency(self.train.dosages)

    @cached_property
    def components(self) -> structure.ScaledComponents:
        """Principal components of the training individuals."""
        return structure.fit_components(self.train)

    @cached_property
    def linkage(self) -> dict[str, ld.CorrelationSums]:
        """LD of the test individuals by stratum, and of all training individuals (`train`)."""
        cohorts = {name: self.test.stratum(name) for name in STRATA} | {"train": self.train}
        seed = self.resample_seeds()[1]
        return {name: ld.KeptCorrelations(side, self.pairs, seed) for name, side in cohorts.items()}

    @cached_property
    def filled_test(self) -> np.ndarray:
        """Dosages of the test individuals without missing calls."""
        return self.fill(self.test)

    def fill(self, cohort: Cohort) -> np.ndarray:
        """Dosages of `cohort`, with missing calls sampled by training frequencies."""
        frequency = np.nan_to_num(self.frequency)
        return draw_missing(cohort.dosages, frequency, derive_seed(self.seed, "missing"))

    def resample_seeds(self) -> tuple[int, int]:
        """Seeds of the resamples of the cohort and of the real individuals."""
        return derive_seed(self.seed, "synthetic"), derive_seed(self.seed, "real")


def compare_with_test(cohort: Cohort, real: RealReference) -> list[Part]:
    """Compare `cohort` with the test individuals, at equal numbers of cases and of controls.

    Compared are frequencies, genotypes, LD (also by class), components, precision and recall, and the
    two-sample test. Only `n_lost` refers to the whole cohort.
    """
    mine, held = match_sizes(cohort, real.test, derive_seed(real.seed, "match"))
    seeds = real.resample_seeds()
    estimates = frequencies.compare_frequencies(mine, held, real.frequency, real.count, seeds)
    estimates |= frequencies.compare_genotypes(mine, held, real.count, seeds)
    estimates |= frequencies.share_off_equilibrium(mine)
    for name in STRATA:  # LD by distance is compared for all individuals only
        reference = real.linkage[name]
        if len(held) < len(real.test):
            reference = ld.CorrelationSums(held.stratum(name), real.pairs, seeds[1])
        found = _compare_ld(mine.stratum(name), reference, real, bins=name == "all")
        estimates |= _in_stratum(found, name)
    coordinates = real.components.project(mine), real.components.project(held)
    estimates |= structure.compare_components(*coordinates, real.count, seeds)
    mine_filled = real.fill(mine)
    held_filled = real.filled_test if len(held) == len(real.test) else real.fill(held)
    estimates |= structure.precision_recall(mine_filled, held_filled)
    seed = derive_seed(real.seed, "two-sample test")
    estimates |= two_sample_test(mine_filled, held_filled, real.settings, seed, real.threads)
    lost: Estimates = {("n_lost", "all"): Estimate(frequencies.count_lost(cohort, real.train))}
    return [(estimates, mine.sizes), (lost, cohort.sizes)]


def _compare_ld(
    cohort: Cohort, reference: ld.CorrelationSums, real: RealReference, bins: bool = False
) -> Estimates:
    sums = ld.CorrelationSums(cohort, real.pairs, real.resample_seeds()[0])
    return ld.compare_ld(sums, reference, real.count, bins)


def _in_stratum(estimates: Estimates, stratum: str) -> Estimates:
    """The estimates with the stratum `all` renamed to `stratum`."""
    return {
        (name, stratum if old == "all" else old): estimate
        for (name, old), estimate in estimates.items()
    }


def compare_with_train(cohort: Cohort, real: RealReference) -> Part:
    """Compare the whole `cohort` with all training individuals, in the stratum `train`."""
    seeds = real.resample_seeds()
    estimates = frequencies.compare_whole(cohort, real.train, real.frequency, real.count, seeds)
    found = _compare_ld(cohort, real.linkage["train"], real)
    return estimates | _in_stratum(found, "train"), cohort.sizes
