"""Do synthetic genotypes look real: all figures of one cohort beside the test and training people."""

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

Part = tuple[Estimates, dict[str, int], str]  # figures, people by stratum, when they are NA


@dataclass(frozen=True)
class RealReference:
    """The real people that cohorts are compared with, and what all comparisons share."""

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
    def axes(self) -> structure.Axes:
        """Principal components of the training people."""
        return structure.fit_axes(self.train)

    def draw_seeds(self) -> tuple[int, int]:
        """Seeds of the resamples of the cohort and of the real people."""
        return derive_seed(self.seed, "synthetic"), derive_seed(self.seed, "real")


def compare_with_test(cohort: Cohort, real: RealReference, pairs: ld.Pairs) -> list[Part]:
    """Figures of `cohort` against the test people, both at the same numbers of cases and controls.

    Frequencies, genotypes, LD (by class, too), components, neighbours and the two-sample test;
    `n_lost` is of the whole cohort.
    """
    mine, held = match_sizes(cohort, real.test, derive_seed(real.seed, "match"))
    sizes, seeds = mine.sizes, real.draw_seeds()
    figures = frequencies.compare_frequencies(mine, held, real.frequency, real.count, seeds)
    figures |= frequencies.compare_genotypes(mine, held, real.count, seeds)
    figures |= frequencies.share_off_equilibrium(mine)
    places = real.axes.place(mine), real.axes.place(held)
    drawn, theirs = (
        draw_missing(side.dosages, np.nan_to_num(real.frequency), derive_seed(real.seed, "missing"))
        for side in (mine, held)
    )
    seed = derive_seed(real.seed, "two-sample test")
    found = two_sample_test(drawn, theirs, real.folds, real.count, seed, real.threads)
    lost: Estimates = {("n_lost", "all"): Estimate(frequencies.count_lost(cohort, real.train))}
    return [
        (figures, sizes, frequencies.UNLESS),
        *((_linkage(mine, held, real, pairs, name), sizes, ld.UNLESS) for name in STRATA),
        (structure.compare_components(*places, real.count, seeds), sizes, structure.UNLESS),
        (structure.precision_recall(drawn, theirs), sizes, structure.UNLESS),
        (found, sizes, C2ST_UNLESS),
        (lost, cohort.sizes, frequencies.UNLESS),
    ]


def _linkage(
    cohort: Cohort, reference: Cohort, real: RealReference, pairs: ld.Pairs, stratum: str
) -> Estimates:
    """LD of the people of a stratum; by distance of the SNPs for everybody alone."""
    mine, theirs = (
        ld.correlation_sums(side.stratum(stratum), pairs, seed)
        for side, seed in zip((cohort, reference), real.draw_seeds(), strict=True)
    )
    found = ld.compare_ld(mine, theirs, real.count, bins=stratum == "all")
    return {
        (name, stratum if distance == "all" else distance): figure
        for (name, distance), figure in found.items()
    }


def compare_with_train(cohort: Cohort, real: RealReference, pairs: ld.Pairs) -> list[Part]:
    """Figures of the whole `cohort` against all training people, as published: stratum `train`."""
    seeds = real.draw_seeds()
    figures = frequencies.compare_whole(cohort, real.train, real.frequency, real.count, seeds)
    mine, theirs = (
        ld.correlation_sums(*side)
        for side in ((cohort, pairs, seeds[0]), (real.train, pairs, seeds[1]))
    )
    found = ld.compare_ld(mine, theirs, real.count, bins=False)
    return [
        (figures, cohort.sizes, frequencies.UNLESS),
        ({(name, "train"): figure for (name, _), figure in found.items()}, cohort.sizes, ld.UNLESS),
    ]
