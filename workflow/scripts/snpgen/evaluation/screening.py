"""Screening of a release: exact matches, distances to members and non-members, and kinship."""

from collections.abc import Sequence

import numpy as np

from snpgen.evaluation.intervals import Estimate, Estimates, Resamples, bootstrap, wilson


def weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Lower median (b,) of `values` (n,) under each row of `weights` (b, n); NaN for n = 0."""
    if not len(values):
        return np.full(len(weights), np.nan)
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[:, order], axis=1, dtype=np.float64)
    place = (below < below[:, -1:] / 2).sum(axis=1)
    return values[order][place]


def exact_matches(nearest: np.ndarray) -> Estimate:
    """Share of individuals with nearest distance 0; `nearest` (n,) are distances to another set."""
    return wilson(int((nearest == 0).sum()), len(nearest))


def neighbour_ratio(distances: np.ndarray) -> np.ndarray:
    """Ratio of nearest to second nearest distance (n,), from (n, 2); 0 for an exact match."""
    first, second = distances.T
    return np.where(first > 0, first / np.where(second > 0, second, np.nan), 0.0 * second)


def distance_ratios(distances: Sequence[np.ndarray], count: int, seed: int) -> Estimates:
    """`dcr_ratio` and `nndr_ratio`, relative to non-members.

    `distances` are four arrays float64 (n, 2) with distances to the two nearest individuals of a set:

    1. synthetic individuals to all members;
    2. non-members to all members;
    3. synthetic individuals to a subset of the members, as large as the set of non-members;
    4. synthetic individuals to the non-members.

    DCR is the median distance to the closest record, NNDR the median of `neighbour_ratio`. The ratio is
    array 1 / array 2 in the stratum all, and array 3 / array 4 in the stratum holdout.
    """
    measures = {"dcr_ratio": lambda pairs: pairs[:, 0], "nndr_ratio": neighbour_ratio}
    found = {name: [measure(side) for side in distances] for name, measure in measures.items()}

    def statistic(synthetic: np.ndarray, others: np.ndarray) -> Resamples:
        estimates: Resamples = {}
        weights = synthetic, others, synthetic, synthetic
        for name, values in found.items():
            medians = [weighted_median(*side) for side in zip(values, weights, strict=True)]
            for stratum, (above, below) in (("all", medians[:2]), ("holdout", medians[2:])):
                estimates[name, stratum] = above / np.where(below > 0, below, np.nan)
        return estimates

    samples = [(len(side), seed + i) for i, side in enumerate(distances[:2])]
    return bootstrap(statistic, samples, count)


def further(other: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Compare distances (k,): 1 if the `other` set is further than `own`, 0 if nearer, 1/2 for a tie."""
    tie = np.where(other == own, 0.5, 0.0)
    return np.where(np.isnan(other) | np.isnan(own), np.nan, (other > own) + tie)


def adversarial_accuracy(answers: Sequence[np.ndarray], count: int, seed: int) -> Estimates:
    """`nnaa_train`, `nnaa_test` and `privacy_loss` (Yale 2020; Yelmen 2021, PLoS Genet 17:e1009303).

    `answers` are four arrays float64 (k,), computed by `further` for equal numbers of members, synthetic
    individuals and non-members: members compared with synthetic individuals, synthetic individuals
    compared with members, and the same two comparisons for non-members instead of members.

    AA_TS is the accuracy of distinguishing two sets of equal size by whether the nearest neighbour of an
    individual is in the same set. It is the mean over both sets of the share of individuals that are
    further from the other set than from their own set. The ideal value is 0.5. Ties count half, so that
    the ideal value does not depend on the number of variants. The privacy loss is AA_TS of non-members
    minus AA_TS of members. The intervals assume independent individuals. Because individuals share
    neighbours, the coverage of a 95 % interval is nearer to 90 %.
    """
    member, from_member, non_member, from_non_member = answers

    def share(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
        total = weights.sum(axis=1)
        return weights @ values / np.where(total > 0, total, np.nan)

    def statistic(members: np.ndarray, synthetic: np.ndarray, non_members: np.ndarray) -> Resamples:
        train = (share(member, members) + share(from_member, synthetic)) / 2
        test = (share(non_member, non_members) + share(from_non_member, synthetic)) / 2
        estimates = {"nnaa_train": train, "nnaa_test": test, "privacy_loss": test - train}
        return {(name, "all"): values for name, values in estimates.items()}

    return bootstrap(statistic, [(len(member), seed + i) for i in range(3)], count)
