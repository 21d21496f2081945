"""Attacks on individuals in the training sets of several phenotypes, whose cohorts are released together."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from snpgen.association.joint_forecast import forecast_difference, forecast_joint
from snpgen.baselines.registry import NEGATIVE_CONTROL, POSITIVE_CONTROL, SNPGEN
from snpgen.evaluation.attacks import attack_estimates
from snpgen.evaluation.intervals import Estimate

SEPARATOR = ", "  # between the phenotypes of a release
FORECASTS = {"frequency": "naive", "adaptive": "adaptive"}  # attack: its name in the forecast
COLUMNS = ["phenotypes", "subject", "attack", "members", "non_members", "auc", "ci_low", "ci_high"]
COLUMNS += ["forecast", "forecast_worst"]
SAME_LABEL = 0.9  # correlation of phenotypes whose class differences are almost the same
DIFFERENCES = ["first", "second", "shared_variants", "only_first", "only_second", "forecast"]

Scores = dict[str, pd.DataFrame]  # by phenotype: index IID; member (bool), and a column per attack
Forecasts = Mapping[str, pd.DataFrame]  # by phenotype: stratum, attack and auc


@dataclass(frozen=True)
class Attack:
    """Scores of an attack on released cohorts: whether each individual is a member, and its score, (n,)."""

    member: np.ndarray
    score: np.ndarray


def read_attacks(own: pd.DataFrame, controls: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The scores of each subject: the released cohort and both controls.

    `own` and `controls` are the tables of restricted/ with IID, split, phenotype, and a column
    `{attack}.{subject}` per attack and subject.
    """
    found = {}
    for subject, source in (
        (SNPGEN, own),
        (POSITIVE_CONTROL, controls),
        (NEGATIVE_CONTROL, controls),
    ):
        mine = [name for name in map(str, source) if name.endswith(f".{subject}")]
        table = source[mine].rename(columns=lambda name: name.split(".")[0])
        found[subject] = table.assign(member=source.split == "train").set_index(
            pd.Index(source.IID, name="IID")
        )
    return found


def separations(attack: str, forecasts: Forecasts, phenotypes: list[str]) -> np.ndarray:
    """Weights of the scores, by phenotype: their forecast separation, equal without a forecast."""
    aucs = [forecast_of(attack, forecasts[name]) for name in phenotypes]
    weights = ndtri(np.clip(aucs, 0.5, 1 - 1e-12))
    return weights if np.isfinite(weights).all() and weights.any() else np.ones(len(aucs))


def forecast_of(attack: str, table: pd.DataFrame, worst: bool = False) -> float:
    """Forecast AUC of an attack on all individuals, or on the `worst` stratum; NaN if there is none."""
    mine = table[table.attack == FORECASTS.get(attack, "")]
    return float(mine.auc.max() if worst else mine.auc[mine.stratum == "all"].max())


def add_scores(scores: Scores, attack: str, weights: np.ndarray) -> Attack:
    """Add the scores of an attack over phenotypes, for individuals in all training or in all test sets.

    The scores of each phenotype are standardised by the mean and the standard deviation of its
    non-members, and multiplied by its weight. The weighted sum is the most powerful statistic for
    independent normal scores with these separations. Individuals without a score are left out.
    """
    tables = [table[["member", attack]].dropna() for table in scores.values()]
    both = tables[0].index
    for table in tables[1:]:
        both = both.intersection(table.index, sort=False)
    members = np.stack([table.member.loc[both].to_numpy(bool) for table in tables])
    # With one split for all phenotypes, members in one are not non-members in another.
    total = np.zeros(len(both))
    for table, weight in zip(tables, weights, strict=True):
        others = table[attack][~table.member]
        spread = float(others.std()) or 1.0
        total += weight * (table[attack].loc[both].to_numpy() - float(others.mean())) / spread
    return Attack(np.logical_and.reduce(members), total)


def choose_releases(phenotypes: list[str]) -> list[list[str]]:
    """The sets of phenotypes that are attacked together: all, and all but one."""
    return [phenotypes, *map(list, combinations(phenotypes, len(phenotypes) - 1))]


def measure_joint_attacks(
    subjects: Mapping[str, Scores],
    forecasts: Forecasts,
    min_count: int,
    count: int,
    seed: int,
) -> pd.DataFrame:
    """AUC of the attacks on all phenotypes together, and without each of them: `COLUMNS`.

    `subjects` holds the scores of each subject. Members are the individuals in all training sets,
    non-members those in all test sets; NaN with fewer than `min_count` of either. `forecasts` have the AUC
    of the naive and the adaptive attack on each phenotype; the joint forecast is `forecast_joint`, and
    `forecast_worst` that of the worst stratum of each phenotype. They are NaN if no individual is in all
    training sets. `count` resamples with `seed`.
    """
    rows = []
    for subject, scores in subjects.items():
        shared = set.intersection(*({*table} - {"member"} for table in scores.values()))
        attacks = [str(name) for name in next(iter(scores.values())) if name in shared]
        for phenotypes in choose_releases(list(scores)):
            mine = {name: scores[name] for name in phenotypes}
            for attack in attacks:
                weights = separations(attack, forecasts, phenotypes)
                found = add_scores(mine, attack, weights)
                sides = found.score[found.member], found.score[~found.member]
                estimate = Estimate(np.nan)
                if min(map(len, sides)) >= min_count:
                    estimates = attack_estimates(attack, *sides, "all", count, seed)
                    estimate = estimates[f"mia_{attack}_auc", "all"]
                expected = [np.nan, np.nan]
                if subject == SNPGEN and len(sides[0]):
                    expected = [
                        forecast_joint(
                            [forecast_of(attack, forecasts[name], worst) for name in mine]
                        )
                        for worst in (False, True)
                    ]
                sizes = map(len, sides)
                place = SEPARATOR.join(phenotypes), subject, attack
                rows.append((*place, *sizes, *estimate, *expected))
    return pd.DataFrame(rows, columns=COLUMNS)


def forecast_differences(
    panels: Mapping[str, pd.DataFrame],
    labels: Mapping[str, pd.Series],
    counted: Mapping[str, set[str]],
) -> pd.DataFrame:
    """Forecast of the attack on individuals in the frequencies of only one of two cohorts, by pair: `DIFFERENCES`.

    By phenotype: `panels` have the column variant_id; `labels` are the phenotypes of the training individuals, by
    IID; `counted` are IIDs of the individuals in the overall frequencies
    (`cohort.shared_frequencies.frequency_sets`). The overall frequencies of a variant in both panels differ only by
    individuals in one of the two sets (`forecast_difference`). If the phenotypes are almost the same, so are the
    differences between classes, which are those of the training individuals: the sets are then the training sets.
    """
    rows = []
    for first, second in combinations(panels, 2):
        shared = int(panels[first].variant_id.isin(panels[second].variant_id).sum())
        mine, other = counted[first], counted[second]
        if _are_alike(labels[first], labels[second]):
            mine, other = set(labels[first].index), set(labels[second].index)
        both = len(mine & other)
        auc = forecast_difference(shared, len(mine), len(other), both)
        rows.append((first, second, shared, len(mine) - both, len(other) - both, auc))
    return pd.DataFrame(rows, columns=DIFFERENCES)


def _are_alike(first: pd.Series, second: pd.Series) -> bool:
    """Whether the correlation of two phenotypes in the individuals of both is at least `SAME_LABEL`."""
    both = pd.concat([first, second], axis=1, join="inner").to_numpy(np.float64)
    if len(both) < 2 or not both.std(axis=0).all():
        return False
    return abs(float(np.corrcoef(both.T)[0, 1])) >= SAME_LABEL
