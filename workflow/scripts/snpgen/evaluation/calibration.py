"""What guidance and noise do: the main figure of each axis for cohorts drawn at several of them.

Validation people stand in for the test people, since these are settings that somebody may choose by
what he sees here.
"""

from dataclasses import dataclass

import numpy as np

from snpgen.evaluation.agreement import slope_through_origin
from snpgen.evaluation.attacks import attack_figures, frequency_scores
from snpgen.evaluation.cohorts import Cohort, match_sizes
from snpgen.evaluation.effects import CohortEffects
from snpgen.evaluation.intervals import Draws, Figures, bootstrap
from snpgen.evaluation.ranking import Ranking, roc_auc
from snpgen.evaluation.two_sample import two_sample_test
from snpgen.evaluation.utility import predict_risks
from snpgen.forecast import smoothed_frequency
from snpgen.job import derive_seed
from snpgen.plink import allele_frequency, draw_missing

UNLESS = "people of a class are too few, or nothing varies"
ATTACKED = ("all", "case")  # cases are nearly always the smaller class, and the easier prey
NOISES = (0.0, 0.5, 1.0, 2.0)  # standard errors of the class frequencies


def choose_points(
    scales: list[float], scale: float, noise: float
) -> dict[str, tuple[float, float]]:
    """(scale, noise) by name: all scales at the chosen noise, all `NOISES` at the chosen scale."""
    points = {f"guidance={value:g}": (value, noise) for value in scales}
    return points | {f"noise={value:g}": (scale, value) for value in sorted({*NOISES, noise})}


@dataclass(frozen=True)
class Ruler:
    """Who cohorts are measured on: training people, and two `halves` (rows) of validation people.

    The first half are the attack's non-members, the second its reference. `folds` of the two-sample
    test, `count` resamples.
    """

    train: Cohort
    validation: Cohort
    halves: tuple[np.ndarray, np.ndarray]
    folds: int
    count: int
    seed: int
    threads: int

    def measure(self, cohort: Cohort) -> Figures:
        """`effect_slope` on training effects, `mia_frequency_auc` (strata `ATTACKED`), and `compare`."""
        drawn = CohortEffects(cohort, derive_seed(self.seed, "synthetic"))
        trained = CohortEffects(self.train, derive_seed(self.seed, "real"))

        def statistic(mine: np.ndarray, theirs: np.ndarray) -> Draws:
            return {
                ("effect_slope", "all"): slope_through_origin(
                    trained(theirs).beta, drawn(mine).beta
                )
            }

        figures = bootstrap(statistic, [drawn.sample, trained.sample], self.count)
        for stratum in ATTACKED:
            figures |= self._attack(cohort.stratum(stratum).dosages, stratum)
        return figures | self.compare(cohort)

    def compare(self, cohort: Cohort) -> Figures:
        """`auc_ridge` on validation people and `c2st_xgboost` against them."""
        frequency = np.nan_to_num(allele_frequency(self.train.dosages))
        seed = derive_seed(self.seed, "ridge")
        of_model = predict_risks(
            cohort, self.validation.dosages, frequency, seed, self.threads, ["ridge"]
        )
        ranking = Ranking(self.validation.phenotype, of_model["ridge"])

        def statistic(weights: np.ndarray) -> Draws:
            return {("auc_ridge", "all"): roc_auc(*ranking.split(weights))}

        sample = len(self.validation), derive_seed(self.seed, "validation people")
        figures = bootstrap(statistic, [sample], self.count, {"auc_ridge": (0, 1)})
        drawn, real = (
            draw_missing(side.dosages, frequency, derive_seed(self.seed, "missing"))
            for side in match_sizes(cohort, self.validation, derive_seed(self.seed, "match"))
        )
        seed = derive_seed(self.seed, "two-sample test")
        return figures | two_sample_test(
            drawn, real, self.folds, self.count, seed, self.threads, ["c2st_xgboost"]
        )

    def _attack(self, released: np.ndarray, stratum: str) -> Figures:
        """The frequency attack on the people of a stratum, from `released` dosages of it."""
        others, reference = (
            self.validation.take(rows).stratum(stratum).dosages for rows in self.halves
        )
        frequencies = smoothed_frequency(released), smoothed_frequency(reference)
        members = frequency_scores(self.train.stratum(stratum).dosages, *frequencies)
        strangers = frequency_scores(others, *frequencies)
        seed = derive_seed(self.seed, "attack")
        found = attack_figures("frequency", members, strangers, stratum, self.count, seed)
        key = ("mia_frequency_auc", stratum)
        return {key: found[key]}
