"""The ladder: real people, the generators and the floor, side by side on the main figures."""

from typing import Any

import numpy as np
import pandas as pd

from snpgen.evaluation.metrics_table import NULL, REAL, SHUFFLED, is_replicate
from snpgen.report.metrics import describe, interval, main_rows, show
from snpgen.report.style import CONTROLS, look, order
from snpgen.report.verdict import strongest

ATTACK = "strongest_attack"
COLUMNS = {  # label and what is best
    "af_rmse": ("Allele frequency RMSE", "small"),
    "ld_slope": ("LD slope", "1"),
    "c2st_xgboost": ("C2ST, XGBoost", "0.5"),
    "effect_slope": ("Effect slope", "as real"),
    "auc_ridge": ("AUC, ridge", "as real"),
    "auc_xgboost": ("AUC, XGBoost", "as real"),
    ATTACK: ("Strongest attack, AUC", "0.5"),
    "exact_matches": ("Exact copies", "0"),
}
WHAT = {  # what each is, and whether it may leave the machine
    REAL: "training people: the ceiling",
    SHUFFLED: "training people with chromosomes permuted within class and group: the ceiling of who copies nobody",
    "snpgen": "as many cases as in training; in the release",
    "external": "the cohort made elsewhere",
    "snpgen_balanced": "as many cases as controls; in the release",
    "reconstruction": "training people through the autoencoder; must not leave",
    "cvae": "the autoencoder alone, without diffusion",
    "mosaic": "cut from training people; must not leave",
    "copula": "correlated dosages, without a network",
    "independent": "each SNP by itself, without LD",
}


def comparator_table(metrics: pd.DataFrame, main: str) -> dict[str, Any]:
    """Columns (label, best) and rows (label, what, main, cells); a cell has value and interval, or is None.

    Of attacks a row shows the strongest on it: real people have those of the control in which nobody is
    a member. The last row is the floor.
    """
    hidden = {*CONTROLS, *(name for name in metrics.subject if is_replicate(name))}
    measured = metrics[metrics.metric.isin(COLUMNS) & metrics.value.notna()]
    names = [name for name in order(measured.subject) if name not in hidden and name in WHAT]
    rows = [
        {
            "label": look(name).label,
            "what": WHAT[name],
            "main": name == main,
            "cells": [_cell(metrics, name, column) for column in COLUMNS],
        }
        for name in names
    ]
    floors = [_floor(metrics, column) for column in COLUMNS]
    rows.append({"label": "Floor", "what": "a useless generator", "main": False, "cells": floors})
    return {"columns": list(COLUMNS.values()), "rows": rows}


def _cell(metrics: pd.DataFrame, subject: str, column: str) -> dict[str, str] | None:
    row, digits = None, describe(column).digits
    if column == ATTACK:
        row = strongest(metrics, NULL if subject == REAL else subject)
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
    return {"value": show(floors.iloc[0], describe(column).digits), "interval": ""}
