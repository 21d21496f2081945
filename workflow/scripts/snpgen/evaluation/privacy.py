"""Privacy audit of a release: screening, membership inference and phenotype inference."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from snpgen.association.frequency_attack import expected_attack_auc, selection_factor
from snpgen.association.shrinkage import Prior
from snpgen.evaluation.adaptive import Knowledge, adaptive_scores
from snpgen.evaluation.attacks import attack_estimates, frequency_scores
from snpgen.evaluation.cohorts import STRATA, Cohort
from snpgen.evaluation.inference import inference_estimates, score_phenotypes
from snpgen.evaluation.intervals import Estimate, Estimates, Key
from snpgen.evaluation.membership import RARE, Pair, Targets, pack, restore_order
from snpgen.evaluation.metrics_table import Metrics
from snpgen.evaluation.neighbours import compare_samples, stack
from snpgen.evaluation.screening import (
    adversarial_accuracy,
    distance_ratios,
    exact_matches,
    further,
)
from snpgen.genetics.frequencies import smoothed_frequency
from snpgen.genetics.ld import effective_variants
from snpgen.io.panel import Panel
from snpgen.io.tables import read_own_table


@dataclass(frozen=True)
class Audit:
    """Estimates of an audit, and the scores of each attack.

    `screening` holds estimates for released individuals, `attacks` estimates of attacks on membership and
    phenotypes of members and non-members. `scores` float64 (members + non-members,) by attack are higher
    for likely members.
    """

    screening: Estimates
    attacks: Estimates
    scores: dict[str, np.ndarray]


def audit_release(
    release: Cohort,
    targets: Targets,
    count: int,
    seed: int,
    threads: int = 1,
    white_box: Mapping[Key, Pair] | None = None,
    knowledge: Knowledge | None = None,
) -> Audit:
    """Audit `release` against `targets`.

    `knowledge` is that of the adaptive attack, which is left out without it. `white_box` holds scores of members
    (n,) and non-members (k,) by attack and stratum, for attacks that need the networks.
    """
    planes = pack(release, targets.frequency)
    subset, remainder, non_members = (
        compare_samples(side, planes, targets.kernel, threads) for side in targets.planes
    )
    members = stack([subset, remainder])
    screening: Estimates = {
        ("exact_matches", "all"): exact_matches(members.reverse[:, 0]),
        ("max_kinship", "all"): Estimate(members.kinship),
        ("max_kinship", "member"): Estimate(subset.kinship),
        ("max_kinship", "non-member"): Estimate(non_members.kinship),
    }
    distances = [side.reverse for side in (members, targets.real, subset, non_members)]
    screening |= distance_ratios(distances, count, seed)
    answers = _query_adversary(planes, targets, seed, threads)
    screening |= adversarial_accuracy(answers, count, seed)

    distance, density, nearest = (
        (restore_order(of_members, targets.order), of_others)
        for of_members, of_others in (
            (members.nearest[:, 0], non_members.nearest[:, 0]),
            (members.density, non_members.density),
            (members.index, non_members.index),
        )
    )
    known = targets.reference_density
    scores: dict[Key, Pair] = {
        ("distance", "all"): (-distance[0], -distance[1]),
        ("density", "all"): (np.log(density[0] / known[0]), np.log(density[1] / known[1])),
    }
    scores |= {("frequency", name): _frequency_attack(release, targets, name) for name in STRATA}
    if knowledge:
        sides = targets.members, targets.non_members
        adaptive = adaptive_scores(release, targets.reference, knowledge, *sides)
        scores |= {("adaptive", name): pair for name, pair in adaptive.items()}
    scores |= white_box or {}
    attacks: Estimates = {}
    for (name, stratum), (member, non_member) in scores.items():
        attacks |= attack_estimates(name, member, non_member, stratum, count, seed)
        if stratum == "all":
            rare = member[targets.rare[0]], non_member[targets.rare[1]]
            attacks |= attack_estimates(name, *rare, RARE, count, seed)

    attacks |= _infer_phenotypes(release, targets, nearest, count, seed)
    whole = {name: pair for (name, stratum), pair in scores.items() if stratum == "all"}
    return Audit(screening, attacks, {name: np.concatenate(pair) for name, pair in whole.items()})


def _query_adversary(
    planes: np.ndarray, targets: Targets, seed: int, threads: int
) -> list[np.ndarray]:
    """Compute the answers for `adversarial_accuracy`.

    They compare equal numbers of members, synthetic individuals and non-members.
    """
    size = len(targets.equal[0])
    synthetic = planes[np.random.default_rng(seed).permutation(len(planes))[:size]]
    own = compare_samples(synthetic, synthetic, None, threads, same=True).nearest[:, 0]
    answers = []
    for side, within in zip(targets.equal, targets.within, strict=True):
        found = compare_samples(side, synthetic, None, threads)
        answers += [further(found.nearest[:, 0], within), further(found.reverse[:, 0], own)]
    return answers


def _frequency_attack(release: Cohort, targets: Targets, stratum: str) -> Pair:
    """Scores of the targets in a stratum, from the frequencies of the release in the same stratum."""
    synthetic, reference = (
        smoothed_frequency(side.stratum(stratum).dosages) for side in (release, targets.reference)
    )
    member, non_member = (
        frequency_scores(side.stratum(stratum).dosages, synthetic, reference)
        for side in (targets.members, targets.non_members)
    )
    return member, non_member


def _infer_phenotypes(
    release: Cohort, targets: Targets, nearest: Pair, count: int, seed: int
) -> Estimates:
    """`phenotype_inference` by a polygenic score trained on the release, and by the nearest neighbour.

    The strata all and `RARE` are predicted by the polygenic score, the stratum nearest by the phenotype of
    the nearest synthetic individual.
    """
    labels = targets.members.phenotype, targets.non_members.phenotype
    sides = targets.members.dosages, targets.non_members.dosages
    scores = score_phenotypes(sides, release, targets.frequency)
    of_nearest = [release.phenotype[index] if len(release) else index for index in nearest]
    estimates = inference_estimates(labels, scores, "all", count, seed)
    estimates |= inference_estimates(labels, of_nearest, "nearest", count, seed)
    rare_labels, rare_scores = (
        [side[mask] for side, mask in zip(pair, targets.rare, strict=True)]
        for pair in (labels, scores)
    )
    return estimates | inference_estimates(rare_labels, rare_scores, RARE, count, seed)


def add_audit(
    metrics: Metrics, subject: str, audit: Audit, released: int, targets: Targets
) -> None:
    """Add the estimates of an audit with the numbers of `released` individuals and of targets."""
    metrics.add(subject, audit.screening, released)
    metrics.add(subject, audit.attacks, targets.sizes)


def screen_real(targets: Targets) -> Estimates:
    """Exact matches and largest kinship between test individuals and members."""
    return {
        ("exact_matches", "all"): exact_matches(targets.real.reverse[:, 0]),
        ("max_kinship", "all"): Estimate(targets.real.kinship),
    }


def read_knowledge(variants: pd.DataFrame, prior: str, panel: Panel) -> Knowledge:
    """What the adaptive attacker knows of the training set and of the target effects.

    `variants` is the table of the panel with beta and standard_error; `prior` is the path of a table with the
    columns variance, weight, slope, smallest, contrast and source; only the rows of the first contrast are
    used. z-scores of a quantitative trait are those of its value.
    """
    table = pd.read_csv(prior, sep="\t", keep_default_na=False)
    table = table[table.contrast == table.contrast.iloc[0]]
    z = (variants.beta / variants.standard_error).abs().to_numpy(np.float64)
    samples = panel.samples("train")
    cases = int(samples.phenotype.sum())
    correlation = 1.0
    if not panel.classes:
        correlation = float(np.corrcoef(samples.phenotype, samples.label)[0, 1])
    return Knowledge(
        cases,
        len(samples) - cases,
        Prior(
            table.variance.to_numpy(np.float64),
            table.weight.to_numpy(np.float64),
            float(table.slope.iloc[0]),
        ),
        float(np.nanmin(z)),
        float(table.smallest.iloc[0]),
        correlation,
        bool((table.source == "external").all()),
    )


def read_forecast(path: str) -> Estimates:
    """`forecast_auc` and `forecast_adaptive_auc` by stratum, from the table of the target effects."""
    table = read_own_table(path, ["stratum", "attack"])
    names = {"naive": "forecast_auc", "adaptive": "forecast_adaptive_auc"}
    return {
        (names[attack], stratum): Estimate(float(auc))
        for stratum, attack, auc in table[["stratum", "attack", "auc"]].to_numpy(object)
        if stratum in STRATA
    }


def forecast_attack(members: Cohort, reference: Cohort, released: Mapping[str, int]) -> Estimates:
    """`forecast_auc` by stratum: expected AUC of the frequency attack on training frequencies.

    `released` is the number of synthetic individuals by stratum (`Cohort.sizes`).
    """
    n_effective = effective_variants(members.dosages)
    estimates: Estimates = {}
    for stratum in STRATA:
        mine, known = members.stratum(stratum), reference.stratum(stratum)
        selection = 1.0 if stratum == "all" else selection_factor(mine.dosages, known.dosages)
        auc = expected_attack_auc(n_effective, len(mine), released[stratum], len(known), selection)
        estimates["forecast_auc", stratum] = Estimate(auc)
    return estimates


def score_table(panel: Panel) -> pd.DataFrame:
    """Rows of the per-individual scores: members (train), then non-members (test)."""
    rows = np.concatenate([np.flatnonzero(panel.split == split) for split in ("train", "test")])
    columns = {"IID": panel.iid, "split": panel.split, "phenotype": panel.phenotype}
    return pd.DataFrame({name: values[rows] for name, values in columns.items()})
