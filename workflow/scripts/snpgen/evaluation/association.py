"""Comparison of allele effects in a synthetic cohort with effects in real individuals and true effects."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2

from snpgen.evaluation.agreement import pearson, slope_through_origin
from snpgen.evaluation.cohorts import Cohort
from snpgen.evaluation.effects import CohortEffects, Effects, marginal_effects
from snpgen.evaluation.intervals import Estimates, Resamples, bootstrap
from snpgen.evaluation.metrics_table import VARIANT
from snpgen.io.sumstats import GENOME_WIDE
from snpgen.io.tables import read_strings, to_numbers
from snpgen.job import log
from snpgen.messages import Code, InputError

TOP = 50
TRUTH = ["variant_id", "effect_allele", "other_allele", "beta_liability"]
HITS = ("p<5e-8", f"top{TOP}")
_MEDIAN = chi2.median(1)


def hits(effects: Effects, stratum: str) -> np.ndarray:
    """Mask (b, m) of the variants with p < 5e-8, or of the `TOP` variants with the smallest p."""
    strength = np.nan_to_num(effects.neg_log_10_p, nan=-1.0)
    if stratum == "p<5e-8":
        return strength > -np.log10(GENOME_WIDE)
    rank = np.argsort(np.argsort(-strength, axis=1, kind="stable"), axis=1)
    return (rank < TOP) & (strength >= 0)


@dataclass(frozen=True)
class Association:
    """Effects in training and test individuals, for comparison with the effects in a cohort.

    `truth` (m,) is the result of `align_truth`, or None. `count` is the number of resamples. `bins` holds
    rows of variants by name of the bin, such as a range of MAF. Effects are compared with test individuals
    over all variants and within each bin.
    """

    train: CohortEffects
    test: CohortEffects
    truth: np.ndarray | None
    count: int
    bins: Mapping[str, np.ndarray]

    def compare(
        self, cohort: CohortEffects, same_power: bool = True, ceiling: bool = False
    ) -> Estimates:
        """All estimates of a synthetic cohort; `lambda_gc` only if it has the `same_power`.

        With `ceiling`, the estimates of the real-data reference are returned. In this case, `cohort` holds
        the training individuals, resampled independently, and test individuals replace the synthetic cohort
        in the comparisons with training individuals (`train`, hits).
        """
        hits_of = self.train(np.ones((1, self.train.sample[0]), np.float32))

        def statistic(mine: np.ndarray, test: np.ndarray, train: np.ndarray) -> Resamples:
            effects, held = cohort(mine), self.test(test)
            against_train = held if ceiling else effects
            estimates = self._agree_by_bin(effects, held)
            estimates |= _agree(against_train, self.train(train), "train")
            estimates |= _agree_on_hits(against_train, hits_of)
            estimates |= _recover(effects, self.truth)
            return estimates | (_inflation(effects) if same_power else {})

        return bootstrap(
            statistic, [cohort.sample, self.test.sample, self.train.sample], self.count
        )

    def _agree_by_bin(self, effects: Effects, real: Effects) -> Resamples:
        estimates = _agree(effects, real, "all")
        for name, rows in self.bins.items():
            mine, others = (Effects(*(part[:, rows] for part in side)) for side in (effects, real))
            estimates |= _agree(mine, others, name)
        return estimates


def _agree(effects: Effects, real: Effects, stratum: str) -> Resamples:
    """`effect_slope` (through the origin) and `effect_pearson` of the effects on the real effects."""
    return {
        ("effect_slope", stratum): slope_through_origin(real.beta, effects.beta),
        ("effect_pearson", stratum): pearson(real.beta, effects.beta),
    }


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


def _recover(effects: Effects, truth: np.ndarray | None) -> Resamples:
    """Recovery of the causal variants on the panel.

    `causal_found`: share of causal variants that are hits with the correct sign; `causal_slope`: slope
    through the origin of the log odds ratio on the liability-scale effect.
    """
    if truth is None:
        return {}
    causal = np.isfinite(truth) & (truth != 0)
    right = causal & (np.sign(effects.beta) == np.sign(truth))
    estimates = {
        ("causal_found", stratum): (hits(effects, stratum) & right).sum(axis=1)
        / (causal.sum() or np.nan)
        for stratum in HITS
    }
    x = np.broadcast_to(np.where(causal, truth, np.nan), effects.beta.shape)
    return estimates | {("causal_slope", "all"): slope_through_origin(x, effects.beta)}


def read_truth(path: str) -> pd.DataFrame:
    """Read the true causal variants: columns `TRUTH`, beta_liability as float64.

    Raises `InputError` if a column is missing or a beta_liability is not a number.
    """
    table = read_strings(path, TRUTH)
    beta = to_numbers(table.beta_liability)
    wrong = table[beta.isna()]
    if len(wrong):
        variant, value = wrong.variant_id.iloc[0], wrong.beta_liability.iloc[0] or "empty"
        raise InputError(
            Code.INVALID_VALUE,
            f"beta_liability of variant {variant} is {value}, not a number",
            "Correct the value, or delete the line",
            file=path,
            line=wrong.index[0],
            variant=variant,
        )
    return table.assign(beta_liability=beta)


def align_truth(causal: pd.DataFrame, variants: pd.DataFrame) -> np.ndarray:
    """True effect (m,) per effect allele of each panel variant on the liability scale; NaN if unknown.

    `causal` is the result of `read_truth`. Effects of rows with swapped alleles change sign. Variants with
    other alleles, and ambiguous duplicates of an ID and alleles, are omitted and logged.
    """
    alleles = ["effect_allele", "other_allele"]
    known = causal[TRUTH].drop_duplicates()
    ours = variants[["variant_id", *alleles]].assign(row=np.arange(len(variants)))
    pairs = ours.merge(
        known.assign(causal_row=np.arange(len(known))), on="variant_id", suffixes=("", "_true")
    )
    mine, true = (pairs[[f"{name}{suffix}" for name in alleles]] for suffix in ("", "_true"))
    same = (mine.to_numpy() == true.to_numpy()).all(axis=1)
    swapped = (mine.to_numpy() == true.to_numpy()[:, ::-1]).all(axis=1)
    fits = pairs[same | swapped]
    several = fits.row.duplicated(keep=False) | fits.causal_row.duplicated(keep=False)
    other = pairs[~pairs.row.isin(fits.row)].drop_duplicates("row")
    for what, rows in (
        ("alleles that differ from the panel", other),
        ("a duplicate ID", fits[several]),
    ):
        if len(rows):
            ids = ", ".join(rows.variant_id.iloc[:5])
            log.warning("warning: causal variants with %s are excluded: %s", what, ids)
    fits = fits[~several]
    truth = np.full(len(variants), np.nan)
    truth[fits.row] = np.where(same[fits.index], 1, -1) * fits.beta_liability.to_numpy(float)
    return truth


def effects_table(
    variants: pd.DataFrame, cohorts: Mapping[str, Cohort], truth: np.ndarray | None
) -> pd.DataFrame:
    """Effect and standard error of each variant (`VARIANT`) by subject.

    `truth` (m,) adds the causal variants as the subject "truth".
    """
    fitted = {subject: marginal_effects(cohort) for subject, cohort in cohorts.items()}
    if truth is not None:
        fitted["truth"] = Effects(truth, np.full(len(truth), np.nan))
    tables = [
        variants[VARIANT].assign(
            subject=subject, beta=effects.beta, standard_error=effects.standard_error
        )
        for subject, effects in fitted.items()
    ]
    table = pd.concat(tables, ignore_index=True)
    return table[(table.subject != "truth") | table.beta.notna()]
