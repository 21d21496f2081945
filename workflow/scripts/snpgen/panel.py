"""The panel's genotypes: the one table of people that generator and evaluation read."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Panel:
    """Genotypes of everybody in the split, on the panel's variants in genomic order.

    `dosages` int8 (n, m) counts the effect allele, `MISSING` where not called; `iid` (n,) str;
    `split` (n,) str of train, validation, test; `phenotype` (n,) int8 of 0 (control), 1 (case).
    """

    dosages: np.ndarray
    iid: np.ndarray
    split: np.ndarray
    phenotype: np.ndarray

    def of(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """Dosages (n_split, m) and phenotypes (n_split,) of the people in `split`."""
        rows = self.split == split
        return self.dosages[rows], self.phenotype[rows]

    def save(self, path: str) -> None:
        """Write as an uncompressed `.npz` without pickled objects."""
        with Path(path).open("wb") as file:  # np.savez would add .npz to any other ending
            np.savez(
                file,
                dosages=self.dosages,
                iid=self.iid.astype(np.str_),
                split=self.split.astype(np.str_),
                phenotype=self.phenotype,
            )


def load_panel(path: str) -> Panel:
    """Read what `Panel.save` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        return Panel(**{name: arrays[name] for name in arrays.files})


def read_variants(path: str) -> pd.DataFrame:
    """The table `panel/variants.tsv`, in genomic order; ids, chromosomes and alleles as strings."""
    text = ["chromosome", "variant_id", "effect_allele", "other_allele"]
    return pd.read_csv(path, sep="\t", dtype=dict.fromkeys(text, str), keep_default_na=False)
