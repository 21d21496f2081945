"""The privacy audit: results of the attacks by attacker, by group and on the controls."""

from typing import Any

import pandas as pd

from snpgen.baselines.registry import NEGATIVE_CONTROL, POSITIVE_CONTROL, REAL
from snpgen.evaluation.metrics import ATTACKS, describe
from snpgen.report.estimates import interval, rows_by_name, show, show_row
from snpgen.report.results import Results

GROUPS = ("all", "case", "control", "top_tenth_rare")
FORECASTS = {"naive": "frequency", "adaptive": "adaptive"}  # attack by its name in forecast.tsv


def _membership(attack: str, *strata: str) -> tuple[tuple[str, str], ...]:
    """Metrics and strata of an attack: AUC and TPR at 1 % FPR by stratum; TPR at 0.1 % FPR overall."""
    groups = ("all", "top_tenth_rare", *strata)
    areas = [(f"mia_{attack}_auc", stratum) for stratum in groups]
    rates = [(f"mia_{attack}_tpr_0.01", stratum) for stratum in groups]
    return (*areas, (f"mia_{attack}_tpr_0.001", "all"), *rates)


# Estimates of each attacker in the model card, the main estimate first: pairs of metric and stratum.
# `audit.jinja` describes the attackers in the same order.
ATTACKERS: dict[str, tuple[tuple[str, str], ...]] = {
    "copies": tuple(
        (metric, "all") for metric in ("exact_matches", "max_kinship", "dcr_ratio", "privacy_loss")
    ),
    "distance": _membership("distance"),
    "density": _membership("density"),
    "frequency": _membership("frequency", "case", "control"),
    "adaptive": _membership("adaptive", "case", "control"),
    "loss": _membership("loss"),
    "shadow": _membership("shadow"),
    "phenotype": tuple(
        ("phenotype_inference", stratum) for stratum in ("all", "top_tenth_rare", "nearest")
    ),
}


def list_attackers(metrics: pd.DataFrame, cohorts: list[str]) -> list[dict[str, Any]]:
    """The `ATTACKERS` whose attacks were evaluated, with their estimates.

    Each entry has `name`, `chance`, `side` and `rows`. `chance` is the value of the main estimate if nothing
    can be inferred. `side` describes the confidence interval of the main estimate on the first cohort: it is
    "above" or "below" chance, or "includes" chance; `side` is "" without an interval. `rows` have `metric`,
    `stratum` and `cells`: value and interval as text, first for each of `cohorts`, then for the negative and
    the positive control. A cell is empty if it was not measured.
    """
    found = rows_by_name(metrics[metrics.domain == "privacy"])

    def cell(metric: str, stratum: str, subject: str) -> str:
        row = found.get((metric, stratum, subject))
        if row is None:
            return ""
        shown = show_row(row)
        return f"{shown['value']} ({shown['interval']})" if shown["interval"] else shown["value"]

    attackers = []
    for name, pairs in ATTACKERS.items():
        measured = [pair for pair in pairs if (*pair, cohorts[0]) in found]
        if not measured:
            continue
        chance = 0.5 if name in ATTACKS else 0.0
        columns = (*cohorts, NEGATIVE_CONTROL, POSITIVE_CONTROL)
        rows = [
            {
                "metric": describe(metric),
                "stratum": stratum,
                "cells": [cell(metric, stratum, column) for column in columns],
            }
            for metric, stratum in measured
        ]
        side = _side(found[*measured[0], cohorts[0]], chance)
        attackers.append({"name": name, "chance": chance, "side": side, "rows": rows})
    return attackers


def attack_table(results: Results) -> list[dict[str, Any]]:
    """Membership inference on a cohort by group; each row has the name `attack` and one cell per `GROUPS`.

    A cell has AUC (`value`), `interval`, the AUC on the negative control (`ceiling`), the TPR at a FPR of
    1 % (`tpr`) and the `forecast` AUC as text; it is None if the attack was not evaluated in that group.
    """
    metrics, subject = results.metrics, results.subject
    found = rows_by_name(metrics[metrics.domain == "privacy"])
    forecasts = forecast_aucs(results)

    def cell(attack: str, stratum: str) -> dict[str, str] | None:
        row = found.get((f"mia_{attack}_auc", stratum, subject))
        if row is None:
            return None
        rate = found.get((f"mia_{attack}_tpr_0.01", stratum, subject))
        return {
            "value": show(row.value, 3),
            "interval": interval(row, 3),
            "ceiling": show(row.ceiling, 3),
            "tpr": "" if rate is None else show(rate.value, 3),
            "forecast": forecasts.get(attack, {}).get(stratum, ""),
        }

    return [
        {"attack": attack, "cells": [cell(attack, stratum) for stratum in GROUPS]}
        for attack in ATTACKS
        if (f"mia_{attack}_auc", "all", subject) in found
    ]


def _side(row: pd.Series, chance: float) -> str:
    """The side of `chance` on which the interval of a row lies."""
    if not row.ci_low <= row.ci_high:
        return ""
    if row.ci_low <= chance <= row.ci_high:
        return "includes"
    return "above" if row.ci_low > chance else "below"


def forecast_aucs(results: Results) -> dict[str, dict[str, str]]:
    """Forecast AUC by attack and stratum as text; those that were not computed are missing.

    For an external cohort and with differential privacy, whose frequencies have no forecast of their own,
    this is the forecast for the frequencies of the training individuals in metrics.tsv.
    """
    dp = results.models and results.models["vae"]["differential_privacy"]
    if results.forecast is None or not results.models or dp:
        metrics = results.metrics
        rows = metrics[(metrics.metric == "forecast_auc") & (metrics.subject == REAL)]
        table = pd.DataFrame({"attack": "naive", "stratum": rows.stratum, "auc": rows.value})
    else:
        table = results.forecast
    return {
        FORECASTS[str(attack)]: {
            str(stratum): show(auc, 3) for stratum, auc in zip(own.stratum, own.auc, strict=True)
        }
        for attack, own in table.dropna().groupby("attack")
    }
