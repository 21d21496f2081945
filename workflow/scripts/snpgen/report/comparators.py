"""The ladder: real people, the generators and the floor, side by side on the main figures."""

from typing import Any

import numpy as np
import pandas as pd

from snpgen.baselines.registry import (
    CONTROLS,
    NEGATIVE_CONTROL,
    REAL,
    REPLICATES,
    SUBJECTS,
    TEST,
    THRESHOLDING,
    Subject,
)
from snpgen.evaluation.metrics import Metric, describe
from snpgen.report.metrics import interval, main_rows, show
from snpgen.report.style import look, order
from snpgen.report.verdict import strongest

ATTACK = "strongest_attack"
COLUMNS = [
    "af_rmse",
    "ld_slope",
    "c2st_xgboost",
    "effect_slope",
    "auc_ridge",
    "auc_xgboost",
    ATTACK,
    "exact_matches",
]
STRONGEST = Metric(ATTACK, "Strongest attack, AUC", "", 3, "0.5")
SHOWN = [name for name in SUBJECTS if name not in (TEST, REPLICATES, THRESHOLDING, *CONTROLS)]


def comparator_table(metrics: pd.DataFrame, main: str) -> dict[str, Any]:
    """Columns (label, best) and rows (label, what, main, cells); a cell has value and interval, or is None.

    Of attacks a row shows the strongest on it: real people have those of the control in which nobody is
    a member. The last row is the floor.
    """
    measured = metrics[metrics.metric.isin(COLUMNS) & metrics.value.notna()]
    names = [name for name in order(measured.subject) if name in SHOWN]
    rows = [
        {
            "label": look(name).label,
            "what": _describe(look(name)),
            "main": name == main,
            "cells": [_cell(metrics, name, column) for column in COLUMNS],
        }
        for name in names
    ]
    floors = [_floor(metrics, column) for column in COLUMNS]
    rows.append({"label": "Floor", "what": "a useless generator", "main": False, "cells": floors})
    return {
        "columns": [(metric.label, metric.best) for metric in map(_metric, COLUMNS)],
        "rows": rows,
    }


def _metric(column: str) -> Metric:
    return STRONGEST if column == ATTACK else describe(column)


def _describe(subject: Subject) -> str:
    release = "" if subject.releasable else "; must not be released"
    return f"{subject.description}{release}"


def _cell(metrics: pd.DataFrame, subject: str, column: str) -> dict[str, str] | None:
    row, digits = None, _metric(column).digits
    if column == ATTACK:
        row = strongest(metrics, NEGATIVE_CONTROL if subject == REAL else subject)
    else:
        rows = main_rows(metrics, column)
        rows = rows[rows.subject == subject]
        row = None if rows.empty else rows.iloc[0]
    if row is None or not np.isfinite(row.value):
        return None
    return {"value": show(row.value, digits), "interval": interval(row, digits)}


def _floor(metrics: pd.DataFrame, column: str) -> dict[str, str] | None:
    floors = main_rows(metrics, column).floor.dropna()
    if floors.empty:
        return None
    return {"value": show(floors.iloc[0], _metric(column).digits), "interval": ""}
