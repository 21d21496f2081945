"""Whose membership is attacked, and all that can be known of them before anything is released."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from snpgen.evaluation.attacks import choose_kernel
from snpgen.evaluation.cohorts import Cohort, fill_rounded
from snpgen.evaluation.neighbours import Neighbours, compare_samples, stack
from snpgen.genetics.packed import pack_planes

RARE = "top_tenth_rare"  # stratum: the tenth of members, and of non-members, with most rare alleles
RARE_MAF = 0.05
Sides = tuple[np.ndarray, np.ndarray]  # of members, of non-members


@dataclass(frozen=True)
class Attacked:
    """Whose membership is attacked, and all that is known of them before anything is released.

    `members` gave gradients, `others` never; `reference` people, neither, are the attacker's own.
    `filled` int8 are the dosages of both sides without missing calls; `some` members, as many as there
    are others, and the `rest`; `rare` the top tenth of both sides as masks, or nobody. `codes` of
    some, rest and others; `kernel` by distance and `known`, the density of reference people at both
    sides, NaN where there are none. `real`: others compared with members. `equal` are as many members
    as others for the nearest-neighbour adversary, `own` their distances to the nearest of their own.
    """

    members: Cohort
    others: Cohort
    reference: Cohort
    filled: Sides
    frequency: np.ndarray
    some: np.ndarray
    rest: np.ndarray
    rare: Sides
    codes: tuple[np.ndarray, np.ndarray, np.ndarray]
    kernel: np.ndarray | None
    known: Sides
    real: Neighbours
    equal: tuple[np.ndarray, np.ndarray]
    own: Sides

    @property
    def sizes(self) -> Counter:
        """People attacked by stratum."""
        rare = Counter({RARE: sum(int(side.sum()) for side in self.rare)})
        return Counter(self.members.sizes) + Counter(self.others.sizes) + rare


def prepare(
    members: Cohort,
    others: Cohort,
    reference: Cohort,
    frequency: np.ndarray,
    size: int,
    seed: int,
    threads: int = 1,
) -> Attacked:
    """What all releases share.

    Missing calls take 2p of `frequency` (m,), the training frequencies, rounded. `size` is at most
    the number of people in any release.
    """
    theirs, remaining_samples, known = (
        fill_rounded(side.dosages, frequency) for side in (members, others, reference)
    )
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(members))
    some, rest = order[: len(others)], order[len(others) :]
    codes = pack_planes(theirs[some]), pack_planes(theirs[rest]), pack_planes(remaining_samples)
    size = min(size, len(some), len(others))
    kernel, reference_codes = choose_kernel(known), pack_planes(known)
    near = [compare_samples(side, reference_codes, kernel, threads) for side in codes]
    real = [compare_samples(side, codes[2], None, threads) for side in codes[:2]]
    equal = codes[0][:size], codes[2][rng.permutation(len(others))[:size]]
    own = [compare_samples(side, side, None, threads, same=True).nearest[:, 0] for side in equal]
    return Attacked(
        members,
        others,
        reference,
        (theirs, remaining_samples),
        frequency,
        some,
        rest,
        (rare_tenth(theirs, frequency), rare_tenth(remaining_samples, frequency)),
        codes,
        kernel,
        (restore_order(stack(near[:2]).density, order), near[2].density),
        stack(real),
        equal,
        (own[0], own[1]),
    )


def restore_order(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Values (n, ...) of people in `order`, back in their own."""
    out = np.empty_like(values)
    out[order] = values
    return out


def rare_tenth(dosages: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """Mask bool (n,) of the tenth of people with most alleles of a MAF below `RARE_MAF`.

    Dosages int8 (n, m) without missing calls; `frequency` (m,) is that of training people. Nobody
    where no SNP is rare.
    """
    maf = np.minimum(frequency, 1 - frequency)
    rare = np.flatnonzero(maf < RARE_MAF)
    chosen = np.zeros(len(dosages), bool)
    if len(rare):
        minor = np.where(frequency[rare] < 0.5, dosages[:, rare], 2 - dosages[:, rare])
        carried = minor.sum(axis=1)
        chosen[np.argsort(-carried, kind="stable")[: -(-len(dosages) // 10)]] = True
    return chosen
