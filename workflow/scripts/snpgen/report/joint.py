"""Joint attacks on all phenotypes of a run, as the comparison and the model cards show them."""

from typing import Any

import numpy as np
import pandas as pd

from snpgen.association.joint_forecast import equal_limit
from snpgen.baselines.registry import CONTROLS, SNPGEN
from snpgen.evaluation.joint import SEPARATOR
from snpgen.io.tables import read_own_table
from snpgen.report.small_numbers import is_few

WHITE_BOX = {"loss", "shadow"}  # attacks that need the networks


def read_joint(path: str) -> pd.DataFrame:
    """The table of `measure_joint_attacks`, or of `forecast_differences`."""
    return read_own_table(path, ["phenotypes", "subject", "attack", "first", "second"])


def worst_auc(rows: pd.DataFrame) -> float:
    """Largest AUC in `rows` of the released cohorts, measured or forecast for the worst stratum.

    Attacks that need the networks, which are not released, are left out.
    """
    own = rows[(rows.subject == SNPGEN) & ~rows.attack.isin(WHITE_BOX)]
    return float(np.nanmax([0.5, *own.auc, *own.forecast_worst]))


def is_small(pair: pd.Series, min_cell: int) -> bool:
    """Whether fewer than `min_cell` individuals are in the frequencies of only one cohort, but not none.

    Their number would follow from the forecast.
    """
    return is_few(pair.only_first, min_cell) or is_few(pair.only_second, min_cell)


def show_number(number: int, min_cell: int) -> str:
    """A number of individuals; a small one is hidden."""
    return f"fewer than {min_cell}" if is_few(number, min_cell) else f"{number:,}"


def describe_joint(
    joint: pd.DataFrame, differences: pd.DataFrame, limit: float | None, min_cell: int
) -> dict[str, Any]:
    """Variables of the templates: the attacks on all phenotypes, and what to do if they exceed `limit`.

    `attacks` have the rows of the released cohort (`own`) and of the controls by name. `worst` is the largest
    AUC; if it `exceeds` the limit, `leave_out` is the phenotype without which the largest AUC is smallest
    (`without`), and `equal_limit` is the limit of each phenotype at which the joint forecast is `limit`. `pair`
    is the pair of phenotypes with the largest forecast for individuals in the frequencies of only one cohort
    (`pair_exceeds`: above the limit), None if there is none without differential privacy.
    """
    every = joint.phenotypes.iloc[0]
    names = every.split(SEPARATOR)
    own = joint[joint.phenotypes == every]
    attacks = []
    for attack, rows in own.groupby("attack", sort=False):
        by_subject = {row.subject: row for row in rows.itertuples()}
        if SNPGEN in by_subject:
            controls = {name: by_subject.get(name) for name in CONTROLS}
            attacks.append({"name": attack, "own": by_subject[SNPGEN], **controls})
    without = {
        name: worst_auc(joint[joint.phenotypes == SEPARATOR.join(n for n in names if n != name)])
        for name in names
    }
    leave_out = min(without, key=lambda name: without[name])
    worst = worst_auc(own)
    first = own[own.subject == SNPGEN].iloc[0]
    pair = None if differences.empty else differences.iloc[int(differences.forecast.argmax())]
    return {
        "phenotypes": names,
        "members": show_number(first.members, min_cell),
        "non_members": show_number(first.non_members, min_cell),
        "attacks": attacks,
        "worst": worst,
        "limit": limit,
        "exceeds": limit is not None and worst > limit,
        "pairs": len(differences),
        "pair": pair,
        "pair_is_small": pair is not None and is_small(pair, min_cell),
        "pair_exceeds": pair is not None and limit is not None and bool(pair.forecast > limit),
        "leave_out": leave_out,
        "without": without[leave_out],
        "without_exceeds": limit is not None and without[leave_out] > limit,
        "equal_limit": None if limit is None else equal_limit(limit, len(names)),
    }
