"""Screening of a release: exact matches, distances to members and others, and kinship with them."""

from dataclasses import dataclass

import numpy as np

from snpgen.evaluation.intervals import Draws, Estimate, Estimates, bootstrap, wilson

UNLESS = (
    "no people on one side, every distance of the denominator is zero, or nobody is heterozygous"
)


@dataclass(frozen=True)
class Distances:
    """Distances float64 (n, 2) to the nearest two of a set.

    Synthetic people to all members, to `some` (as many as there are non-members) and to the
    non-members (`others`); the non-members to all members (`real`).
    """

    to_members: np.ndarray
    to_some: np.ndarray
    to_others: np.ndarray
    real: np.ndarray


@dataclass(frozen=True)
class Adversary:
    """For equally many members, synthetic people and non-members whether somebody of another set is
    further away than the nearest of one's own: float64 (k,) of 0, 1, and 1/2 where both are as far.

    `member`: members, synthetic people the other set; `from_member` the reverse; `other` and
    `from_other` likewise with non-members.
    """

    member: np.ndarray
    from_member: np.ndarray
    other: np.ndarray
    from_other: np.ndarray


def weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Lower median (b,) of `values` (n,) under each row of `weights` (b, n); NaN for n = 0."""
    if not len(values):
        return np.full(len(weights), np.nan)
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[:, order], axis=1, dtype=np.float64)
    place = (below < below[:, -1:] / 2).sum(axis=1)
    return values[order][place]


def exact_matches(nearest: np.ndarray) -> Estimate:
    """Share of people whose nearest other, at a distance in `nearest` (n,), is no different."""
    return wilson(int((nearest == 0).sum()), len(nearest))


def neighbour_ratio(distances: np.ndarray) -> np.ndarray:
    """Distance (n,) to the nearest over that to the second, of (n, 2); 0 for an exact match."""
    first, second = distances.T
    return np.where(first > 0, first / np.where(second > 0, second, np.nan), 0.0 * second)


def distance_ratios(distances: Distances, count: int, seed: int) -> Estimates:
    """`dcr_ratio`: median distance to the closest record, over that of people never seen.

    Stratum all: synthetic to members over non-members to members. Stratum holdout: synthetic to
    as many members as there are non-members, over synthetic to those non-members. `nndr_ratio` is
    the same of the distance to the nearest over that to the second (`neighbour_ratio`).
    """
    measures = {"dcr_ratio": lambda pairs: pairs[:, 0], "nndr_ratio": neighbour_ratio}
    found = {
        name: [
            measure(pairs)
            for pairs in (
                distances.to_members,
                distances.real,
                distances.to_some,
                distances.to_others,
            )
        ]
        for name, measure in measures.items()
    }

    def statistic(synthetic: np.ndarray, real: np.ndarray) -> Draws:
        figures: Draws = {}
        for name, (to_members, reference, to_some, to_others) in found.items():
            for stratum, above, below in (
                ("all", to_members, (reference, real)),
                ("holdout", to_some, (to_others, synthetic)),
            ):
                lower = weighted_median(*below)
                upper = weighted_median(above, synthetic)
                figures[name, stratum] = upper / np.where(lower > 0, lower, np.nan)
        return figures

    samples = [(len(distances.to_members), seed), (len(distances.real), seed + 1)]
    return bootstrap(statistic, samples, count, dict.fromkeys(measures, (0.0, np.inf)))


def further(other: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Whether the `other` set is further away than one's `own` (k,): 1, 0, or 1/2 for a tie."""
    tie = np.where(other == own, 0.5, 0.0)
    return np.where(np.isnan(other) | np.isnan(own), np.nan, (other > own) + tie)


def adversarial_accuracy(sides: Adversary, count: int, seed: int) -> Estimates:
    """`nnaa_train`, `nnaa_test` and `privacy_loss` (Yale 2020; Yelmen 2021, PLoS Genet 17:e1009303).

    AA_TS is the accuracy of telling two sets of equal size apart by whether a person's nearest
    neighbour is of his own set: the mean of both sets' shares of people who are further from the
    other set than from their own; 0.5 is right. Ties count half, which keeps it so at any number
    of SNPs. The privacy loss is AA_TS with non-members less AA_TS with members. Intervals take people
    as independent; since they share neighbours, 95 % are nearer to 90.
    """

    def statistic(members: np.ndarray, synthetic: np.ndarray, others: np.ndarray) -> Draws:
        def share(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
            total = weights.sum(axis=1)
            return weights @ values / np.where(total > 0, total, np.nan)

        train = (share(sides.member, members) + share(sides.from_member, synthetic)) / 2
        test = (share(sides.other, others) + share(sides.from_other, synthetic)) / 2
        figures = {"nnaa_train": train, "nnaa_test": test, "privacy_loss": test - train}
        return {(name, "all"): values for name, values in figures.items()}

    samples = [(len(sides.member), seed + i) for i in range(3)]
    limits = {"nnaa_train": (0.0, 1.0), "nnaa_test": (0.0, 1.0), "privacy_loss": (-1.0, 1.0)}
    return bootstrap(statistic, samples, count, limits)
