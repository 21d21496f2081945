"""AUC by ancestry: of models trained on a whole cohort, and of membership inference attacks."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from snpgen.evaluation.cohorts import MIN_GROUP
from snpgen.evaluation.groups import MAX_MEASURED, MIN_COMPARED, GroupReference, Part
from snpgen.evaluation.intervals import Estimates, Resamples, bootstrap
from snpgen.evaluation.metrics import ATTACKS, MODELS
from snpgen.evaluation.roc import RocCurve, roc_auc
from snpgen.io.panel import thin


def evaluate_predictions(
    phenotype: np.ndarray, scores: Mapping[str, np.ndarray], reference: GroupReference
) -> Part:
    """AUC of models trained on a whole cohort, in test individuals of each stratum.

    `phenotype` (k,) of the test individuals; `scores` (k,) by name: the risks of `MODELS`, and
    `prs_given_pcs`, for `auc_prs_within_group`.
    """
    groups = reference.real.groups("test")
    estimates: Estimates = {}
    sizes = {"all": len(phenotype)}
    seed = reference.seeds[1]
    for stratum, names in reference.strata.items():
        rows = np.isin(groups, names)
        sizes[stratum] = int(rows.sum())
        for model in MODELS:
            estimates |= _auc(
                f"auc_{model}", stratum, phenotype[rows], scores[model][rows], reference.count, seed
            )
    adjusted = scores["prs_given_pcs"]
    estimates |= auc_within_groups(phenotype, adjusted, groups, reference.count, seed)
    return estimates, sizes


def auc_within_groups(
    phenotype: np.ndarray, score: np.ndarray, groups: np.ndarray, count: int, seed: int
) -> Estimates:
    """`auc_prs_within_group`: AUC in which only cases and controls of the same group are compared.

    It is the mean AUC of the groups, weighted by their numbers of case-control pairs. `phenotype` and `score`
    (k,); `groups` str (k,), "" if unknown. It is omitted if no group has at least `MIN_GROUP` individuals.
    """
    names = [name for name in np.unique(groups) if name]
    parts = [
        rows
        for rows in (np.flatnonzero(groups == name) for name in names)
        if len(rows) >= MIN_GROUP
    ]
    if not parts:
        return {}
    curves = [RocCurve(phenotype[rows], score[rows]) for rows in parts]

    def statistic(weights: np.ndarray) -> Resamples:
        wins, pairs = np.zeros((2, len(weights)))
        for rows, curve in zip(parts, curves, strict=True):
            counts = curve.counts(weights[:, rows])
            n_pairs = np.prod([side.sum(axis=1) for side in counts], axis=0)
            wins += np.nan_to_num(roc_auc(*counts)) * n_pairs
            pairs += n_pairs
        return {("auc_prs_within_group", "all"): wins / np.where(pairs > 0, pairs, np.nan)}

    return bootstrap(statistic, [(len(phenotype), seed)], count)


def evaluate_attacks(scores: pd.DataFrame, subject: str, reference: GroupReference) -> Part:
    """AUC of membership inference attacks on `subject` among the members and non-members of each stratum.

    `scores` has a row per training, then per test individual (`privacy.score_table`), and a column
    `{attack}.{subject}` per attack, which is NaN for individuals without score.
    """
    real = reference.real
    groups = np.concatenate([real.groups("train"), real.groups("test")])
    member = (scores.split == "train").to_numpy()
    estimates: Estimates = {}
    sizes: dict[str, int] = {"all": len(scores)}
    for attack in ATTACKS:
        column = f"{attack}.{subject}"
        if column not in scores:
            continue
        values = scores[column].to_numpy(np.float64)
        for stratum, names in reference.strata.items():
            inside = np.isin(groups, names) & np.isfinite(values)
            sides = [np.flatnonzero(inside & (member == label)) for label in (True, False)]
            if min(map(len, sides)) < MIN_COMPARED:
                continue
            sizes[stratum] = sum(map(len, sides))
            rows = np.concatenate([thin(side, MAX_MEASURED) for side in sides])
            name = f"mia_{attack}_auc"
            estimates |= _auc(
                name, stratum, member[rows], values[rows], reference.count, reference.seeds[0]
            )
    return estimates, sizes


def _auc(
    metric: str, stratum: str, labels: np.ndarray, scores: np.ndarray, count: int, seed: int
) -> Estimates:
    curve = RocCurve(labels, scores)
    return bootstrap(
        lambda weights: {(metric, stratum): roc_auc(*curve.counts(weights))},
        [(len(labels), seed)],
        count,
    )
