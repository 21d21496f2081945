"""One split of the cohort for all phenotypes: relatives in the same set, classes in proportion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from snpgen.cohort.phenotype import describe_losses
from snpgen.io.cells import interpret
from snpgen.io.matching import MIN_MATCHED, Match, match_samples
from snpgen.io.panel import OTHER
from snpgen.io.sample_tables import read_table
from snpgen.io.samples import are_joined
from snpgen.io.tables import missing_column
from snpgen.job import log
from snpgen.messages import Code, InputError

SPLITS = ["train", "validation", "test"]
MIN_TRAINING = 50  # training individuals needed in each class and ancestry group
THIRD_DEGREE = 0.0442  # kinship, 2^-4.5 (Manichaikul et al. 2010)

_LARGEST_SHARE = 0.5  # largest size of a family, relative to the smallest set
# Smallest number of interchangeable individuals that are divided among the sets in proportion. Smaller numbers
# are common with many phenotypes, and would be rounded in favour of one set.
_MIN_DIVIDED = 30


@dataclass(frozen=True)
class Families:
    """`family` int (n,): family of each individual. Pairs with a kinship >= `cut` share a family."""

    family: np.ndarray
    cut: float


def _pairs_of(kinship: pd.DataFrame, iid: pd.Index) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of both individuals, and the kinship, of each pair with both individuals in `iid`."""
    first = iid.get_indexer(pd.Index(kinship.IID1))
    second = iid.get_indexer(pd.Index(kinship.IID2))
    both = (first >= 0) & (second >= 0) & (first != second)
    return first[both], second[both], kinship.kinship.to_numpy(float)[both]


def find_families(
    kinship: pd.DataFrame, iid: np.ndarray, max_kinship: float, max_size: int
) -> Families:
    """Families: connected components of the graph of pairs with a kinship of at least `max_kinship`.

    If a family has more than `max_size` individuals, the threshold is raised to the smallest value at
    which no family exceeds this size. `cut` of the result is the threshold that was used. The result does
    not depend on the order of the pairs.
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
    # Bisection for the smallest cut at which all families fit. At each step, they fit at cuts[high] (without
    # pairs if high is len(cuts)), but not at cuts[low - 1].
    cuts = np.unique(value[value >= max_kinship])
    low, high = 0, len(cuts)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(cuts[middle]) else (middle + 1, high)
    cut = float(cuts[low]) if low < len(cuts) else float(np.nextafter(cuts[-1], np.inf))
    log.info(
        "pairs with a kinship coefficient of at least %.4f connect %d individuals into one "
        "family, which is too large for one split; the kinship threshold is raised to %.4f",
        max_kinship,
        np.bincount(join(max_kinship)).max(),
        cut,
    )
    return Families(join(cut), cut)


def largest_family(kinship: pd.DataFrame, iid: np.ndarray) -> int:
    """Size of the largest family of relatives of the third degree or closer."""
    families = find_families(kinship, iid, THIRD_DEGREE, max_size=len(iid))
    return int(np.bincount(families.family).max())


def _share_out(total: int, fractions: np.ndarray) -> np.ndarray:
    """Divide `total` into integers in proportion to `fractions` (largest remainder method)."""
    exact = total * fractions / fractions.sum()
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: total - counts.sum()]] += 1
    return counts


def place_families(
    family: np.ndarray, labels: np.ndarray, fractions: Sequence[float], seed: int
) -> np.ndarray:
    """Assign families to sets; returns the set of each individual, int (n,) from 0 to len(fractions) - 1.

    `family` (n,) holds family numbers, `labels` (n, phenotypes) the class numbers from 0 in each phenotype,
    -1 for an individual that is not in a phenotype. Individuals in the same class of each phenotype are
    interchangeable: they form a cell. Families of two or more individuals are assigned first, the largest first
    and in random order within a size, then individuals without relatives in small cells. Each is assigned to the
    set where it most reduces sum (target - count)^2 / target over the classes of all phenotypes. The individuals
    in large cells then fill each set to its target in each class, class by class, the rarest first.
    """
    rng = np.random.default_rng(seed)
    shares = np.asarray(fractions, dtype=float)
    offsets = np.cumsum([0, *labels.max(axis=0)[:-1] + 1])
    classes = np.where(
        labels < 0, -1, labels + offsets
    )  # (n, phenotypes), numbered over phenotypes
    sizes = np.bincount(classes[classes >= 0])
    target = np.array([_share_out(size, shares) for size in sizes])  # (classes, sets)
    weight = 1 / np.maximum(target, 1)
    split = np.full(len(family), -1)

    # Families are numbered by their first individual, so that the order of the pairs has no effect.
    _, first, number_of = np.unique(family, return_index=True, return_inverse=True)
    number_of = np.argsort(np.argsort(first))[number_of]
    by_family = np.argsort(number_of, kind="stable")
    size = np.bincount(number_of)
    ends = np.cumsum(size)
    order = rng.permutation(len(size))

    single = np.flatnonzero(size[number_of] == 1)
    cells, cell_of = np.unique(classes[single], axis=0, return_inverse=True)
    cell_of = cell_of.reshape(-1)  # numpy 2.0 returns another shape
    is_divided = np.zeros(len(size), bool)  # families: of one individual in a large cell
    is_divided[number_of[single]] = (np.bincount(cell_of) >= _MIN_DIVIDED)[cell_of]

    left = target.astype(float)
    for number in order[np.argsort(-size[order], kind="stable")]:
        if is_divided[number]:
            continue
        individuals = by_family[ends[number] - size[number] : ends[number]]
        own = classes[individuals]
        count = np.bincount(own[own >= 0], minlength=len(sizes))[:, None]
        chosen = int(np.argmin(((count**2 - 2 * count * left) * weight).sum(axis=0)))
        split[individuals] = chosen
        left[:, chosen] -= count[:, 0]

    # The cells of a class fill its room, the last of them exactly, so that the rarest class is met first.
    members = [rng.permutation(single[cell_of == cell]) for cell in range(len(cells))]
    by_size = np.argsort([-len(one) for one in members], kind="stable")
    for y in np.argsort(sizes, kind="stable"):
        for cell in by_size:
            if y not in cells[cell] or split[members[cell][0]] >= 0:
                continue
            room = np.maximum(left[y], 0)
            counts = _share_out(len(members[cell]), room if room.sum() else shares)
            split[members[cell]] = np.repeat(np.arange(len(shares)), counts)
            left[cells[cell][cells[cell] >= 0]] -= counts
    return split


def read_split(
    path: str, samples: pd.DataFrame, min_matched: float = MIN_MATCHED
) -> tuple[pd.Series, Match]:
    """The set of each of `samples` (FID, IID) in a user's table, NaN if it is not listed; and the match.

    Raises `InputError` if the table lacks the column split, has values other than train, validation and
    test, or if its IDs do not match (`match_samples`).
    """
    table = read_table(path, are_joined(samples.IID))
    if "split" not in table:
        raise missing_column(path, "split", table.columns.tolist())
    table["split"] = interpret(table.split, "split")
    wrong = table[table.split.notna() & ~table.split.isin(SPLITS)]
    if len(wrong):
        raise InputError(
            Code.INVALID_VALUE,
            f"'split' is {wrong.split.iloc[0]} for sample {wrong.IID.iloc[0]}",
            "Write train, validation or test",
            file=path,
            line=wrong.index[0],
            sample=wrong.IID.iloc[0],
        )
    who = "individuals with a phenotype"
    match = match_samples(path, "split table", table.IID, samples, min_matched, who)
    return samples.IID.map(table.set_index("IID").split), match


def split_cohort(
    iid: pd.Series,
    phenotypes: Sequence[pd.DataFrame],
    kinship: pd.DataFrame,
    fractions: Mapping[str, float],
    max_kinship: float,
    seed: int,
) -> tuple[np.ndarray, Families]:
    """Split the individuals `iid` into sets; all individuals of a family are in the same set.

    Each of `phenotypes` has the IIDs of its individuals, phenotype and, if there are classes, class; each of
    `iid` is in at least one of them. Every class of every phenotype is split in proportion. `fractions` are
    the sizes by set; `max_kinship` as in `find_families`. Returns the name of the set of each individual, and
    the families.
    """
    smallest = min(fractions[name] for name in SPLITS) * len(iid)
    max_size = max(1, int(_LARGEST_SHARE * smallest))
    families = find_families(kinship, iid.to_numpy(), max_kinship, max_size)
    labels = np.column_stack([_number_classes(one, iid) for one in phenotypes])
    shares = [fractions[name] for name in SPLITS]
    return np.array(SPLITS)[place_families(families.family, labels, shares, seed)], families


def _number_classes(samples: pd.DataFrame, iid: pd.Series) -> np.ndarray:
    """Class number of each of `iid`, -1 without a phenotype, int (n,)."""
    label = samples["class" if "class" in samples else "phenotype"]
    numbers = pd.Series(pd.factorize(label, sort=True)[0], samples.IID)
    return numbers.reindex(iid, fill_value=-1).to_numpy()


def count_classes(samples: pd.DataFrame, classes: Sequence[str] = ()) -> dict[str, int]:
    """Number of `samples` (phenotype, and class if there are `classes`) in each class, by name."""
    counts = {
        "controls": int((samples.phenotype == 0).sum()),
        "cases": int((samples.phenotype == 1).sum()),
    }
    return counts | {
        f"individuals of class {name}": (samples["class"] == name).sum() for name in classes
    }


def check_numbers(samples: pd.DataFrame, funnel: pd.DataFrame, classes: Sequence[str] = ()) -> None:
    """Raise `InputError` if `samples` are too few for the training set, before kinship is computed.

    `funnel` is that of `check_phenotype`, for the message.
    """
    for who, number in count_classes(samples, classes).items():
        if number < MIN_TRAINING:
            raise InputError(
                Code.TOO_FEW_SAMPLES,
                f"Only {number} {who} have a phenotype and all covariates, but the training set alone "
                f"needs {MIN_TRAINING}. {describe_losses(funnel)}",
                "Add individuals, or correct 'column', 'coding', 'covariates' or 'include'",
            )


def check_split(
    samples: pd.DataFrame, classes: Sequence[str] = (), file: str = "", min_cell: int = 0
) -> None:
    """Raise `InputError` if a set has no individuals of a class, or the training set too few.

    `samples` has split, phenotype and, if there are `classes`, class; `file` is split.file, or "". The training
    set needs `MIN_TRAINING` individuals of each class, and at least `min_cell` (release.min_cell; 0 for an external
    cohort), because no synthetic individuals are generated for smaller numbers.
    """
    key, remedy = "", "Add individuals, or increase 'split.train'"
    if file:
        key, remedy = "split.file", "Correct the sets in this file"
    for name in SPLITS:
        if not (samples.split == name).any():
            raise InputError(
                Code.EMPTY_SPLIT,
                f"the {'training' if name == 'train' else name} set has no individuals",
                remedy if file else f"Correct 'split.{name}'",
                file=file or None,
                key=key or f"split.{name}",
            )
    training, needed = samples[samples.split == "train"], max(MIN_TRAINING, min_cell)
    for who, number in count_classes(training, classes).items():
        if number < needed:
            by_cell = number >= MIN_TRAINING
            raise InputError(
                Code.TOO_FEW_SAMPLES,
                f"The training set has {number} {who}, but needs {needed}",
                "Reduce 'release.min_cell', or add individuals" if by_cell else remedy,
                file=None if by_cell else file or None,
                key="release.min_cell" if by_cell else key or None,
            )
    for name in ("validation", "test"):
        for who, number in count_classes(samples[samples.split == name], classes).items():
            if number == 0:
                raise InputError(
                    Code.TOO_FEW_SAMPLES,
                    f"The {name} set has no {who}",
                    remedy if file else f"Increase 'split.{name}', or add individuals",
                    file=file or None,
                    key=key or f"split.{name}",
                )


def join_small_groups(samples: pd.DataFrame) -> pd.Series:
    """Replace groups with few training individuals by `OTHER`; `samples` has group and split.

    Otherwise the synthetic data of a group could be based on only a few individuals.
    """
    counts = samples.group[samples.split == "train"].value_counts()
    kept = counts.index[counts >= MIN_TRAINING]
    small = sorted(set(samples.group) - {*kept, OTHER})
    if small:
        log.info(
            "groups with fewer than %d training individuals, combined into one: %s",
            MIN_TRAINING,
            ", ".join(small),
        )
    return samples.group.where(samples.group.isin(kept), OTHER)


def summarise_families(
    cut: float | None,
    largest: int | None,
    max_kinship: float,
    estimate: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The content of `results/cohort/split.json`: the kinship cut and the largest family.

    `cut` is that of the families that are in the same set, None for a split of the user, which can divide
    families. `largest` is the size of the largest family (`largest_family`), None if kinship is not known.
    `estimate` is the summary of `find_relatives` if kinship was estimated; it has no pairs below its
    `min_kinship`.
    """
    if estimate and estimate["min_kinship"] is None:
        cut = largest = None
    if cut is not None and estimate:
        cut = max(cut, estimate["min_kinship"])
    return {
        "max_kinship_asked": max_kinship,
        "kinship_cut": cut,
        "largest_family": largest,
        "kinship_estimate": estimate,
    }


def count_related_across(samples: pd.DataFrame, kinship: pd.DataFrame) -> int:
    """Number of pairs of a training individual and another one of `samples` (IID, split) who are related.

    Relatives are of the third degree or closer. There is a warning if the number is not 0.
    """
    first, second, value = _pairs_of(kinship, pd.Index(samples.IID))
    train = (samples.split == "train").to_numpy()
    number = int(((train[first] != train[second]) & (value >= THIRD_DEGREE)).sum())
    if number:
        log.warning(
            "%d pairs of relatives of the third degree or closer are divided between the training set and "
            "another set; estimates of utility and privacy may be biased",
            number,
        )
    return number


def summarise_split(
    samples: pd.DataFrame, kinship: pd.DataFrame, families: Mapping[str, Any]
) -> dict[str, Any]:
    """The content of a phenotype's `split.json`: counts per set and class, and remaining relatives.

    `samples` has IID, phenotype, split, and class if there are classes; `families` is the result of
    `summarise_families`, which is part of this summary. `related_pairs_across` is the number of pairs of a
    training individual and a validation or test individual who are relatives of the third degree or closer, and
    `max_kinship_across` the largest kinship coefficient of such a pair. `training_related` is the proportion of
    training individuals with a relative of the third degree or closer in the training set. Both numbers are None
    if kinship is not known.
    """
    is_known = families["largest_family"] is not None
    first, second, value = _pairs_of(kinship, pd.Index(samples.IID))
    train = (samples.split == "train").to_numpy()
    across = value[train[first] != train[second]]
    related_across = count_related_across(samples, kinship)
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
        "max_kinship_asked": families["max_kinship_asked"],
        "kinship_cut": families["kinship_cut"],
        "largest_family": families["largest_family"],
        "related_pairs_across": related_across if is_known else None,
        "max_kinship_across": float(across.max()) if len(across) else None,
        "training_related": float(len(related) / train.sum()) if is_known else None,
        "kinship_estimate": families["kinship_estimate"],
        "splits": counts,
    }
