"""Training, validation and test people: families on one side, classes in proportion."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from snpgen.io.panel import OTHER
from snpgen.io.sample_tables import read_table
from snpgen.job import log
from snpgen.messages import InputError

SPLITS = ["train", "validation", "test"]
MIN_TRAINING = 50  # of each class, and of a group that has a name
THIRD_DEGREE = 0.0442  # kinship, 2^-4.5 (Manichaikul et al. 2010)

_LARGEST_SHARE = 0.5  # of the smallest split that one family may fill


@dataclass(frozen=True)
class Families:
    """`family` int (n_people,) numbers families; they were linked by kinship of at least `cut`."""

    family: np.ndarray
    cut: float


def _pairs_of(kinship: pd.DataFrame, iid: pd.Index) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of both people and the kinship of the pairs whose people are both in `iid`."""
    first = iid.get_indexer(pd.Index(kinship.IID1))
    second = iid.get_indexer(pd.Index(kinship.IID2))
    both = (first >= 0) & (second >= 0) & (first != second)
    if len(kinship) and (first < 0).all() and (second < 0).all():
        log.warning("nobody of the kinship table is among the people: all count as unrelated")
    return first[both], second[both], kinship.kinship.to_numpy(float)[both]


def find_families(
    kinship: pd.DataFrame, iid: np.ndarray, max_kinship: float, max_size: int
) -> Families:
    """Families: people joined, directly or through others, by pairs of at least `max_kinship`.

    Where the largest family has more than `max_size` people, the cut is raised to the smallest
    kinship at which none has. The order of the pairs does not matter.
    """
    first, second, value = _pairs_of(kinship, pd.Index(iid))

    def join(cut: float) -> np.ndarray:
        near = value >= cut
        graph = coo_array((np.ones(near.sum()), (first[near], second[near])), shape=(len(iid),) * 2)
        return connected_components(graph, directed=False)[1]

    def fits(cut: float) -> bool:
        return bool(np.bincount(join(cut)).max() <= max_size)

    if fits(max_kinship):
        return Families(join(max_kinship), max_kinship)
    cuts = np.unique(value[value >= max_kinship])
    low, high = 0, len(cuts)  # cuts[high] fits (beyond the last, all are alone), cuts[low - 1] not
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(cuts[middle]) else (middle + 1, high)
    cut = float(cuts[low]) if low < len(cuts) else float(np.nextafter(cuts[-1], np.inf))
    log.info(
        "pairs of kinship %.4f and more link %d people, too many for one split: cut raised to %.4f",
        max_kinship,
        np.bincount(join(max_kinship)).max(),
        cut,
    )
    return Families(join(cut), cut)


def _share_out(total: int, fractions: np.ndarray) -> np.ndarray:
    """`total` people in proportion to `fractions`, whole numbers (largest remainders first)."""
    exact = total * fractions / fractions.sum()
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: total - counts.sum()]] += 1
    return counts


def place_families(
    family: np.ndarray, label: np.ndarray, fractions: Sequence[float], seed: int
) -> np.ndarray:
    """Split of each person, int (n_people,) of 0..len(fractions) - 1.

    `label` (n_people,) numbers the classes from 0. Families of two and more go first, the largest
    before the smaller and otherwise at random, each to the split where it most lowers
    sum (wanted - there)^2 / wanted over the classes. People on their own then fill every split to
    its number in each class.
    """
    rng = np.random.default_rng(seed)
    shares = np.asarray(fractions, dtype=float)
    sizes = np.bincount(label)
    wanted = np.array([_share_out(size, shares) for size in sizes])  # (classes, splits)
    weight = 1 / np.maximum(wanted, 1)
    split = np.full(len(family), -1)

    # Numbered by their first member, so that the order of the pairs cannot matter.
    _, first, number_of = np.unique(family, return_index=True, return_inverse=True)
    number_of = np.argsort(np.argsort(first))[number_of]
    members = np.argsort(number_of, kind="stable")
    size = np.bincount(number_of)
    ends = np.cumsum(size)
    order = rng.permutation(len(size))
    left = wanted.astype(float)
    for number in order[np.argsort(-size[order], kind="stable")]:
        if size[number] == 1:
            break
        individuals = members[ends[number] - size[number] : ends[number]]
        count = np.bincount(label[individuals], minlength=len(sizes))[:, None]
        chosen = int(np.argmin(((count**2 - 2 * count * left) * weight).sum(axis=0)))
        split[individuals] = chosen
        left[:, chosen] -= count[:, 0]

    for y in range(len(sizes)):
        alone = rng.permutation(np.flatnonzero((split < 0) & (label == y)))
        room = np.maximum(left[y], 0)
        counts = _share_out(len(alone), room if room.sum() else shares)
        split[alone] = np.repeat(np.arange(len(shares)), counts)
    return split


def read_split(path: str, iid: pd.Series) -> pd.Series:
    """The user's own split of each of `iid`, NaN for people whom the file does not place.

    Raises `InputError` on a table without IID and split, another name than train, validation, test,
    or nobody of `iid`.
    """
    table = read_table(path)
    if "split" not in table:
        raise InputError(f"{path} has no column split, but {', '.join(table.columns)}: add it")
    wrong = table[table.split.notna() & ~table.split.isin(SPLITS)]
    if len(wrong):
        raise InputError(
            f"{path}, line {wrong.index[0]}: split of {wrong.IID.iloc[0]} is {wrong.split.iloc[0]}: "
            "write train, validation or test"
        )
    if not iid.isin(table.IID).any():
        raise InputError(
            f"no IID of {path} ({', '.join(table.IID[:3])}) is among the people with a phenotype "
            f"({', '.join(iid[:3])}): make the ids of both the same"
        )
    return iid.map(table.set_index("IID").split)


def split_samples(
    samples: pd.DataFrame,
    kinship: pd.DataFrame,
    fractions: dict[str, float],
    max_kinship: float,
    seed: int,
) -> tuple[np.ndarray, Families]:
    """Name of the split of each row of `samples` (IID, phenotype, class if there are classes).

    The families that were kept whole come second.
    """
    smallest = min(fractions[name] for name in SPLITS) * len(samples)
    max_size = max(1, int(_LARGEST_SHARE * smallest))
    families = find_families(kinship, samples.IID.to_numpy(), max_kinship, max_size)
    label = samples["class" if "class" in samples else "phenotype"]
    placed = place_families(
        families.family,
        pd.factorize(label, sort=True)[0],
        [fractions[name] for name in SPLITS],
        seed,
    )
    return np.array(SPLITS)[placed], families


def count_classes(samples: pd.DataFrame, classes: Sequence[str] = ()) -> dict[str, int]:
    """How many of `samples` (phenotype, class if there are `classes`) are of each class, by its name."""
    counts = {
        "controls": int((samples.phenotype == 0).sum()),
        "cases": int((samples.phenotype == 1).sum()),
    }
    return counts | {
        f"people of class {name}": (samples["class"] == name).sum() for name in classes
    }


def check_numbers(samples: pd.DataFrame, classes: Sequence[str] = ()) -> None:
    """Raise `InputError` where all `samples` together are too few to train on.

    So that nobody waits for kinship before `check_split` says so.
    """
    for who, number in count_classes(samples, classes).items():
        if number < MIN_TRAINING:
            raise InputError(
                f"{number} {who} have everything that is asked for, too few to learn from: training "
                f"alone needs {MIN_TRAINING}, so give more people or correct column, coding, "
                "covariates or include"
            )


def check_split(samples: pd.DataFrame, classes: Sequence[str] = ()) -> None:
    """Raise `InputError` unless training has enough people of each class and no split is empty.

    `samples` has split, phenotype and, where there are `classes`, class.
    """
    for name in SPLITS:
        if not (samples.split == name).any():
            raise InputError(f"nobody is in {name}: correct split.{name} or split.file")
    training = samples[samples.split == "train"]
    for who, number in count_classes(training, classes).items():
        if number < MIN_TRAINING:
            raise InputError(
                f"training has {number} {who}, too few to learn from: {MIN_TRAINING} are needed, so "
                "give more people or a larger split.train"
            )


def join_small_groups(samples: pd.DataFrame) -> pd.Series:
    """The groups of `samples` (group, split), those of few training people joined to `OTHER`.

    So that what is generated for a group tells of many people, never of a few.
    """
    counts = samples.group[samples.split == "train"].value_counts()
    kept = counts.index[counts >= MIN_TRAINING]
    small = sorted(set(samples.group) - {*kept, OTHER})
    if small:
        log.info("groups of fewer than %d training people: %s", MIN_TRAINING, ", ".join(small))
    return samples.group.where(samples.group.isin(kept), OTHER)


def summarise_split(
    samples: pd.DataFrame, kinship: pd.DataFrame, max_kinship: float, families: Families | None
) -> dict:
    """What `split.json` holds: counts, the kinship at which families were cut, what is left across.

    `samples` has IID, phenotype, split. Pairs across are those of a training person with another.
    `training_related` is the share of training people who have a relative of third degree or closer
    in training, None where neither families nor pairs are known. The people of each class are
    counted where `samples` has a column class.
    """
    first, second, value = _pairs_of(kinship, pd.Index(samples.IID))
    train = (samples.split == "train").to_numpy()
    across = value[train[first] != train[second]]
    if families is None and (across >= max_kinship).any():
        log.warning(
            "related pairs on both sides of the given split: %d, so figures on test people and of "
            "privacy may be wrong",
            (across >= max_kinship).sum(),
        )
    near = train[first] & train[second] & (value >= THIRD_DEGREE)
    related = np.union1d(first[near], second[near])
    counts: dict[str, dict[str, Any]] = {}
    for name in SPLITS:
        own = samples[samples.split == name]
        counts[name] = {
            "samples": len(own),
            "cases": int((own.phenotype == 1).sum()),
            "controls": int((own.phenotype == 0).sum()),
        }
        if "class" in samples:
            counts[name]["classes"] = own["class"].value_counts(sort=False).to_dict()
    return {
        "max_kinship_asked": max_kinship,
        "kinship_cut": families.cut if families else None,
        "largest_family": int(np.bincount(families.family).max()) if families else None,
        "related_pairs_across": int((across >= max_kinship).sum()),
        "max_kinship_across": float(across.max()) if len(across) else None,
        "training_related": float(len(related) / train.sum()) if families or len(kinship) else None,
        "splits": counts,
    }
