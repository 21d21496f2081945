"""The panel: genotypes, split and phenotypes, which the generator and the evaluation read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from snpgen.io.tables import read_own_table

OTHER = "other"  # the group that replaces all groups too small for training


@dataclass(frozen=True)
class Panel:
    """Genotypes of all samples of the split at the panel's variants, in genomic order.

    `dosages` int8 (n, m) counts the effect allele, `MISSING` if not called. It is read-only and mapped into memory
    if the panel was read from a file. `iid` str (n,); `split` str (n,) is train, validation or test; `phenotype`
    int8 (n,) is 0 (control) or 1 (case).

    `label` float64 (n,) is the index of the sample's class in `classes` (K names), or the value of a
    quantitative trait; `classes` is then empty. `sex` int8 (n,) is 1 (male), 2 (female) or 0 (unknown). If
    sex is not a condition, it is 0; if the group is not a condition, `group` str (n,) is "". By default, the
    label is the phenotype, sex is unknown and there is no group.
    """

    dosages: np.ndarray
    iid: np.ndarray
    split: np.ndarray
    phenotype: np.ndarray
    label: np.ndarray = None  # type: ignore[assignment] # set in __post_init__
    sex: np.ndarray = None  # type: ignore[assignment]
    group: np.ndarray = None  # type: ignore[assignment]
    classes: tuple[str, ...] = ("control", "case")

    def __post_init__(self) -> None:
        """Set the defaults of the arrays."""
        n = len(self.phenotype)
        absent = {
            "label": self.phenotype.astype(np.float64),
            "sex": np.zeros(n, np.int8),
            "group": np.full(n, "", np.str_),
        }
        for name, array in absent.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, array)

    def of(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """Dosages (n_split, m) and phenotypes (n_split,) of the samples in `split`."""
        rows = self.split == split
        return self.dosages[rows], self.phenotype[rows]

    def samples(self, split: str) -> pd.DataFrame:
        """Table of label, sex, group and phenotype of the samples in `split`, in the order of `of`."""
        table = {name: getattr(self, name) for name in ("label", "sex", "group", "phenotype")}
        return pd.DataFrame(table)[self.split == split].reset_index(drop=True)

    def save(self, path: str) -> None:
        """Write the dosages to `dosages_path`, and all else to an uncompressed `.npz` without pickled objects."""
        np.save(dosages_path(path), np.ascontiguousarray(self.dosages), allow_pickle=False)
        with Path(path).open("wb") as file:  # np.savez appends .npz to other names
            np.savez(
                file,
                iid=self.iid.astype(np.str_),
                split=self.split.astype(np.str_),
                phenotype=self.phenotype,
                label=self.label,
                sex=self.sex,
                group=self.group.astype(np.str_),
                classes=np.array(self.classes, dtype=np.str_),
            )


def dosages_path(path: str | Path) -> Path:
    """Path of the dosages of a panel that is saved as `path`. A `.npy` can be mapped into memory."""
    return Path(path).with_suffix(".npy")


def thin(array: np.ndarray, most: int) -> np.ndarray:
    """At most `most` rows of the array, evenly spaced."""
    return array[:: max(1, -(-len(array) // most))]


def make_panel(dosages: np.ndarray, split: pd.DataFrame, classes: Sequence[str]) -> Panel:
    """Combine `dosages` and `split` (`split.tsv`) into a panel; both list the samples in the same order.

    `split` has the columns IID, split and phenotype. If the label is not the phenotype, it has value (of a
    quantitative trait) or class (a name). It has sex and group if these are conditions. `classes` as in
    `Panel`.
    """
    label = split.get("value", split.phenotype)
    if "class" in split:
        label = split["class"].map({name: index for index, name in enumerate(classes)})
    kinds: dict[str, type] = {"sex": np.int8, "group": np.str_}
    conditions = {name: split[name].to_numpy(kinds[name]) for name in kinds if name in split}
    return Panel(
        dosages,
        split.IID.to_numpy(str),
        split.split.to_numpy(str),
        split.phenotype.to_numpy(np.int8),
        label.to_numpy(np.float64),
        classes=tuple(classes),
        **conditions,
    )


def load_panel(path: str) -> Panel:
    """Read a panel that `Panel.save` wrote. The dosages are read from the file only where they are used."""
    with np.load(path, allow_pickle=False) as arrays:
        columns = {name: arrays[name] for name in arrays.files}
    file = dosages_path(path)
    dosages = np.asarray(np.load(file, mmap_mode="r", allow_pickle=False))
    return Panel(dosages, **columns | {"classes": tuple(columns["classes"].tolist())})


def read_samples(path: str) -> pd.DataFrame:
    """Read a table of samples such as `split.tsv`; IID, split, class and group are strings."""
    table = read_own_table(path, ["IID", "split", "class", "group"])
    return table.drop(columns="FID", errors="ignore")  # all other columns are values


def read_variants(path: str) -> pd.DataFrame:
    """Read `panel/variants.tsv`, in genomic order; IDs, chromosomes and alleles are strings."""
    text = ["chromosome", "variant_id", "effect_allele", "other_allele"]
    return read_own_table(path, text, missing=())
