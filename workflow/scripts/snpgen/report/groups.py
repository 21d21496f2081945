"""Estimates by ancestry group: the table and the figure of the report."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from snpgen.baselines.registry import CONTROLS, INK, REAL
from snpgen.evaluation.metrics import GROUP, METRICS, SMALLER_GROUPS, describe
from snpgen.report.estimates import show_row
from snpgen.report.style import (
    GROUPS,
    add_legend,
    label_rows,
    make_axes,
    order,
    plot_interval,
    show_message,
)

TEST = "c2st_xgboost"  # measured in every stratum that is judged
SHOWN = {
    "group_share": "Share of the cohort",
    TEST: "C2ST, XGBoost (AUC)",
    "pc_energy": "Energy distance of PCs, SD",
    "auc_ridge": "ROC-AUC, ridge, test individuals",
}


def is_group(stratum: pd.Series) -> pd.Series:
    """Whether a stratum is an ancestry group, or the small groups together."""
    return stratum.str.startswith(GROUP) | (stratum == SMALLER_GROUPS)


def group_label(stratum: str) -> str:
    """The name of a group; a group that was found by its components has only a number."""
    name = "smaller groups together" if stratum == SMALLER_GROUPS else stratum.removeprefix(GROUP)
    return f"group {name}" if name.isdigit() else name


def judged_strata(metrics: pd.DataFrame) -> list[str]:
    """The strata in which cohorts were compared, the largest group first."""
    return list(
        dict.fromkeys(metrics.stratum[(metrics.metric == TEST) & is_group(metrics.stratum)])
    )


def group_table(metrics: pd.DataFrame, subject: str) -> dict[str, Any] | None:
    """Estimates of the cohort `subject` by group, beside real individuals; None if there are no groups.

    `columns` have `label`, and the numbers `real` and `synthetic` of individuals (None if suppressed). Each of
    `rows` has `metric`, `is_privacy` and `cells`: `show_row`, or None if it was not measured. `together` are the
    labels of the groups that are judged together only, and `few` of those that are not judged.
    """
    strata = judged_strata(metrics)
    if not strata:
        return None
    shares = metrics[metrics.metric == "group_share"].set_index(["subject", "stratum"]).n

    def count(name: str, stratum: str) -> int | None:
        return int(shares[name, stratum]) if (name, stratum) in shares.index else None

    own = metrics[(metrics.subject == subject) & metrics.stratum.isin(["all", *strata])]
    cells = {(row.metric, row.stratum): show_row(row) for _, row in own.iterrows()}
    measured = own.metric[is_group(own.stratum)].unique()
    rows = [
        {
            "metric": describe(name),
            "is_privacy": name.startswith("mia_"),
            "cells": [cells.get((name, stratum)) for stratum in ["all", *strata]],
        }
        for name in METRICS
        if name in measured
    ]
    columns = [
        {
            "label": group_label(stratum),
            "real": count(REAL, stratum),
            "synthetic": count(subject, stratum),
        }
        for stratum in strata
    ]
    counted = shares.index.get_level_values("stratum").unique().tolist()
    others = [stratum for stratum in counted if stratum not in strata]
    together = [one for one in others if one != counted[0]] if SMALLER_GROUPS in strata else []
    return {
        "columns": columns,
        "rows": rows,
        "together": [group_label(one) for one in together],
        "few": [group_label(one) for one in others if one not in together],
    }


def plot_groups(metrics: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Share, two-sample test, energy distance and AUC of every cohort by ancestry group."""
    strata = judged_strata(metrics)
    rows = metrics[metrics.metric.isin(SHOWN) & metrics.stratum.isin(strata)]
    rows = rows[~rows.subject.isin(CONTROLS)]
    subjects = order(rows.subject)
    figure, panels = make_axes(9, 1.5 + 0.34 * max(1, len(subjects)), len(SHOWN))
    gap = min(0.2, 0.9 / max(1, len(strata)))
    for axes, (metric, label) in zip(panels, SHOWN.items(), strict=True):
        own = rows[rows.metric == metric]
        if own.value.isna().all():
            show_message(axes, "Not measured")
            continue
        for i, stratum in enumerate(strata):
            colour, marker = GROUPS[min(i, len(GROUPS) - 1)]
            axes.plot(
                [], [], color=colour, marker=marker, linestyle="none", label=group_label(stratum)
            )
            for _, row in own[own.stratum == stratum].iterrows():
                y = subjects.index(row.subject) + (i - (len(strata) - 1) / 2) * gap
                plot_interval(axes, row, y, colour, marker)
        if metric == TEST:
            axes.axvline(0.5, color=INK, linewidth=1, linestyle="--", label="Chance")
        label_rows(axes, subjects)
        axes.set_xlabel(label)
    for axes in panels[1:]:
        axes.set_yticklabels([])
    add_legend(figure, panels, 5)
    return figure, rows
