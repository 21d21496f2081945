"""Fidelity: similarity of the genotypes of a cohort to test and training individuals."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from snpgen.evaluation import frequencies, ld, structure
from snpgen.evaluation.cohorts import STRATA, Cohort, match_sizes
from snpgen.evaluation.intervals import Estimate, Estimates
from snpgen.evaluation.two_sample import UNLESS as C2ST_UNLESS
from snpgen.evaluation.two_sample import two_sample_test
from snpgen.io.plink import allele_frequency, draw_missing
from snpgen.job import derive_seed

Part = tuple[Estimates, dict[str, int], str]  # estimates, individuals by stratum, causes of NA


@dataclass(frozen=True)
class RealReference:
    """The real individuals to which cohorts are compared, and what all comparisons share."""

    train: Cohort
    test: Cohort
    count: int
    folds: int
    seed: int
    threads: int

    @cached_property
    def frequency(self) -> np.ndarray:
        """Training frequencies (m,)."""
        return allele_frequency(self.train.dosages)

    @cached_property
    def components(self) -> structure.Components:
        """Principal components of the training individuals."""
        return structure.fit_components(self.train)

    def resample_seeds(self) -> tuple[int, int]:
        """Seeds of the resamples of the cohort and of the real individuals."""
        return derive_seed(self.seed, "synthetic"), derive_seed(self.seed, "real")


def compare_with_test(cohort: Cohort, real: RealReference, pairs: ld.Pairs) -> list[Part]:
    """Compare `cohort` with the test individuals, at equal numbers of cases and of controls.

    Frequencies, genotypes, LD (also by class), components, precision and recall, and the two-sample
    test; `n_lost` refers to the whole cohort.
    """
    mine, held = match_sizes(cohort, real.test, derive_seed(real.seed, "match"))
    sizes, seeds = mine.sizes, real.resample_seeds()
    estimates = frequencies.compare_frequencies(mine, held, real.frequency, real.count, seeds)
    estimates |= frequencies.compare_genotypes(mine, held, real.count, seeds)
    estimates |= frequencies.share_off_equilibrium(mine)
    coordinates = real.components.project(mine), real.components.project(held)
    mine_filled, held_filled = (
        draw_missing(side.dosages, np.nan_to_num(real.frequency), derive_seed(real.seed, "missing"))
        for side in (mine, held)
    )
    seed = derive_seed(real.seed, "two-sample test")
    found = two_sample_test(mine_filled, held_filled, real.folds, real.count, seed, real.threads)
    lost: Estimates = {("n_lost", "all"): Estimate(frequencies.count_lost(cohort, real.train))}
    return [
        (estimates, sizes, frequencies.UNLESS),
        *((_linkage(mine, held, real, pairs, name), sizes, ld.UNLESS) for name in STRATA),
        (structure.compare_components(*coordinates, real.count, seeds), sizes, structure.UNLESS),
        (structure.precision_recall(mine_filled, held_filled), sizes, structure.UNLESS),
        (found, sizes, C2ST_UNLESS),
        (lost, cohort.sizes, frequencies.UNLESS),
    ]


def _linkage(
    cohort: Cohort, reference: Cohort, real: RealReference, pairs: ld.Pairs, stratum: str
) -> Estimates:
    """LD within a stratum; by distance for all individuals only."""
    sums, real_sums = (
        ld.correlation_sums(side.stratum(stratum), pairs, seed)
        for side, seed in zip((cohort, reference), real.resample_seeds(), strict=True)
    )
    found = ld.compare_ld(sums, real_sums, real.count, bins=stratum == "all")
    return {
        (name, stratum if distance == "all" else distance): estimate
        for (name, distance), estimate in found.items()
    }


def compare_with_train(cohort: Cohort, real: RealReference, pairs: ld.Pairs) -> list[Part]:
    """Compare the whole `cohort` with all training individuals: stratum `train`."""
    seeds = real.resample_seeds()
    estimates = frequencies.compare_whole(cohort, real.train, real.frequency, real.count, seeds)
    sums, real_sums = (
        ld.correlation_sums(*side)
        for side in ((cohort, pairs, seeds[0]), (real.train, pairs, seeds[1]))
    )
    found = ld.compare_ld(sums, real_sums, real.count, bins=False)
    return [
        (estimates, cohort.sizes, frequencies.UNLESS),
        (
            {(name, "train"): estimate for (name, _), estimate in found.items()},
            cohort.sizes,
            ld.UNLESS,
        ),
    ]
