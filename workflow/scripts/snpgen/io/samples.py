"""Sample IDs: family and individual ID (FID, IID), as in PLINK.

Samples are matched by one ID, the column IID of all tables in memory. If the IIDs of a fileset are unique,
this is the IID of its `.fam`. Otherwise it consists of FID and IID, joined by a blank, which cannot occur in
either. Files have the FID and the IID of PLINK in separate columns.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from snpgen.messages import Code, InputError

BLANK = " "
_FID = "#FID"  # marks tables of SNPgen whose samples are identified by FID and IID


def identify(samples: pd.DataFrame) -> pd.DataFrame:
    """`samples` (FID, IID) of a fileset; if its IIDs are not unique, the column IID holds FID and IID."""
    if not samples.IID.duplicated().any():
        return samples
    return samples.assign(IID=join_ids(samples.FID, samples.IID))


def join_ids(fid: pd.Series, iid: pd.Series) -> pd.Series:
    """FID and IID in one ID."""
    return fid + BLANK + iid


def are_joined(ids: Iterable[str]) -> bool:
    """Whether samples are identified by FID and IID, given IDs of the genotype files."""
    return any(BLANK in name for name in ids)


def plain_iids(ids: pd.Series) -> pd.Series:
    """The IIDs without the FIDs."""
    return ids.astype(str).str.split(BLANK).str[-1]


def join_fids(path: str, table: pd.DataFrame, fid: str = "FID", iid: str = "IID") -> pd.Series:
    """The IDs in the columns `fid` and `iid` of a user's table, for a cohort identified by both.

    Raises `InputError` if the table has no column `fid`.
    """
    if fid not in table:
        raise InputError(
            Code.MISSING_COLUMN,
            f"the table has no column {fid}. The IIDs in the .fam are not unique, so FID and IID together "
            "identify a sample",
            f"Add the column {fid}",
            file=path,
        )
    return join_ids(table[fid].str.strip(), table[iid].str.strip())


def for_file(table: pd.DataFrame) -> pd.DataFrame:
    """The `table` with joined IDs in separate columns, as it is written to a file."""
    for number in ("", "1", "2"):
        name = f"IID{number}"
        if name in table and are_joined(table[name]):
            fid = table[name].str.split(BLANK).str[0]
            place = list(table).index(name)
            table = table.assign(**{name: plain_iids(table[name])})
            table.insert(place, f"{_FID}{number}", fid)
            table = table.drop(columns="FID", errors="ignore")
    return table


def from_file(table: pd.DataFrame) -> pd.DataFrame:
    """The `table` of a file that `for_file` prepared, with joined IDs."""
    if _FID not in table:
        return table
    table = table.rename(columns={_FID: "FID"})
    return table.assign(IID=join_ids(table.FID, table.IID))


@dataclass(frozen=True)
class SampleIds:
    """FID and ID of samples, str (n,) each. IDs are unique in a fileset; FIDs need not be."""

    fid: np.ndarray
    iid: np.ndarray

    @classmethod
    def of(cls, table: pd.DataFrame) -> Self:
        """The IDs of a table with the columns FID and IID."""
        return cls(table.FID.to_numpy(), table.IID.to_numpy())

    def rows(self, iids: Iterable[str]) -> np.ndarray:
        """Row of each of `iids`, int64; -1 if an ID is not among these samples."""
        return pd.Index(self.iid).get_indexer(pd.Index(iids))

    def same(self, other: "SampleIds") -> bool:
        """Whether `other` lists the same IDs in the same order."""
        return np.array_equal(self.iid, other.iid)

    def duplicates(self) -> np.ndarray:
        """Rows whose ID occurs in an earlier row, int64."""
        return np.flatnonzero(pd.Index(self.iid).duplicated())

    def write_keep(self, path: str | Path) -> None:
        """Write a file for PLINK's --keep, tab-separated with the header #FID IID, readable by the owner only."""
        Path(path).touch(0o600)
        table = pd.DataFrame({"#FID": self.fid, "IID": plain_iids(pd.Series(self.iid, dtype=str))})
        table.to_csv(path, sep="\t", index=False, quoting=csv.QUOTE_NONE)


def is_keep(path: str) -> bool:
    """Whether the file begins like those of `SampleIds.write_keep`."""
    with Path(path).open("rb") as file:
        return file.readline().rstrip() == f"{_FID}\tIID".encode()


def read_keep(path: str, with_fid: bool) -> pd.Series:
    """The IDs in a file that `SampleIds.write_keep` wrote, str (n,); FID and IID are joined if `with_fid`."""
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, quoting=csv.QUOTE_NONE)
    return join_ids(table[_FID], table.IID) if with_fid else table.IID
