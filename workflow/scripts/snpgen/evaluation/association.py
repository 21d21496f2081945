"""Comparison of allele effects in a synthetic cohort with effects in test individuals and true effects.

All effects are given principal components of ancestry (`CohortEffects`). The main estimate is the slope of
the effects in the test individuals on the effects in the cohort. It is 1 if the effects of the cohort are
those of the population: errors of the effects in the test individuals do not bias the slope, because they
are independent of the cohort. Errors of the effects in the cohort, and selection of the panel by these effects
(winner's curse), decrease it, as in the training individuals.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import chdtri

from snpgen.evaluation.agreement import cosine, pearson, slope_through_origin
from snpgen.evaluation.effects import CohortEffects, Effects
from snpgen.evaluation.intervals import Estimates, Resamples, bootstrap, wilson
from snpgen.evaluation.metrics_table import VARIANT
from snpgen.evaluation.truth import TrueEffects
from snpgen.io.sumstats import GENOME_WIDE

TOP = 50
ALPHA = 0.05  # of all tests on the panel together (Bonferroni)
MIN_RELIABILITY = 0.1  # of the effects in the test individuals, for the correlation with them
HITS = ("p<5e-8", f"top{TOP}")
_MEDIAN = chdtri(1, 0.5)  # of the chi-squared distribution with one degree of freedom


def hits(effects: Effects, stratum: str) -> np.ndarray:
    """Mask (b, m) of the variants with p < 5e-8, or of the `TOP` variants with the smallest p."""
    strength = np.nan_to_num(effects.neg_log_10_p, nan=-1.0)
    if stratum == "p<5e-8":
        return strength > -np.log10(GENOME_WIDE)
    rank = np.argsort(np.argsort(-strength, axis=1, kind="stable"), axis=1)
    return (rank < TOP) & (strength >= 0)


@dataclass(frozen=True)
class Association:
    """Effects in training and test individuals, and true effects, for comparison with those in a cohort.

    `frequency` (m,) are the training frequencies p of the variants, which are weighted by 2p(1 - p), their
    contribution to the variance. `truth` is None if true effects are not known. `count` is the number of
    resamples. `bins` holds rows of variants by name of the bin, such as a range of MAF. Effects are compared
    with test individuals over all variants and within each bin.
    """

    train: CohortEffects
    test: CohortEffects
    frequency: np.ndarray
    truth: TrueEffects | None
    count: int
    bins: Mapping[str, np.ndarray]

    def compare(
        self, cohort: CohortEffects, same_power: bool = True, ceiling: bool = False
    ) -> Estimates:
        """All estimates of a synthetic cohort; `lambda_gc` only if it has the `same_power`.

        With `ceiling`, the estimates of the real-data reference are returned. In this case, `cohort` holds
        the training individuals, resampled independently, and test individuals replace the synthetic cohort
        in the comparisons with training individuals (`training_*`, hits).
        """
        hits_of = self.train(np.ones((1, self.train.sample[0]), np.float32))

        def statistic(mine: np.ndarray, test: np.ndarray, train: np.ndarray) -> Resamples:
            effects, held = cohort(mine), self.test(test)
            against_train, training = held if ceiling else effects, self.train(train)
            estimates: Resamples = {
                ("training_slope", "all"): slope_through_origin(training.beta, against_train.beta),
                ("training_pearson", "all"): pearson(training.beta, against_train.beta),
            }
            for name, rows in {"all": np.arange(len(self.frequency)), **self.bins}.items():
                estimates |= self._agree(effects, held, name, rows)
            estimates |= _agree_on_hits(against_train, hits_of)
            estimates |= self._recover(effects)
            return estimates | (_inflation(effects) if same_power else {})

        samples = [cohort.sample, self.test.sample, self.train.sample]
        return bootstrap(statistic, samples, self.count) | self._detect(cohort.estimates)

    def _agree(self, effects: Effects, held: Effects, stratum: str, rows: np.ndarray) -> Resamples:
        """Weighted slope of the effects in test individuals on the effects in the cohort, and their r.

        `heldout_pearson` is computed about zero, so that it does not depend on which allele is counted, and
        divided by the square root of the reliability, 1 - mean(SE^2) / mean(beta^2) in the test individuals.
        """
        scale = self._scale[rows]
        x, y = scale * effects.beta[:, rows], scale * held.beta[:, rows]
        known = np.isfinite(x) & np.isfinite(y)
        error = np.where(known, scale * held.standard_error[:, rows], 0)
        signal = np.square(np.where(known, y, 0)).sum(axis=1)
        reliability = 1 - np.square(error).sum(axis=1) / np.where(signal > 0, signal, np.nan)
        reliability = np.where(reliability >= MIN_RELIABILITY, reliability, np.nan)
        return {
            ("heldout_slope", stratum): slope_through_origin(x, y),
            ("heldout_pearson", stratum): cosine(x, y) / np.sqrt(reliability),
        }

    def _recover(self, effects: Effects) -> Resamples:
        """Agreement with the true effects, if they are known.

        `true_slope` and `true_pearson`: slope of the true on the estimated effects, and their correlation
        about zero, weighted. `causal_found`: share of the causal variants on the panel that are hits with
        the correct sign.
        """
        if self.truth is None:
            return {}
        causal = self.truth.causal
        right = causal & (np.sign(effects.beta) == np.sign(self.truth.beta))
        x, y = (
            self._scale * effects.beta,
            np.broadcast_to(self._scale * self.truth.beta, effects.beta.shape),
        )
        return {
            ("true_slope", "all"): slope_through_origin(x, y),
            ("true_pearson", "all"): cosine(x, y),
        } | {
            ("causal_found", stratum): (hits(effects, stratum) & right).sum(axis=1)
            / (causal.sum() or np.nan)
            for stratum in HITS
        }

    def _detect(self, effects: Effects) -> Estimates:
        """`false_positives` and `power`: share of the variants without and with an effect that are significant.

        The significance level is `ALPHA`, divided by the number of variants. For power, the sign must be
        correct.
        """
        if self.truth is None:
            return {}
        found = effects.neg_log_10_p > -np.log10(ALPHA / len(self.frequency))
        right = found & (np.sign(effects.beta) == np.sign(self.truth.beta))
        null = ~self.truth.has_effect
        return {
            ("false_positives", "all"): wilson(int((found & null).sum()), int(null.sum())),
            ("power", "all"): wilson(int((right & ~null).sum()), int((~null).sum())),
        }

    @property
    def _scale(self) -> np.ndarray:
        """Square roots of the weights (m,)."""
        p = np.nan_to_num(self.frequency)
        scale: np.ndarray = np.sqrt(2 * p * (1 - p))
        return scale


def _agree_on_hits(effects: Effects, real: Effects) -> Resamples:
    """Agreement at the real hits, which are the same in all resamples; `real` (1, m).

    `effect_sign`: share of the real hits with the same sign in the cohort; `hits_overlap`: number of shared
    hits divided by the larger number of hits.
    """
    estimates = {}
    for stratum in HITS:
        real_hits, found = hits(real, stratum), hits(effects, stratum)
        same = real_hits & (np.sign(effects.beta) == np.sign(real.beta))
        n = real_hits.sum(axis=1)
        larger = np.maximum(n, found.sum(axis=1))
        estimates["effect_sign", stratum] = same.sum(axis=1) / np.where(n > 0, n, np.nan)
        shared = (real_hits & found).sum(axis=1)
        estimates["hits_overlap", stratum] = shared / np.where(larger > 0, larger, np.nan)
    return estimates


def _inflation(effects: Effects) -> Resamples:
    """`lambda_gc` over the panel: median Wald chi-square over its null value (Devlin 1999)."""
    square = effects.z**2
    empty = np.isnan(square).all(axis=1)
    square[empty] = 0
    return {("lambda_gc", "all"): np.where(empty, np.nan, np.nanmedian(square, axis=1) / _MEDIAN)}


def effects_table(
    variants: pd.DataFrame, cohorts: Mapping[str, CohortEffects], truth: TrueEffects | None
) -> pd.DataFrame:
    """Effect and standard error of each variant (`VARIANT`) by subject; true effects are the subject "truth"."""
    fitted = {subject: effects.estimates for subject, effects in cohorts.items()}
    if truth is not None:
        fitted["truth"] = Effects(truth.beta, np.full(len(truth.beta), np.nan))
    tables = [
        variants[VARIANT].assign(
            subject=subject, beta=effects.beta, standard_error=effects.standard_error
        )
        for subject, effects in fitted.items()
    ]
    return pd.concat(tables, ignore_index=True)
