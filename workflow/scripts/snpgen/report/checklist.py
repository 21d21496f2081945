"""The checklist of a release: the content of privacy.json as a page for output checkers."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from snpgen.baselines.registry import BALANCED, SNPGEN
from snpgen.evaluation.metrics import ATTACKS
from snpgen.report.groups import group_label, is_group
from snpgen.report.templates import make_environment

_WHOLE = ("all", "top_tenth_rare")  # groups that are neither classes nor ancestries


def render_checklist(templates: Mapping[str, str], record: Mapping[str, Any]) -> str:
    """The checklist as HTML that prints on two pages; `record` is the content of privacy.json."""
    balanced = {
        (row["attack"], row["group"]): row for row in record["attacks"] if row["cohort"] == BALANCED
    }
    shown = _choose_rows(record["attacks"])
    overall = [row for rows in shown.values() for row in rows if row["group"] == "all"]
    worst = [row for row in record["joint_attacks"] if row["group"] == "worst"]
    return (
        make_environment(templates)
        .get_template("checklist.html.jinja")
        .render(
            record,
            attacker_of={one["name"]: one for one in record["attackers"]},
            shown=shown,
            balanced=balanced,
            positive_controls=[row for row in overall if row["positive_control"] is not None],
            estimates=[row for row in record["other_estimates"] if row["cohort"] == SNPGEN],
            worst_forecasts={row["attack"]: row["forecast_auc"] for row in worst},
            group_label=group_label,
        )
    )


def _choose_rows(attacks: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The rows of the checklist by attack, so that it fits on two pages.

    These are all individuals, those with the most rare alleles, and the class and the ancestry group with the
    largest AUC, or with the largest forecast if the attack was not measured by class.
    """
    shown: dict[str, list[dict[str, Any]]] = {}
    for attack in ATTACKS:
        own = [row for row in attacks if row["cohort"] == SNPGEN and row["attack"] == attack]
        by_kind: dict[str, list[dict[str, Any]]] = {
            kind: [] for kind in (*_WHOLE, "class", "ancestry")
        }
        for row in own:
            by_kind[_kind(row["group"])].append(row)
        rows = [max(some, key=_auc) for some in by_kind.values() if some]
        if rows:
            shown[attack] = rows
    return shown


def _kind(group: str) -> str:
    if group in _WHOLE:
        return group
    return "ancestry" if is_group(pd.Series([group])).all() else "class"


def _auc(row: Mapping[str, Any]) -> tuple[float, float]:
    return row["auc"] or 0, row["forecast_auc"] or 0
