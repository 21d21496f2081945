"""Screening of a release: exact matches, distances to members and non-members, and kinship."""

from dataclasses import dataclass

import numpy as np

from snpgen.evaluation.intervals import Estimate, Estimates, Resamples, bootstrap, wilson

UNLESS = (
    "no individuals on one side, all distances in the denominator are zero, or no heterozygotes"
)


@dataclass(frozen=True)
class Distances:
    """Distances float64 (n, 2) to the two nearest individuals of a set.

    Of synthetic individuals to all members, to a `subset` of as many members as there are non-members,
    and to the non-members; and of non-members to all members (`real`).
    """

    to_members: np.ndarray
    to_subset: np.ndarray
    to_non_members: np.ndarray
    real: np.ndarray


@dataclass(frozen=True)
class Adversary:
    """Answers of the nearest-neighbour adversary for equally many members, synthetic and non-members.

    float64 (k,): whether the other set is further away than the individual's own: 1, 0, or 1/2 for a
    tie. `member`: members against synthetic individuals; `from_member`: the reverse; `non_member` and
    `from_non_member`: the same with non-members.
    """

    member: np.ndarray
    from_member: np.ndarray
    non_member: np.ndarray
    from_non_member: np.ndarray


def weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Lower median (b,) of `values` (n,) under each row of `weights` (b, n); NaN for n = 0."""
    if not len(values):
        return np.full(len(weights), np.nan)
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[:, order], axis=1, dtype=np.float64)
    place = (below < below[:, -1:] / 2).sum(axis=1)
    return values[order][place]


def exact_matches(nearest: np.ndarray) -> Estimate:
    """Share of individuals with an identical other; `nearest` (n,) are the nearest distances."""
    return wilson(int((nearest == 0).sum()), len(nearest))


def neighbour_ratio(distances: np.ndarray) -> np.ndarray:
    """Nearest over second nearest distance (n,), from (n, 2); 0 for an exact match."""
    first, second = distances.T
    return np.where(first > 0, first / np.where(second > 0, second, np.nan), 0.0 * second)


def distance_ratios(distances: Distances, count: int, seed: int) -> Estimates:
    """`dcr_ratio` and `nndr_ratio`, relative to individuals who were not in training.

    DCR is the median distance to the closest record. Stratum all: synthetic to members over
    non-members to members. Stratum holdout: synthetic to as many members as there are non-members,
    over synthetic to those non-members. NNDR is the same of `neighbour_ratio`.
    """
    measures = {"dcr_ratio": lambda pairs: pairs[:, 0], "nndr_ratio": neighbour_ratio}
    found = {
        name: [
            measure(pairs)
            for pairs in (
                distances.to_members,
                distances.real,
                distances.to_subset,
                distances.to_non_members,
            )
        ]
        for name, measure in measures.items()
    }

    def statistic(synthetic: np.ndarray, real: np.ndarray) -> Resamples:
        estimates: Resamples = {}
        for name, (to_members, reference, to_subset, to_non_members) in found.items():
            for stratum, above, below in (
                ("all", to_members, (reference, real)),
                ("holdout", to_subset, (to_non_members, synthetic)),
            ):
                lower = weighted_median(*below)
                upper = weighted_median(above, synthetic)
                estimates[name, stratum] = upper / np.where(lower > 0, lower, np.nan)
        return estimates

    samples = [(len(distances.to_members), seed), (len(distances.real), seed + 1)]
    return bootstrap(statistic, samples, count, dict.fromkeys(measures, (0.0, np.inf)))


def further(other: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Whether the `other` set is further away than the `own` (k,): 1, 0, or 1/2 for a tie."""
    tie = np.where(other == own, 0.5, 0.0)
    return np.where(np.isnan(other) | np.isnan(own), np.nan, (other > own) + tie)


def adversarial_accuracy(answers: Adversary, count: int, seed: int) -> Estimates:
    """`nnaa_train`, `nnaa_test` and `privacy_loss` (Yale 2020; Yelmen 2021, PLoS Genet 17:e1009303).

    AA_TS is the accuracy of telling two sets of equal size apart by whether the nearest neighbour of
    an individual is in the same set: the mean over both sets of the share of individuals that are
    further from the other set than from their own. 0.5 is ideal. Ties count half, which keeps it at
    0.5 for any number of variants. The privacy loss is AA_TS of non-members minus that of members.
    Intervals treat individuals as independent; since they share neighbours, the coverage of 95 % is
    nearer to 90 %.
    """

    def statistic(members: np.ndarray, synthetic: np.ndarray, non_members: np.ndarray) -> Resamples:
        def share(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
            total = weights.sum(axis=1)
            return weights @ values / np.where(total > 0, total, np.nan)

        train = (share(answers.member, members) + share(answers.from_member, synthetic)) / 2
        test = (
            share(answers.non_member, non_members) + share(answers.from_non_member, synthetic)
        ) / 2
        estimates = {"nnaa_train": train, "nnaa_test": test, "privacy_loss": test - train}
        return {(name, "all"): values for name, values in estimates.items()}

    samples = [(len(answers.member), seed + i) for i in range(3)]
    limits = {"nnaa_train": (0.0, 1.0), "nnaa_test": (0.0, 1.0), "privacy_loss": (-1.0, 1.0)}
    return bootstrap(statistic, samples, count, limits)
