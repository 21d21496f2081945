"""The privacy audit of one cohort, and the two controls that audit the audit."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from snpgen.cohort.kinship import read_kinship
from snpgen.cohort.split import find_families, place_families
from snpgen.evaluation.attacks import (
    attack_figures,
    frequency_scores,
)
from snpgen.evaluation.cohorts import STRATA, Cohort, fill_rounded
from snpgen.evaluation.distances import nearest_distance
from snpgen.evaluation.intervals import Draws, Estimate, Figures, bootstrap, wilson
from snpgen.forecast import class_selection, effective_snps, forecast_auc, smoothed_frequency
from snpgen.panel import Panel

UNLESS = "no people on one side, or every distance of the denominator is zero"
PLANTED_SHARE = 0.05


@dataclass(frozen=True)
class Audit:
    """Figures of a release, and for members and non-members the scores of each attack.

    `screening` rests on the people released, `attacks` on members and non-members; `scores` holds float64 (members + non-members,) by attack, higher for a likely member.
    """

    screening: Figures
    attacks: Figures
    scores: dict[str, np.ndarray]


def weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Lower median (b,) of `values` (n,) under each row of `weights` (b, n); NaN for n = 0."""
    if not len(values):
        return np.full(len(weights), np.nan)
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[:, order], axis=1, dtype=np.float64)
    place = (below < below[:, -1:] / 2).sum(axis=1)
    return values[order][place]


def audit_release(
    release: Cohort,
    members: Cohort,
    others: Cohort,
    reference: Cohort,
    frequency: np.ndarray,
    count: int,
    seed: int,
    threads: int = 1,
) -> Audit:
    """What `release` says about who was a member.

    `members` gave gradients, `others` never; `reference` people, neither, give the attacker his
    frequencies. Missing calls take 2p of `frequency` (m,), the training frequencies, rounded.
    """
    sides = (release, members, others)
    mine, theirs, rest = (fill_rounded(side.dosages, frequency) for side in sides)
    to_members = nearest_distance(mine, theirs, threads)
    screening: Figures = {("exact_matches", "all"): wilson(int((to_members == 0).sum()), len(mine))}
    screening |= _distance_ratios(mine, theirs, rest, to_members, count, seed, threads)

    near, far = (-nearest_distance(side, mine, threads) for side in (theirs, rest))
    scores = {"distance": np.concatenate([near, far])}
    attacks = attack_figures("distance", near, far, "all", count, seed)
    for stratum in STRATA:
        released, known = (
            smoothed_frequency(side.stratum(stratum).dosages) for side in (release, reference)
        )
        member, other = (
            frequency_scores(side.stratum(stratum).dosages, released, known)
            for side in (members, others)
        )
        attacks |= attack_figures("frequency", member, other, stratum, count, seed)
        scores.setdefault("frequency", np.concatenate([member, other]))
    return Audit(screening, attacks, scores)


def _distance_ratios(
    mine: np.ndarray,
    theirs: np.ndarray,
    rest: np.ndarray,
    to_members: np.ndarray,
    count: int,
    seed: int,
    threads: int,
) -> Figures:
    """`dcr_ratio`: median distance to the closest record, over that of people never seen.

    Stratum all: synthetic to members over non-members to members. Stratum holdout: synthetic to
    as many members as there are non-members, over synthetic to those non-members.
    """
    some = np.random.default_rng(seed).permutation(len(theirs))[: len(rest)]
    others_to_members = nearest_distance(rest, theirs, threads)
    to_some = nearest_distance(mine, theirs[some], threads)
    to_others = nearest_distance(mine, rest, threads)

    def statistic(synthetic: np.ndarray, real: np.ndarray) -> Draws:
        pairs = {
            "all": (
                weighted_median(to_members, synthetic),
                weighted_median(others_to_members, real),
            ),
            "holdout": (weighted_median(to_some, synthetic), weighted_median(to_others, synthetic)),
        }
        return {
            ("dcr_ratio", stratum): upper / np.where(lower > 0, lower, np.nan)
            for stratum, (upper, lower) in pairs.items()
        }

    samples = [(len(mine), seed), (len(rest), seed + 1)]
    return bootstrap(statistic, samples, count, {"dcr_ratio": (0.0, np.inf)})


def plant_copies(release: Cohort, members: Cohort, seed: int) -> Cohort:
    """The release with `PLANTED_SHARE` of its people replaced by members, all different."""
    rng = np.random.default_rng(seed)
    n = min(round(PLANTED_SHARE * len(release)), len(members))
    places = rng.permutation(len(release))[:n]
    copies = rng.permutation(len(members))[:n]
    dosages, phenotype = release.dosages.copy(), release.phenotype.copy()
    dosages[places], phenotype[places] = members.dosages[copies], members.phenotype[copies]
    return Cohort(dosages, phenotype)


def read_families(kinship: str, split: str, iid: np.ndarray) -> np.ndarray:
    """Family number (n,) of each of `iid`, as the split of the cohort kept families whole.

    `kinship` is the path of its table, empty if none was given (everybody is then alone), `split`
    that of `split.json`.
    """
    if not kinship:
        return np.arange(len(iid))
    cuts = json.loads(Path(split).read_text())
    cut = cuts["kinship_cut"] or cuts["max_kinship_asked"]
    return find_families(read_kinship(kinship), iid, cut, max(1, len(iid) // 2)).family


def halve(phenotype: np.ndarray, family: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of two halves with the same share of cases, and every family on one side.

    A relative of somebody released would look like a member.
    """
    half = place_families(family, phenotype, (0.5, 0.5), seed)
    return np.flatnonzero(half == 0), np.flatnonzero(half == 1)


def forecast_attack(members: Cohort, reference: Cohort) -> Figures:
    """`forecast_auc` by stratum: the frequency attack to expect of as many synthetic as members."""
    snps = effective_snps(members.dosages)
    figures: Figures = {}
    for stratum in STRATA:
        mine, known = members.stratum(stratum), reference.stratum(stratum)
        selection = 1.0 if stratum == "all" else class_selection(mine.dosages, known.dosages)
        auc = forecast_auc(snps, len(mine), len(mine), len(known), selection)
        figures["forecast_auc", stratum] = Estimate(auc)
    return figures


def score_table(panel: Panel) -> pd.DataFrame:
    """Rows of the per-person scores: members (train), then non-members (test)."""
    rows = np.concatenate([np.flatnonzero(panel.split == split) for split in ("train", "test")])
    columns = {"IID": panel.iid, "split": panel.split, "phenotype": panel.phenotype}
    return pd.DataFrame({name: values[rows] for name, values in columns.items()})
