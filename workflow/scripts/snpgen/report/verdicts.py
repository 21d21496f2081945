"""Verdicts: the main estimate of each domain relative to its references or to its ideal value."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from snpgen.baselines.registry import NEGATIVE_CONTROL, REAL
from snpgen.evaluation.metrics import RATES, WORST_GROUP, describe
from snpgen.report.estimates import (
    Estimates,
    audit_faults,
    holds_copies,
    interval,
    show,
    widen_intervals,
)
from snpgen.report.groups import group_label, is_group, judged_strata

NEAR, MIDDLE = 0.9, 0.7  # shares of the distance from floor to ceiling
UNBIASED, BIASED = 0.1, 0.3  # deviations of the slope of held-out effects from 1
CHANCE, WEAK, STRONG = 0.5, 0.55, 0.6  # AUC of the strongest attack
MAIN = {"fidelity": "c2st_xgboost", "association": "heldout_slope", "utility": "auc_ridge"}
BESIDE = {  # metrics that the text mentions as well
    "fidelity": ("ld_slope", "af_rmse"),
    "association": ("heldout_pearson", "true_slope", "true_pearson"),
    "utility": ("auc_xgboost",),
}
FALSE_POSITIVES = 10  # expected among the non-members at the false-positive rate that is reported
GROUPS = ("case", "control", "top_tenth_rare")


@dataclass(frozen=True)
class Verdict:
    """The main estimate of a domain with its classification.

    The templates have a sentence for each `status`; `level` is its colour (good, fair, bad or none).
    `value`, `interval`, `ceiling` and `floor` of the main metric (`label`) are texts. `facts` are other
    values in the sentence of the domain: rows of metrics.tsv and numbers, by name.
    """

    domain: str
    status: str
    level: str
    label: str
    value: str = "NA"
    interval: str = ""
    ceiling: str = ""
    floor: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


def judge(metrics: pd.DataFrame, subject: str, n_test: int) -> list[Verdict]:
    """The verdict on each domain, in the order of the domains; without cost if it was not measured.

    `n_test` is the number of test individuals.
    """
    estimates = Estimates(metrics, subject)
    fidelity, association, utility = (_judge_domain(domain, estimates) for domain in MAIN)
    if np.isfinite(estimates.get(MAIN["fidelity"], WORST_GROUP).value):
        fidelity = _judge_worst_group(metrics, estimates)
    verdicts = [fidelity, association, utility, judge_privacy(metrics, subject, n_test)]
    cost = metrics[(metrics.domain == "cost") & (metrics.subject == subject)]
    return [*verdicts, judge_cost(cost)] if len(cost) else verdicts


def closeness(row: pd.Series, real: pd.Series) -> float:
    """How close an estimate is to its ceiling: 1 at the ceiling, 0 at the floor or further away.

    Deviations above and below the ceiling are treated alike. NaN if the metric is not informative: the floor lies
    within the interval of the real-data reference (`real`), or the interval of the estimate contains both
    the floor and the ceiling.
    """
    low, high = sorted((row.floor, row.ceiling))
    if real.ci_low <= row.floor <= real.ci_high or low == high:
        return np.nan
    if row.ci_low <= low and high <= row.ci_high:
        return np.nan
    return float(max(0.0, 1 - abs((row.value - row.ceiling) / (row.ceiling - row.floor))))


def _judge_worst_group(metrics: pd.DataFrame, estimates: Estimates) -> Verdict:
    """The verdict on fidelity in the ancestry group with the worst two-sample test.

    In addition, `facts` has `worst`, the row of this group, and its name `group`.
    """
    verdict = _judge_domain("fidelity", estimates, WORST_GROUP)
    test = MAIN["fidelity"]
    values = {name: estimates.get(test, name).value for name in judged_strata(metrics)}
    group = max(values, key=lambda name: np.nan_to_num(values[name], nan=1.0))
    facts = {"worst": estimates.get(test, WORST_GROUP), "group": group_label(group)}
    label = f"{verdict.label}, worst group"
    return replace(verdict, label=label, facts=verdict.facts | facts)


def _judge_domain(domain: str, estimates: Estimates, stratum: str = "all") -> Verdict:
    metric = MAIN[domain]
    row, digits = estimates.get(metric, stratum), describe(metric).digits
    real = estimates.get(metric, stratum, REAL)
    if not np.isfinite(row.value):
        status, level = "not_measured", "none"
    elif domain == "association":
        status, level = classify_slope(row, real)
    else:
        status, level = _classify_closeness(closeness(row, real))
    return Verdict(
        domain,
        status,
        level,
        describe(metric).label,
        show(row.value, digits),
        interval(row, digits),
        show(row.ceiling, digits),
        show(row.floor, digits),
        {name: estimates.get(name) for name in (metric, *BESIDE[domain])},
    )


def _classify_closeness(share: float) -> tuple[str, str]:
    """Status and level for a result of `closeness`."""
    if not np.isfinite(share):
        return "not_informative", "none"
    if share >= NEAR:
        return "near", "good"
    return ("middle", "fair") if share >= MIDDLE else ("far", "bad")


def classify_slope(row: pd.Series, real: pd.Series) -> tuple[str, str]:
    """Status and level of the slope of held-out effects on synthetic effects, which is ideally 1.

    The slope is not informative if its interval contains 0 and 1, or if the interval of the slope on effects in
    the training individuals (`real`) contains 0: effects in real individuals then do not agree either.
    """
    if (row.ci_low <= 0 and row.ci_high >= 1) or real.ci_low <= 0 <= real.ci_high:
        return "not_informative", "none"
    deviation = abs(row.value - 1)
    if deviation <= UNBIASED:
        return "unbiased", "good"
    is_fair = deviation <= BIASED or row.ci_low <= 1 <= row.ci_high
    return "inflated" if row.value < 1 else "attenuated", "fair" if is_fair else "bad"


def strongest(metrics: pd.DataFrame, subject: str, part: str = "auc") -> pd.Series | None:
    """The row with the largest `mia_*_{part}` of a cohort among all individuals, or None."""
    rows = metrics[(metrics.subject == subject) & metrics.metric.str.fullmatch(rf"mia_\w+_{part}")]
    rows = rows[(rows.stratum == "all") & rows.value.notna()]
    return None if rows.empty else rows.iloc[int(rows.value.argmax())]


def judge_privacy(metrics: pd.DataFrame, subject: str, n_test: int) -> Verdict:
    """The verdict from the strongest attack (on all individuals or in a group), copies and controls.

    `facts` are `n_attacks`; `attack`, the row of the strongest attack; `rate`, the lowest false-positive
    rate at which `FALSE_POSITIVES` of the non-members are expected, with the largest TPRs on the cohort
    (`tpr`) and on the negative control (`control_tpr`), or None; and `group`, the row of the group with the
    largest AUC if it exceeds the AUC of `attack`, or None.
    """
    attack = strongest(metrics, subject)
    if attack is None:
        return Verdict("privacy", "not_measured", "bad", "Strongest attack, AUC")
    attacks = metrics[(metrics.subject == subject) & metrics.metric.str.fullmatch(r"mia_\w+_auc")]
    rate = next((fpr for fpr in RATES if fpr * n_test >= FALSE_POSITIVES), RATES[-1])
    tpr, control_tpr = (
        strongest(metrics, name, f"tpr_{rate}") for name in (subject, NEGATIVE_CONTROL)
    )
    in_groups = attacks.stratum.isin(GROUPS) | is_group(attacks.stratum)
    groups = attacks[in_groups & (attacks.value > max(attack.value, WEAK))]
    # Intervals are widened for the number of attacks, of which the strongest is reported.
    detected = groups[~(widen_intervals(groups, len(attacks))[0] <= groups.ceiling)]
    is_detected = not widen_intervals(attack, len(attacks))[0] <= CHANCE
    worst = max([attack.value if is_detected else CHANCE, *detected.value])
    control = strongest(metrics, NEGATIVE_CONTROL)
    if audit_faults(metrics, subject):
        status, level = "void", "bad"
    elif holds_copies(metrics, subject):
        status, level = "copies", "bad"
    elif worst >= STRONG:
        status, level = "strong", "bad"
    elif worst >= WEAK:
        status, level = "moderate", "fair"
    elif not is_detected and attack.ci_high >= STRONG:
        status, level = "not_informative", "none"
    elif attack.ci_low > CHANCE or (tpr is not None and tpr.ci_low > rate):
        status, level = "weak", "good"
    else:
        status, level = "none", "good"
    return Verdict(
        "privacy",
        status,
        level,
        describe(attack.metric).label,
        show(attack.value, 3),
        interval(attack, 3),
        show(attack.ceiling if control is None else control.value, 3),
        "1.000",
        {
            "n_attacks": int((attacks.stratum == "all").sum()),
            "attack": attack,
            "rate": rate,
            "tpr": tpr,
            "control_tpr": control_tpr,
            "group": groups.iloc[int(groups.value.argmax())] if len(groups) else None,
            "group_label": group_label(groups.stratum.iloc[groups.value.argmax()])
            if len(groups)
            else "",
        },
    )


def judge_cost(cost: pd.DataFrame) -> Verdict:
    """Total wall time (s), largest memory (MB) and speed of the sampler; cost has no reference."""
    facts = {
        "seconds": cost[cost.metric == "wall_seconds"].value.sum(),
        "memory_mb": cost[cost.metric == "peak_rss_mb"].value.max(),
        "genotypes_per_second": cost[cost.metric == "genotypes_per_second"].value.max(),
    }
    return Verdict("cost", "", "none", "Computing time", facts=facts)
