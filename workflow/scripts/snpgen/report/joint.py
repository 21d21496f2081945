"""Joint attacks on all phenotypes of a run: what the comparison and the model cards say of them."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from snpgen.baselines.registry import CONTROLS, SNPGEN
from snpgen.evaluation.joint import SEPARATOR
from snpgen.io.tables import read_own_table


def read_joint(path: str) -> pd.DataFrame:
    """The table of `measure_joint_attacks`, or of `forecast_differences`."""
    return read_own_table(path, ["phenotypes", "subject", "attack", "first", "second"])


def worst_auc(rows: pd.DataFrame) -> float:
    """Largest AUC in `rows` of the released cohorts, measured or forecast for the worst stratum."""
    own = rows[rows.subject == SNPGEN]
    return float(np.nanmax([0.5, *own.auc, *own.forecast_worst]))


def describe_joint(
    joint: pd.DataFrame, differences: pd.DataFrame, limit: float | None
) -> dict[str, Any]:
    """Variables of the templates: the attacks on all phenotypes, and what to do if they exceed `limit`.

    `attacks` have the rows of the released cohort (`own`) and of the controls by name. `worst` is the largest
    AUC; if it `exceeds` the limit, `leave_out` is the phenotype without which the largest AUC is smallest
    (`without`), and `equal_limit` is the limit of each phenotype at which the joint forecast is `limit`. `pair`
    is the pair of phenotypes with the largest forecast for individuals in only one of two training sets
    (`pair_exceeds`: above the limit).
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
    return {
        "phenotypes": names,
        "members": int(first.members),
        "non_members": int(first.non_members),
        "attacks": attacks,
        "worst": worst,
        "limit": limit,
        "exceeds": limit is not None and worst > limit,
        "pairs": len(differences),
        "pair": differences.iloc[int(differences.forecast.argmax())],
        "pair_exceeds": limit is not None and bool((differences.forecast > limit).any()),
        "leave_out": leave_out,
        "without": without[leave_out],
        "equal_limit": None if limit is None else float(ndtr(ndtri(limit) / np.sqrt(len(names)))),
    }
