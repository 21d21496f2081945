"""The checklist of a release: the content of privacy.json as a page for output checkers."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from snpgen.baselines.registry import BALANCED, SNPGEN
from snpgen.evaluation.metrics import ATTACKS
from snpgen.report.audit import GROUPS
from snpgen.report.groups import group_label, is_group
from snpgen.report.templates import make_environment


def render_checklist(templates: Mapping[str, str], record: Mapping[str, Any]) -> str:
    """The checklist as HTML that prints on two pages; `record` is the content of privacy.json."""
    balanced = {
        (row["attack"], row["group"]): row for row in record["attacks"] if row["cohort"] == BALANCED
    }
    return (
        make_environment(templates)
        .get_template("checklist.html.jinja")
        .render(
            record,
            attacker_of={one["name"]: one for one in record["attackers"]},
            shown=_choose_rows(record["attacks"]),
            balanced=balanced,
            group_label=group_label,
        )
    )


def _choose_rows(attacks: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The rows of the checklist by attack: `GROUPS`, classes, and the ancestry group with the largest AUC."""
    shown: dict[str, list[dict[str, Any]]] = {}
    for attack in ATTACKS:
        own = [row for row in attacks if row["cohort"] == SNPGEN and row["attack"] == attack]
        classes = [row["group"] for row in own if row["forecast_auc"] is not None]
        by_group = {row["group"]: row for row in own}
        ancestry = [row for row in own if is_group(pd.Series([row["group"]])).all()]
        rows = [by_group[one] for one in dict.fromkeys([*GROUPS, *classes]) if one in by_group]
        rows += sorted(ancestry, key=lambda row: -(row["auc"] or 0))[:1]
        if rows:
            shown[attack] = rows
    return shown
