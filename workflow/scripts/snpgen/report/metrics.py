"""The metrics table as the report and the model card show it: names, order, digits, main figures."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from snpgen.baselines.registry import CONTROLS, NEGATIVE_CONTROL, POSITIVE_CONTROL, REAL
from snpgen.evaluation.controls import PLANTED_SHARE
from snpgen.evaluation.metrics import DOMAINS, METRICS, describe
from snpgen.evaluation.metrics_table import is_replicate
from snpgen.report.style import order


def read_metrics(path: str) -> pd.DataFrame:
    """Read `metrics.tsv`; only NA is missing, since `null` is the name of a control."""
    text = ["phenotype", "domain", "metric", "subject", "stratum"]
    return pd.read_csv(
        path, sep="\t", dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=["NA"]
    )


def show(value: float, digits: int) -> str:
    """A number as the report writes it; NA where there is none."""
    if not np.isfinite(value):
        return "NA"
    text = f"{value:,.{digits}f}"
    return text.rstrip("0") if digits > 4 else text  # a p-value is 0.01, not 0.01000000


def main_estimates(metrics: pd.DataFrame, domain: str, subject: str) -> list[dict[str, str]]:
    """The main metrics of an domain that were measured of a cohort: label, meaning, value, interval, ceiling.

    A cost has a row a step; times are added up and the largest memory is taken.
    """
    figures = []
    for name in DOMAINS[domain].main:
        rows = metrics[metrics.metric == name] if domain == "cost" else main_rows(metrics, name)
        rows = rows[rows.subject == subject]
        if rows.empty:
            continue
        metric, row = describe(name), rows.iloc[0]
        value = rows.value.sum() if name.endswith("seconds") else rows.value.max()
        figures.append(
            {
                "label": metric.label,
                "meaning": metric.explanation,
                "value": show(value, metric.digits),
                "interval": interval(row, metric.digits),
                "ceiling": show(row.ceiling, metric.digits) if np.isfinite(row.ceiling) else "",
            }
        )
    return figures


def main_rows(metrics: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of a metric in its main stratum, one a subject (and phenotype)."""
    return metrics[(metrics.metric == name) & (metrics.stratum == describe(name).stratum)]


def interval(row: pd.Series, digits: int) -> str:
    """The 95 % interval of a row, or nothing where it has none."""
    if not np.isfinite([row.ci_low, row.ci_high]).all():
        return ""
    return f"{show(row.ci_low, digits)} to {show(row.ci_high, digits)}"


def main_table(metrics: pd.DataFrame) -> dict[str, Any]:
    """Each metric, in its main stratum, with a column a subject, between ceiling and floor.

    `subjects` are the columns; `rows` have domain, label, meaning, floor, `ceiling` and `cells`, one
    a subject; a cell has value and interval, and is None where nothing was measured.
    """
    main_stratum = metrics.metric.map(lambda name: describe(name).stratum)
    whole = metrics[(metrics.stratum == main_stratum) & (metrics.domain != "cost")]
    hidden = {*CONTROLS, REAL, *filter(is_replicate, whole.subject)}
    subjects = [name for name in order(whole.subject) if name not in hidden]
    places = {name: i for i, name in enumerate([*DOMAINS, *METRICS])}
    groups = {
        (str(domain), str(name)): group
        for (domain, name), group in whole.groupby(["domain", "metric"])
    }
    rows = []
    for domain, name in sorted(groups, key=lambda key: [places.get(part, 999) for part in key]):
        group, metric = groups[domain, name], describe(name)
        by_subject = {row.subject: row for _, row in group.iterrows()}
        cells = {
            subject: {
                "value": show(row.value, metric.digits),
                "interval": interval(row, metric.digits),
            }
            for subject, row in by_subject.items()
        }
        if not any(name in cells for name in subjects):  # of real people alone
            continue
        ceiling = {"value": show(group.ceiling.iloc[0], metric.digits), "interval": ""}
        rows.append(
            {
                "domain": domain,
                "label": metric.label,
                "meaning": metric.explanation,
                "ceiling": cells.get("real", ceiling),
                "floor": show(group.floor.iloc[0], metric.digits),
                "cells": [cells.get(subject) for subject in subjects],
            }
        )
    return {"subjects": subjects, "rows": rows}


def copied_share(metrics: pd.DataFrame, subject: str) -> tuple[float, float]:
    """Share of synthetic people who equal a training person, and that of test people who do.

    NaN where they were not counted.
    """
    rows = metrics[(metrics.metric == "exact_matches") & (metrics.stratum == "all")]
    share = rows.set_index("subject").value
    return float(share.get(subject, np.nan)), float(share.get(REAL, np.nan))


def holds_copies(metrics: pd.DataFrame, subject: str) -> bool:
    """Whether more synthetic people equal a training person than test people do."""
    copied, by_chance = copied_share(metrics, subject)
    return bool(copied > np.nan_to_num(by_chance))


def audit_faults(metrics: pd.DataFrame, subject: str) -> list[str]:
    """What is wrong with the privacy audit, by its controls; nothing where both hold.

    Some attack must do better on the cohort with planted copies than on the same cohort without
    (its interval lies above), unless that holds as many copies itself; and none may find anything in
    the null (its interval holds chance, widened for the number of attacks).
    """
    attacks = metrics[metrics.metric.str.startswith("mia_") & (metrics.stratum == "all")]
    faults = []
    planted = attacks[attacks.subject == POSITIVE_CONTROL].set_index("metric").ci_low
    without = attacks[attacks.subject == subject].set_index("metric").value
    found = (planted > without.reindex(planted.index)).any()
    if len(planted) and not found and copied_share(metrics, subject)[0] < PLANTED_SHARE:
        faults.append("no attack found the training people that were planted in a synthetic cohort")
    null = attacks[(attacks.subject == NEGATIVE_CONTROL) & attacks.metric.str.endswith("_auc")]
    if len(null):
        wider = norm.isf(0.025 / len(null)) / norm.isf(0.025)
        low = null.value - wider * (null.value - null.ci_low)
        high = null.value + wider * (null.ci_high - null.value)
        if ((low > 0.5) | (high < 0.5)).any():
            faults.append(
                "an attack tells apart people of whom none was in training, as happens by chance in one "
                "audit of 20"
            )
    return faults
