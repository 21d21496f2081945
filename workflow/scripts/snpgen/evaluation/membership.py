"""The individuals whose membership is attacked, and values that do not depend on a release."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from snpgen.evaluation.attacks import choose_kernel
from snpgen.evaluation.cohorts import Cohort, fill_rounded, score_in_parts
from snpgen.evaluation.neighbours import Neighbours, compare_samples, stack
from snpgen.genetics.packed import pack_planes

RARE = "top_tenth_rare"  # stratum: the tenth of members, and of non-members, with most rare alleles
RARE_MAF = 0.05
_MAX_EQUAL = 20_000  # individuals of each set in `adversarial_accuracy`
Pair = tuple[np.ndarray, np.ndarray]  # of members, of non-members


@dataclass(frozen=True)
class Targets:
    """The individuals whose membership is attacked, and values shared by all releases.

    `members` are in the training set and `non_members` are not. `reference` individuals are in neither set;
    their genotypes are known to the attacker. Pairs hold members, then non-members. `order` is a permutation
    of the members. `planes` holds packed genotypes of three sets: the first members in `order`, as many as
    there are non-members; the remaining members; the non-members. `rare` are masks of the `RARE` tenth.
    `kernel` is the kernel by distance. `reference_density` is the density of reference individuals at each
    target, NaN if there are none. `real` is the comparison of non-members with members. `equal` holds packed
    genotypes of equal numbers of members and non-members for `adversarial_accuracy`, and `within` holds their
    distances to the nearest individual of the same set.
    """

    members: Cohort
    non_members: Cohort
    reference: Cohort
    frequency: np.ndarray
    order: np.ndarray
    rare: Pair
    planes: tuple[np.ndarray, np.ndarray, np.ndarray]
    kernel: np.ndarray | None
    reference_density: Pair
    real: Neighbours
    equal: tuple[np.ndarray, np.ndarray]
    within: Pair

    @property
    def sizes(self) -> Counter:
        """Number of targets by stratum."""
        rare = Counter({RARE: sum(int(side.sum()) for side in self.rare)})
        return Counter(self.members.sizes) + Counter(self.non_members.sizes) + rare


def prepare(
    members: Cohort,
    non_members: Cohort,
    reference: Cohort,
    frequency: np.ndarray,
    size: int,
    seed: int,
    threads: int = 1,
) -> Targets:
    """Compute `Targets` once for all releases.

    Missing calls are set to 2p, rounded, where p are the training frequencies `frequency` (m,). `size`
    limits the numbers of individuals in `equal`, which are at most `_MAX_EQUAL`; it must not exceed the size of
    any release.
    """
    reference_dosages = fill_rounded(reference.dosages, frequency)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(members))
    subset, remainder = np.split(pack(members, frequency)[order], [len(non_members)])
    planes = subset, remainder, pack(non_members, frequency)
    size = min(size, len(subset), len(non_members), _MAX_EQUAL)
    kernel, reference_planes = choose_kernel(reference_dosages), pack_planes(reference_dosages)
    compared = [compare_samples(side, reference_planes, kernel, threads) for side in planes]
    real = [compare_samples(side, planes[2], None, threads) for side in planes[:2]]
    equal = planes[0][:size], planes[2][rng.permutation(len(non_members))[:size]]
    within = [compare_samples(side, side, None, threads, same=True).nearest[:, 0] for side in equal]
    return Targets(
        members,
        non_members,
        reference,
        frequency,
        order,
        (rare_tenth(members.dosages, frequency), rare_tenth(non_members.dosages, frequency)),
        planes,
        kernel,
        (restore_order(stack(compared[:2]).density, order), compared[2].density),
        stack(real),
        equal,
        (within[0], within[1]),
    )


def pack(cohort: Cohort, frequency: np.ndarray) -> np.ndarray:
    """Packed genotypes (`pack_planes`), with missing calls as in `prepare`."""
    return pack_planes(fill_rounded(cohort.dosages, frequency))


def restore_order(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Restore the original order of values (n, ...) of individuals in `order`."""
    out = np.empty_like(values)
    out[order] = values
    return out


def rare_tenth(dosages: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """Mask bool (n,) of the tenth of individuals with most alleles of a MAF below `RARE_MAF`.

    Missing calls of `dosages` int8 (n, m) are filled as in `prepare`; `frequency` (m,) is the training frequency. The
    mask is False for all individuals if no variant is rare.
    """
    maf = np.minimum(frequency, 1 - frequency)
    rare = np.flatnonzero(maf < RARE_MAF)
    chosen = np.zeros(len(dosages), bool)
    if len(rare):
        own = frequency[rare]

        def count_minor(part: np.ndarray) -> np.ndarray:
            filled = fill_rounded(part[:, rare], own)
            return np.where(own < 0.5, filled, 2 - filled).sum(axis=1)

        carried = score_in_parts(count_minor, dosages)
        chosen[np.argsort(-carried, kind="stable")[: -(-len(dosages) // 10)]] = True
    return chosen
