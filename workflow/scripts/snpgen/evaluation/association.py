"""Does an association study of a synthetic cohort find what one of the real cohort finds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.stats import chi2

from snpgen.evaluation.agreement import pearson, slope_through_origin
from snpgen.evaluation.cohorts import Cohort
from snpgen.evaluation.effects import CohortEffects, Effects, marginal_effects
from snpgen.evaluation.intervals import Draws, Estimates, bootstrap
from snpgen.evaluation.metrics_table import VARIANT
from snpgen.io.sumstats import GENOME_WIDE
from snpgen.io.tables import read_strings, to_numbers
from snpgen.job import log
from snpgen.messages import InputError

TOP = 50
TRUTH = ["variant_id", "effect_allele", "other_allele", "beta_liability"]
HITS = ("p<5e-8", f"top{TOP}")
UNLESS = "no SNP of this stratum has an effect in both cohorts, or fewer than 3 have"
LIMITS = {
    "effect_pearson": (-1.0, 1.0),
    "effect_sign": (0.0, 1.0),
    "hits_overlap": (0.0, 1.0),
    "causal_found": (0.0, 1.0),
}
_MEDIAN = chi2.median(1)


def hits(effects: Effects, stratum: str) -> np.ndarray:
    """Mask (b, m) of the SNPs with p < 5e-8, or of the `TOP` with the smallest p."""
    strength = np.nan_to_num(effects.neg_log_10_p, nan=-1.0)
    if stratum == "p<5e-8":
        return strength > -np.log10(GENOME_WIDE)
    rank = np.argsort(np.argsort(-strength, axis=1, kind="stable"), axis=1)
    return (rank < TOP) & (strength >= 0)


@dataclass(frozen=True)
class Association:
    """What the effects of a cohort are compared with: those of the test and training people.

    `truth` (m,) as `align_truth` gives it, or None. `count` resamples. `bins` are rows of the SNPs by
    name, such as those of a range of frequencies, on which effects are compared with those of test
    people as well.
    """

    train: CohortEffects
    test: CohortEffects
    truth: np.ndarray | None
    count: int
    bins: Mapping[str, np.ndarray]

    def compare(self, cohort: CohortEffects, same_power: bool = True) -> Estimates:
        """All figures of a synthetic cohort; without `lambda_gc` where its power is another."""

        def statistic(mine: np.ndarray, test: np.ndarray, train: np.ndarray) -> Draws:
            effects, held, trained = cohort(mine), self.test(test), self.train(train)
            figures = self._agree_by_bin(effects, held) | _agree(effects, trained, "train")
            figures |= _agree_on_hits(effects, self._fixed)
            figures |= _recover(effects, self.truth)
            return figures | (_inflation(effects) if same_power else {})

        return self._bootstrap(statistic, cohort)

    def ceiling(self, again: CohortEffects) -> Estimates:
        """The same of real people; `again` are the training people with resamples of their own.

        Against the test people (`all`), lambda and truth it is the training people that stand in
        the place of synthetic ones; against the training people (`train`, and the hits) it is the
        test people.
        """

        def statistic(mine: np.ndarray, test: np.ndarray, train: np.ndarray) -> Draws:
            effects, held, trained = again(mine), self.test(test), self.train(train)
            figures = self._agree_by_bin(effects, held) | _agree(held, trained, "train")
            figures |= _agree_on_hits(held, self._fixed)
            return figures | _recover(effects, self.truth) | _inflation(effects)

        return self._bootstrap(statistic, again)

    def _agree_by_bin(self, effects: Effects, real: Effects) -> Draws:
        figures = _agree(effects, real, "all")
        for name, rows in self.bins.items():
            mine, theirs = (
                Effects(side.beta[:, rows], side.standard_error[:, rows])
                for side in (effects, real)
            )
            figures |= _agree(mine, theirs, name)
        return figures

    @cached_property
    def _fixed(self) -> Effects:
        return self.train(np.ones((1, self.train.sample[0]), np.float32))

    def _bootstrap(self, statistic: Callable[..., Draws], cohort: CohortEffects) -> Estimates:
        samples = [cohort.sample, self.test.sample, self.train.sample]
        return bootstrap(statistic, samples, self.count, LIMITS)


def _agree(effects: Effects, real: Effects, stratum: str) -> Draws:
    """`effect_slope` (through the origin) and `effect_pearson` on the real effects."""
    return {
        ("effect_slope", stratum): slope_through_origin(real.beta, effects.beta),
        ("effect_pearson", stratum): pearson(real.beta, effects.beta),
    }


def _agree_on_hits(effects: Effects, real: Effects) -> Draws:
    """Agreement on the hits of the real cohort, whose effects (1, m) stay fixed.

    `effect_sign`: share of the real hits with the same sign in the cohort; `hits_overlap`: hits
    of both over the larger of the two numbers of hits.
    """
    figures = {}
    for stratum in HITS:
        theirs, ours = hits(real, stratum), hits(effects, stratum)
        same = theirs & (np.sign(effects.beta) == np.sign(real.beta))
        n = theirs.sum(axis=1)
        larger = np.maximum(n, ours.sum(axis=1))
        figures["effect_sign", stratum] = same.sum(axis=1) / np.where(n > 0, n, np.nan)
        shared = (theirs & ours).sum(axis=1)
        figures["hits_overlap", stratum] = shared / np.where(larger > 0, larger, np.nan)
    return figures


def _inflation(effects: Effects) -> Draws:
    """`lambda_gc` over the panel: median Wald chi-square over that of the null (Devlin 1999)."""
    square = effects.z**2
    empty = np.isnan(square).all(axis=1)
    square[empty] = 0
    return {("lambda_gc", "all"): np.where(empty, np.nan, np.nanmedian(square, axis=1) / _MEDIAN)}


def _recover(effects: Effects, truth: np.ndarray | None) -> Draws:
    """Recovery of the panel's causal SNPs.

    `causal_found`: share that are hits with the true sign; `causal_slope`: slope through the
    origin of the log odds ratio on the effect on liability.
    """
    if truth is None:
        return {}
    causal = np.isfinite(truth) & (truth != 0)
    right = causal & (np.sign(effects.beta) == np.sign(truth))
    figures = {
        ("causal_found", stratum): (hits(effects, stratum) & right).sum(axis=1)
        / (causal.sum() or np.nan)
        for stratum in HITS
    }
    x = np.broadcast_to(np.where(causal, truth, np.nan), effects.beta.shape)
    return figures | {("causal_slope", "all"): slope_through_origin(x, effects.beta)}


def read_truth(path: str) -> pd.DataFrame:
    """A table of true causal variants, `TRUTH` as strings but beta_liability, float64.

    Raises `InputError` where a column is missing, and on a beta_liability that is no number.
    """
    table = read_strings(path, TRUTH)
    beta = to_numbers(table.beta_liability)
    wrong = table[beta.isna()]
    if len(wrong):
        raise InputError(
            f"{path}, line {wrong.index[0]}: beta_liability of {wrong.variant_id.iloc[0]} is "
            f"{wrong.beta_liability.iloc[0] or 'empty'}, not a number: correct it or take the line out"
        )
    return table.assign(beta_liability=beta)


def align_truth(causal: pd.DataFrame, variants: pd.DataFrame) -> np.ndarray:
    """True effect (m,) per effect allele of each panel SNP on the liability scale; NaN if unknown.

    `causal` is that of `read_truth`; a row whose alleles are swapped is flipped. Left out, and logged,
    are variants with other alleles there, and those of an id and alleles that several variants have,
    of which nothing tells which one is causal.
    """
    alleles = ["effect_allele", "other_allele"]
    known = causal[TRUTH].drop_duplicates()
    ours = variants[["variant_id", *alleles]].assign(row=np.arange(len(variants)))
    pairs = ours.merge(
        known.assign(their=np.arange(len(known))), on="variant_id", suffixes=("", "_true")
    )
    mine, true = (pairs[[f"{name}{suffix}" for name in alleles]] for suffix in ("", "_true"))
    same = (mine.to_numpy() == true.to_numpy()).all(axis=1)
    swapped = (mine.to_numpy() == true.to_numpy()[:, ::-1]).all(axis=1)
    fits = pairs[same | swapped]
    several = fits.row.duplicated(keep=False) | fits.their.duplicated(keep=False)
    other = pairs[~pairs.row.isin(fits.row)].drop_duplicates("row")
    for what, rows in (("other alleles", other), ("several variants of one name", fits[several])):
        if len(rows):
            ids = ", ".join(rows.variant_id.iloc[:5])
            log.warning("warning: causal variants with %s are left out: %s", what, ids)
    fits = fits[~several]
    truth = np.full(len(variants), np.nan)
    truth[fits.row] = np.where(same[fits.index], 1, -1) * fits.beta_liability.to_numpy(float)
    return truth


def effects_table(
    variants: pd.DataFrame, cohorts: Mapping[str, Cohort], truth: np.ndarray | None
) -> pd.DataFrame:
    """Effect and standard error of each SNP (`VARIANT`) by subject; `truth` (m,) adds the causal SNPs."""
    tables = []
    fitted = {subject: marginal_effects(cohort) for subject, cohort in cohorts.items()}
    if truth is not None:
        fitted["truth"] = Effects(truth, np.full(len(truth), np.nan))
    for subject, effects in fitted.items():
        table = variants[VARIANT].copy()
        table["subject"] = subject
        table["beta"], table["standard_error"] = effects
        tables.append(table.dropna(subset="beta") if subject == "truth" else table)
    return pd.concat(tables, ignore_index=True)
