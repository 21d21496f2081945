"""Sample IDs: family and individual ID (FID, IID), as in PLINK. Samples are matched by IID."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class SampleIds:
    """FID and IID of samples, str (n,) each. IIDs are unique in a fileset; FIDs need not be."""

    fid: np.ndarray
    iid: np.ndarray

    @classmethod
    def of(cls, table: pd.DataFrame) -> Self:
        """The IDs of a table with the columns FID and IID."""
        return cls(table.FID.to_numpy(), table.IID.to_numpy())

    def rows(self, iids: Iterable[str]) -> np.ndarray:
        """Row of each of `iids`, int64; -1 if an IID is not among these samples."""
        return pd.Index(self.iid).get_indexer(pd.Index(iids))

    def same(self, other: "SampleIds") -> bool:
        """Whether `other` lists the same IIDs in the same order."""
        return np.array_equal(self.iid, other.iid)

    def duplicates(self) -> np.ndarray:
        """Rows whose IID occurs in an earlier row, int64."""
        return np.flatnonzero(pd.Index(self.iid).duplicated())

    def write_keep(self, path: str | Path) -> None:
        """Write a file for PLINK's --keep, tab-separated with the header #FID IID."""
        table = pd.DataFrame({"#FID": self.fid, "IID": self.iid})
        table.to_csv(path, sep="\t", index=False)
