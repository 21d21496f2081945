"""Comparison of real data, all generators and the permuted reference on the main metrics."""

from dataclasses import replace
from typing import Any

import pandas as pd

from snpgen.baselines.registry import (
    CONTROLS,
    NEGATIVE_CONTROL,
    REAL,
    REPLICATES,
    SUBJECTS,
    TEST,
    THRESHOLDING,
)
from snpgen.evaluation.metrics import WORST_GROUP, describe
from snpgen.evaluation.metrics_table import is_replicate
from snpgen.report.estimates import main_estimate, main_rows, show, show_row
from snpgen.report.style import order
from snpgen.report.verdicts import MAIN, strongest

# Columns that are not metrics: the strongest attack, and the main test in the worst ancestry group.
ATTACK, WORST = "strongest_attack", "c2st_worst_group"
COLUMNS = (
    "af_rmse",
    "ld_slope",
    "c2st_xgboost",
    WORST,
    "heldout_slope",
    "auc_prs_given_pcs",
    "auc_ridge",
    "auc_xgboost",
    ATTACK,
    "exact_matches",
)


def comparator_table(metrics: pd.DataFrame, main: str) -> dict[str, Any]:
    """Compare the cohort `main` with real data, the other generators and the permuted reference.

    `columns` are `Metric`s, with None for the strongest attack; `WORST` is left out without groups. Each of `rows`
    has `subject` (its entry in the registry, None for the permuted reference), `main` (whether it is the cohort
    `main`) and `cells` (results of `show_row`, None if not measured). In the row of real data, the strongest attack
    is the strongest attack on the negative control.
    """
    worst = metrics[(metrics.metric == MAIN["fidelity"]) & (metrics.stratum == WORST_GROUP)]
    metrics = pd.concat([metrics, worst.assign(metric=WORST, stratum="all")])
    shown = [name for name in COLUMNS if name != WORST or len(worst)]
    hidden = {*CONTROLS, THRESHOLDING, TEST, REPLICATES, *filter(is_replicate, metrics.subject)}
    measured = metrics[metrics.metric.isin(COLUMNS) & metrics.value.notna()]
    names = [name for name in order(measured.subject) if name in SUBJECTS and name not in hidden]
    rows = [
        {
            "subject": SUBJECTS[name],
            "main": name == main,
            "cells": [_cell(metrics, name, column) for column in shown],
        }
        for name in names
    ]
    floors = [_floor(metrics, column) for column in shown]
    rows.append({"subject": None, "main": False, "cells": floors})
    test = replace(describe(MAIN["fidelity"]), label="C2ST, worst group")
    special = {ATTACK: None, WORST: test}
    columns = [special.get(name, describe(name)) for name in shown]
    return {"columns": columns, "rows": rows}


def _cell(metrics: pd.DataFrame, subject: str, column: str) -> dict[str, str] | None:
    if column == ATTACK:
        row = strongest(metrics, NEGATIVE_CONTROL if subject == REAL else subject)
        return None if row is None else show_row(row)
    cell = main_estimate(metrics, column, subject)
    return None if cell is None or cell["value"] == "NA" else cell


def _floor(metrics: pd.DataFrame, column: str) -> dict[str, str] | None:
    floors = main_rows(metrics, column).floor.dropna()
    if floors.empty:
        return None
    return {"value": show(floors.iloc[0], describe(column).digits), "interval": ""}
