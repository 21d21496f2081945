"""Tables of people: reading them, and finding the values of the genotyped people."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from snpgen.job import InputError

_MISSING = ["NA", "", "-9"]


def read_table(path: str) -> pd.DataFrame:
    """A TSV, CSV or space-separated table with a header and a column IID, all as strings.

    The index holds line numbers; NA, empty and -9 become missing; a "#" before the first column's
    name goes. Raises `InputError` on a table without IID, rows longer than the header, or an IID
    that stands twice.
    """
    with Path(path).open(encoding="utf-8-sig") as file:
        head = file.readline()
    delimiter = next((mark for mark in ("\t", ",", ";") if mark in head), r"\s+")
    try:
        table = pd.read_csv(
            path,
            sep=delimiter,
            dtype=str,
            na_values=_MISSING,
            keep_default_na=False,
            encoding="utf-8-sig",
            skipinitialspace=True,
            skip_blank_lines=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{path} is not a table: {str(error).strip()}: correct it") from None
    if not isinstance(table.index, pd.RangeIndex):
        raise InputError(f"{path}, line 2: more values than the header has names: correct it")
    table.columns = [name.strip().removeprefix("#") for name in table.columns]
    table.index += 2
    table = table.dropna(how="all")
    if "IID" not in table:
        raise InputError(
            f"{path} has no column IID, but {_names(table)}: name the column of ids IID"
        )
    if table.IID.isna().any():
        raise InputError(f"{path}, line {table.index[table.IID.isna()][0]}: no IID: correct it")
    repeated = table.IID[table.IID.duplicated()]
    if len(repeated):
        raise InputError(
            f"{path}, line {repeated.index[0]}: IID {repeated.iloc[0]} stands twice: keep one line "
            "a person"
        )
    return table


def _names(table: pd.DataFrame) -> str:
    return ", ".join(table.columns)


def _first(values: pd.Series) -> str:
    return ", ".join(values[:3])


def to_numbers(values: pd.Series) -> pd.Series:
    """The values as float64; those that are no finite number become NaN."""
    return pd.to_numeric(values, errors="coerce").astype(float).replace([np.inf, -np.inf], np.nan)


class Tables:
    """Columns of one or two tables for the people with genotypes, and where each value stands."""

    def __init__(self, samples: pd.DataFrame, paths: Sequence[str]) -> None:
        self.paths = list(paths)
        self.tables = [read_table(path) for path in paths]
        known = set(self.tables[0].IID)
        self.people = samples[samples.IID.isin(known)].reset_index(drop=True)
        if self.people.empty:
            raise InputError(
                f"no IID of {paths[0]} ({_first(self.tables[0].IID)}) is among the genotyped people "
                f"({_first(samples.IID)}): make the ids of both the same"
            )

    def column(self, name: str, what: str) -> pd.Series:
        """The column's values as strings, one a person; the first table that has it counts.

        Without `sex` in any table the .fam's stands in.
        """
        for table in self.tables:
            if name in table:
                return self.people.IID.map(table.set_index("IID", drop=False)[name])
        if name == "sex":
            return self.people.sex.replace({"0": np.nan, "-9": np.nan})
        listed = " and ".join(
            f"{path} has {_names(table)}"
            for path, table in zip(self.paths, self.tables, strict=True)
        )
        raise InputError(
            f"{what} names a column {name}, but {listed}: correct the phenotype's file"
        )

    def file(self, name: str) -> str:
        """The file that a column comes from, for messages."""
        paths = zip(self.paths, self.tables, strict=True)
        return next((path for path, table in paths if name in table), "the .fam")

    def place(self, name: str, iid: str) -> str:
        """File and line of a value, for messages."""
        for path, table in zip(self.paths, self.tables, strict=True):
            if name in table:
                return f"{path}, line {table.index[table.IID == iid][0]}"
        return f"sex in the .fam of {iid}"

    def included(self, expression: str) -> np.ndarray:
        """Who fulfils a pandas query such as "sex == 2", bool (n_people,).

        Columns that hold only numbers compare as numbers. A missing value fulfils nothing.
        """
        frame = pd.DataFrame({"sex": self.column("sex", "include")})
        for table in reversed(self.tables):
            for name in table.columns:
                frame[name] = self.column(name, "include")
        for name in frame.columns.difference(["FID", "IID"]):
            values = to_numbers(frame[name])
            if values.notna().equals(frame[name].notna()):
                frame[name] = values
        try:
            result = frame.eval(expression, engine="python")
        except (SyntaxError, NameError, TypeError, ValueError, KeyError, AttributeError) as error:
            raise InputError(
                f'include: "{expression}" cannot be evaluated ({error}); the columns are '
                f"{_names(frame)}: correct the phenotype's file"
            ) from None
        if not isinstance(result, pd.Series) or result.dtype != bool:
            raise InputError(
                f'include: "{expression}" is neither true nor false: write a comparison such as '
                '"sex == 2"'
            )
        # `!=` holds for missing values in pandas; here nothing does.
        words = set(re.findall(r"[A-Za-z_]\w*", re.sub(r"\"[^\"]*\"|'[^']*'", "", expression)))
        used = [name for name in frame.columns if name in words]
        return result.to_numpy() & frame[used].notna().all(axis=1).to_numpy()
