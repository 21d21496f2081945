"""The privacy audit of one release: screening, membership inference and phenotype inference."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from snpgen.association.frequency_attack import expected_attack_auc, selection_factor
from snpgen.evaluation.attacks import UNLESS as NO_ATTACK
from snpgen.evaluation.attacks import attack_estimates, frequency_scores
from snpgen.evaluation.cohorts import STRATA, Cohort, fill_rounded
from snpgen.evaluation.inference import UNLESS as NO_INFERENCE
from snpgen.evaluation.inference import guess_labels, inference_estimates
from snpgen.evaluation.intervals import Estimate, Estimates, Key
from snpgen.evaluation.membership import RARE, Attacked, Sides, restore_order
from snpgen.evaluation.metrics_table import Metrics
from snpgen.evaluation.neighbours import compare_samples, stack
from snpgen.evaluation.screening import UNLESS as NO_SCREENING
from snpgen.evaluation.screening import (
    Adversary,
    Distances,
    adversarial_accuracy,
    distance_ratios,
    exact_matches,
    further,
)
from snpgen.genetics.frequencies import smoothed_frequency
from snpgen.genetics.ld import effective_variants
from snpgen.genetics.packed import pack_planes
from snpgen.io.panel import Panel


@dataclass(frozen=True)
class Audit:
    """Figures of a release, and for members and non-members the scores of each attack.

    `screening` rests on the people released, `attacks` and `inference` on members and non-members;
    `scores` holds float64 (members + non-members,) by attack, higher for a likely member.
    """

    screening: Estimates
    attacks: Estimates
    inference: Estimates
    scores: dict[str, np.ndarray]


def audit_release(
    release: Cohort,
    attacked: Attacked,
    count: int,
    seed: int,
    threads: int = 1,
    white_box: Mapping[Key, Sides] | None = None,
) -> Audit:
    """What `release` says about who was a member, and about the members.

    `white_box` holds, by attack and stratum, scores of members (n,) and non-members (k,) that need the
    model.
    """
    codes = pack_planes(fill_rounded(release.dosages, attacked.frequency))
    some, rest, others = (
        compare_samples(side, codes, attacked.kernel, threads) for side in attacked.codes
    )
    members = stack([some, rest])
    screening: Estimates = {
        ("exact_matches", "all"): exact_matches(members.others[:, 0]),
        ("max_kinship", "all"): Estimate(members.kinship),
        ("max_kinship", "member"): Estimate(some.kinship),
        ("max_kinship", "non-member"): Estimate(others.kinship),
    }
    distances = Distances(members.others, some.others, others.others, attacked.real.others)
    screening |= distance_ratios(distances, count, seed)
    sides = _meet_adversary(codes, attacked, seed, threads)
    screening |= adversarial_accuracy(sides, count, seed)

    order = np.concatenate([attacked.some, attacked.rest])
    scores: dict[Key, Sides] = {
        ("distance", "all"): (-restore_order(members.nearest[:, 0], order), -others.nearest[:, 0]),
        ("density", "all"): (
            np.log(restore_order(members.density, order) / attacked.known[0]),
            np.log(others.density / attacked.known[1]),
        ),
        ("frequency", "all"): _frequency_attack(release, attacked, "all"),
    } | dict(white_box or {})
    attacks: Estimates = {}
    for (name, stratum), (member, other) in scores.items():
        attacks |= attack_estimates(name, member, other, stratum, count, seed)
        if stratum == "all":
            rare = member[attacked.rare[0]], other[attacked.rare[1]]
            attacks |= attack_estimates(name, *rare, RARE, count, seed)
    for stratum in STRATA[1:]:
        pair = _frequency_attack(release, attacked, stratum)
        attacks |= attack_estimates("frequency", *pair, stratum, count, seed)

    near = restore_order(members.index, order), others.index
    return Audit(
        screening,
        attacks,
        _infer_phenotypes(release, attacked, near, count, seed),
        {name: np.concatenate(pair) for (name, where), pair in scores.items() if where == "all"},
    )


def _meet_adversary(codes: np.ndarray, attacked: Attacked, seed: int, threads: int) -> Adversary:
    """Equally many members, synthetic people and non-members compared with one another."""
    size = len(attacked.equal[0])
    mine = codes[np.random.default_rng(seed).permutation(len(codes))[:size]]
    own = compare_samples(mine, mine, None, threads, same=True).nearest[:, 0]
    answers = []
    for side, theirs in zip(attacked.equal, attacked.own, strict=True):
        found = compare_samples(side, mine, None, threads)
        answers += [further(found.nearest[:, 0], theirs), further(found.others[:, 0], own)]
    return Adversary(*answers)


def _frequency_attack(release: Cohort, attacked: Attacked, stratum: str) -> Sides:
    """Scores of the members and the others of a stratum by the frequencies in that stratum."""
    released, known = (
        smoothed_frequency(side.stratum(stratum).dosages) for side in (release, attacked.reference)
    )
    member, other = (
        frequency_scores(side.stratum(stratum).dosages, released, known)
        for side in (attacked.members, attacked.others)
    )
    return member, other


def _infer_phenotypes(
    release: Cohort, attacked: Attacked, near: Sides, count: int, seed: int
) -> Estimates:
    """`phenotype_inference` by a polygenic score trained on the release (strata all and `RARE`), and
    by the label of the nearest synthetic person (stratum nearest)."""
    labels = attacked.members.phenotype, attacked.others.phenotype
    guesses = [guess_labels(side, release) for side in attacked.filled]
    copied = [release.phenotype[index] if len(release) else index for index in near]
    masks = attacked.rare
    figures = inference_estimates(labels, (guesses[0], guesses[1]), "all", count, seed)
    figures |= inference_estimates(labels, (copied[0], copied[1]), "nearest", count, seed)
    rare_labels, rare_guesses = (
        (pair[0][masks[0]], pair[1][masks[1]]) for pair in (labels, guesses)
    )
    return figures | inference_estimates(rare_labels, rare_guesses, RARE, count, seed)


def add_audit(
    metrics: Metrics, subject: str, audit: Audit, released: int, attacked: Attacked
) -> None:
    """Enter the figures of an audit, with the numbers of people `released` and attacked."""
    metrics.add(subject, audit.screening, released, NO_SCREENING)
    metrics.add(subject, audit.attacks, attacked.sizes, NO_ATTACK)
    metrics.add(subject, audit.inference, attacked.sizes, NO_INFERENCE)


def screen_real(attacked: Attacked) -> Estimates:
    """What test people have in common with members: exact matches and the largest kinship."""
    return {
        ("exact_matches", "all"): exact_matches(attacked.real.others[:, 0]),
        ("max_kinship", "all"): Estimate(attacked.real.kinship),
    }


def forecast_attack(members: Cohort, reference: Cohort) -> Estimates:
    """`expected_attack_auc` by stratum: the frequency attack to expect of as many synthetic as members."""
    snps = effective_variants(members.dosages)
    figures: Estimates = {}
    for stratum in STRATA:
        mine, known = members.stratum(stratum), reference.stratum(stratum)
        selection = 1.0 if stratum == "all" else selection_factor(mine.dosages, known.dosages)
        auc = expected_attack_auc(snps, len(mine), len(mine), len(known), selection)
        figures["forecast_auc", stratum] = Estimate(auc)
    return figures


def score_table(panel: Panel) -> pd.DataFrame:
    """Rows of the per-person scores: members (train), then non-members (test)."""
    rows = np.concatenate([np.flatnonzero(panel.split == split) for split in ("train", "test")])
    columns = {"IID": panel.iid, "split": panel.split, "phenotype": panel.phenotype}
    return pd.DataFrame({name: values[rows] for name, values in columns.items()})
