"""Estimates of metrics.tsv, selected, ordered and formatted for the pages."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from snpgen.baselines.registry import CONTROLS, NEGATIVE_CONTROL, POSITIVE_CONTROL, REAL
from snpgen.evaluation.controls import PLANTED_SHARE
from snpgen.evaluation.metrics import DOMAINS, GROUP, METRICS, describe
from snpgen.evaluation.metrics_table import is_replicate
from snpgen.report.style import order

TEXT = ["phenotype", "domain", "metric", "subject", "stratum"]


def read_metrics(path: str) -> pd.DataFrame:
    """Read `metrics.tsv`; only NA is missing."""
    return pd.read_csv(
        path, sep="\t", dtype=dict.fromkeys(TEXT, str), keep_default_na=False, na_values=["NA"]
    )


def suppress_cells(metrics: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """metrics.tsv without rows that refer to fewer than `min_cell` individuals.

    These are rows with so few individuals `n`, except none, and prevalences of so few cases or controls. Numbers
    that would follow from others are omitted as well: if a metric has no row for the cases, it has none for the
    controls, and vice versa; if only one group of a cohort has no share, the next smallest share is omitted.
    The domain cost does not refer to individuals.
    """

    def is_small(numbers: pd.Series) -> pd.Series:
        return (numbers > 0) & (numbers.round() < min_cell)

    cases = metrics.value * metrics.n
    hidden = is_small(metrics.n) & (metrics.domain != "cost")
    hidden |= (metrics.metric == "prevalence") & (is_small(cases) | is_small(metrics.n - cases))
    classes = metrics[metrics.stratum.isin(["case", "control"])]
    keys = [name for name in TEXT if name != "stratum"]
    hidden |= (
        hidden[classes.index]
        .groupby([classes[key] for key in keys])
        .transform("any")
        .reindex(metrics.index, fill_value=False)
    )
    shares = metrics[(metrics.metric == "group_share") & metrics.stratum.str.startswith(GROUP)]
    for _, own in shares.groupby(["phenotype", "subject"]):
        if hidden[own.index].sum() == 1:
            hidden[own.n[~hidden[own.index] & (own.n > 0)].nsmallest(1).index] = True
    return metrics[~hidden]


def rows_by_name(metrics: pd.DataFrame) -> dict[tuple[str, str, str], pd.Series]:
    """Rows of metrics.tsv by metric, stratum and subject."""
    return {(row.metric, row.stratum, row.subject): row for _, row in metrics.iterrows()}


class Estimates:
    """Look-up of rows of metrics.tsv; a missing row is replaced by NaN."""

    def __init__(self, metrics: pd.DataFrame, subject: str) -> None:
        self.rows, self.subject = rows_by_name(metrics), subject
        self.missing = pd.Series(np.nan, ["value", "ci_low", "ci_high", "ceiling", "floor"])

    def get(self, metric: str, stratum: str = "all", subject: str = "") -> pd.Series:
        """The row of `subject`; the default is the main cohort of the report."""
        return self.rows.get((metric, stratum, subject or self.subject), self.missing)


def show(value: float, digits: int) -> str:
    """A number with this many decimals and thousands separators; NA if it is not finite."""
    if not np.isfinite(value):
        return "NA"
    text = f"{value:z,.{digits}f}"
    return text.rstrip("0") if digits > 4 else text  # shows a p-value as 0.01, not as 0.01000000


def interval(row: pd.Series, digits: int) -> str:
    """The 95 % confidence interval of a row, or "" if it has none."""
    if not np.isfinite([row.ci_low, row.ci_high]).all():
        return ""
    return f"{show(row.ci_low, digits)} to {show(row.ci_high, digits)}"


def show_row(row: pd.Series) -> dict[str, str]:
    """Value, interval, ceiling and floor of a row of metrics.tsv as text; "" if a value is missing."""
    digits = describe(row.metric).digits
    texts = {"value": show(row.value, digits), "interval": interval(row, digits)}
    for name in ("ceiling", "floor"):
        texts[name] = show(row[name], digits) if np.isfinite(row[name]) else ""
    return texts


def main_rows(metrics: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of a metric in its main stratum, one per subject (and phenotype)."""
    return metrics[(metrics.metric == name) & (metrics.stratum == describe(name).stratum)]


def main_estimate(metrics: pd.DataFrame, name: str, subject: str) -> dict[str, str] | None:
    """A metric of a cohort in its main stratum, as `show_row`; None if it was not measured.

    Costs have one row per step. Times are summed over steps; memory and speed are maxima over steps.
    """
    cost = name in DOMAINS["cost"].main
    rows = metrics[metrics.metric == name] if cost else main_rows(metrics, name)
    rows = rows[rows.subject == subject]
    if rows.empty:
        return None
    if not cost:
        return show_row(rows.iloc[0])
    value = rows.value.sum() if name.endswith("seconds") else rows.value.max()
    blank = dict.fromkeys(("interval", "ceiling", "floor"), "")
    return {"value": show(value, describe(name).digits)} | blank


def main_table(metrics: pd.DataFrame) -> dict[str, Any]:
    """Every metric except costs in its main stratum, with a column per cohort.

    `subjects` are the columns. Each of `rows` has `domain`, `metric`, `ceiling` (value and interval),
    `floor` and `cells`, one per subject: `show_row`, or None if it was not measured.
    """
    main_stratum = metrics.metric.map(lambda name: describe(name).stratum)
    chosen = metrics[(metrics.stratum == main_stratum) & (metrics.domain != "cost")]
    hidden = {*CONTROLS, REAL, *filter(is_replicate, chosen.subject)}
    subjects = [name for name in order(chosen.subject) if name not in hidden]
    places = {name: i for i, name in enumerate([*DOMAINS, *METRICS])}
    groups = {
        (str(domain), str(name)): group
        for (domain, name), group in chosen.groupby(["domain", "metric"])
    }
    rows = []
    for domain, name in sorted(groups, key=lambda key: [places.get(part, 999) for part in key]):
        group = groups[domain, name]
        cells = {row.subject: show_row(row) for _, row in group.iterrows()}
        if not any(subject in cells for subject in subjects):  # measured only in real individuals
            continue
        digits = describe(name).digits
        ceiling = {"value": show(group.ceiling.iloc[0], digits), "interval": ""}
        rows.append(
            {
                "domain": domain,
                "metric": describe(name),
                "ceiling": cells.get(REAL, ceiling),
                "floor": show(group.floor.iloc[0], digits),
                "cells": [cells.get(subject) for subject in subjects],
            }
        )
    return {"subjects": subjects, "rows": rows}


def copied_share(metrics: pd.DataFrame, subject: str) -> tuple[float, float]:
    """Shares of synthetic and of test individuals that are identical to a training individual.

    NaN if they were not counted.
    """
    rows = metrics[(metrics.metric == "exact_matches") & (metrics.stratum == "all")]
    share = rows.set_index("subject").value
    return float(share.get(subject, np.nan)), float(share.get(REAL, np.nan))


def holds_copies(metrics: pd.DataFrame, subject: str) -> bool:
    """Whether more synthetic than test individuals are identical to a training individual.

    If test individuals are identical to training individuals by chance, as at few variants, the intervals of both
    shares must not overlap.
    """
    estimates = Estimates(metrics, subject)
    copied, by_chance = (estimates.get("exact_matches", subject=name) for name in (subject, REAL))
    if by_chance.value > 0 and copied.ci_low <= by_chance.ci_high:
        return False
    return bool(copied.value > np.nan_to_num(by_chance.value))


def widen_intervals(rows: Any, count: int) -> tuple[Any, Any]:
    """Limits of the 95 % intervals of a row or of rows, widened for `count` comparisons (Bonferroni)."""
    wider = ndtri(0.025 / count) / ndtri(0.025)
    low = rows.value - wider * (rows.value - rows.ci_low)
    return low, rows.value + wider * (rows.ci_high - rows.value)


def audit_faults(metrics: pd.DataFrame, subject: str) -> list[str]:
    """Names of the controls of the privacy audit that failed; empty if none failed.

    Positive control: the interval of at least one attack on the cohort with planted copies must lie above the
    estimate on the cohort without planted copies, unless the latter cohort already contains as many copies.
    Negative control: the interval of the AUC of every attack, widened for the number of attacks (Bonferroni),
    must include chance.
    """
    attacks = metrics[metrics.metric.str.startswith("mia_") & (metrics.stratum == "all")]
    faults = []
    planted = attacks[attacks.subject == POSITIVE_CONTROL].set_index("metric").ci_low
    without = attacks[attacks.subject == subject].set_index("metric").value
    detected = (planted > without.reindex(planted.index)).any()
    if len(planted) and not detected and copied_share(metrics, subject)[0] < PLANTED_SHARE:
        faults.append(POSITIVE_CONTROL)
    control = attacks[(attacks.subject == NEGATIVE_CONTROL) & attacks.metric.str.endswith("_auc")]
    if len(control):
        low, high = widen_intervals(control, len(control))
        if ((low > 0.5) | (high < 0.5)).any():
            faults.append(NEGATIVE_CONTROL)
    return faults
