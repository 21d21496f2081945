"""Do synthetic genotypes look real: all figures of one cohort beside the test and training people."""

from dataclasses import dataclass

import numpy as np

from snpgen.evaluation import frequencies, ld
from snpgen.evaluation.cohorts import Cohort, match_sizes
from snpgen.evaluation.intervals import Estimate, Figures
from snpgen.evaluation.two_sample import UNLESS as C2ST_UNLESS
from snpgen.evaluation.two_sample import two_sample_test
from snpgen.job import derive_seed
from snpgen.plink import allele_frequency, draw_missing

Part = tuple[Figures, dict[str, int], str]  # figures, people by stratum, when they are NA


@dataclass(frozen=True)
class Yardstick:
    """The real people that cohorts are compared with, and what all comparisons share."""

    train: Cohort
    test: Cohort
    count: int
    folds: int
    seed: int
    threads: int

    def draw_seeds(self) -> tuple[int, int]:
        """Seeds of the resamples of the cohort and of the real people."""
        return derive_seed(self.seed, "synthetic"), derive_seed(self.seed, "real")


def compare_with_test(cohort: Cohort, real: Yardstick, pairs: ld.Pairs) -> list[Part]:
    """Figures of `cohort` against the test people, both at the same numbers of cases and controls.

    Frequencies, inbreeding, LD and the two-sample test; `n_lost` is of the whole cohort.
    """
    frequency = allele_frequency(real.train.dosages)
    mine, held = match_sizes(cohort, real.test, derive_seed(real.seed, "match"))
    seeds = real.draw_seeds()
    figures = frequencies.compare_frequencies(mine, held, frequency, real.count, seeds)
    figures |= frequencies.mean_inbreeding(mine, real.count, seeds[0])
    sums = [
        ld.correlation_sums(*side) for side in ((mine, pairs, seeds[0]), (held, pairs, seeds[1]))
    ]
    drawn, theirs = (
        draw_missing(side.dosages, np.nan_to_num(frequency), derive_seed(real.seed, "missing"))
        for side in (mine, held)
    )
    seed = derive_seed(real.seed, "two-sample test")
    found = two_sample_test(drawn, theirs, real.folds, real.count, seed, real.threads)
    lost: Figures = {("n_lost", "all"): Estimate(frequencies.count_lost(cohort, real.train))}
    return [
        (figures, mine.sizes, frequencies.UNLESS),
        (ld.compare_ld(sums[0], sums[1], real.count), mine.sizes, ld.UNLESS),
        (found, mine.sizes, C2ST_UNLESS),
        (lost, cohort.sizes, frequencies.UNLESS),
    ]


def compare_with_train(cohort: Cohort, real: Yardstick, pairs: ld.Pairs) -> list[Part]:
    """Figures of the whole `cohort` against all training people, as published: stratum `train`."""
    frequency = allele_frequency(real.train.dosages)
    seeds = real.draw_seeds()
    figures = frequencies.compare_whole(cohort, real.train, frequency, real.count, seeds)
    mine, theirs = (
        ld.correlation_sums(*side)
        for side in ((cohort, pairs, seeds[0]), (real.train, pairs, seeds[1]))
    )
    found = ld.compare_ld(mine, theirs, real.count, bins=False)
    return [
        (figures, cohort.sizes, frequencies.UNLESS),
        ({(name, "train"): figure for (name, _), figure in found.items()}, cohort.sizes, ld.UNLESS),
    ]
