"""Tables of people: reading them, and finding the values of the genotyped people."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from tokenize import TokenError

import numpy as np
import pandas as pd

from snpgen.io.files import check_text
from snpgen.messages import InputError

FUNNEL_COLUMNS = ["step", "unit", "kept", "dropped", "reason"]

_MISSING = ["NA", "", "-9"]
_NAMES = re.compile(r"`([^`]*)`|\"[^\"]*\"|'[^']*'|([^\W\d]\w*)")  # in backticks, text, bare
_EVALUATION = (  # what pandas raises on what people write
    SyntaxError,
    TokenError,
    NameError,
    AttributeError,
    TypeError,
    ValueError,
    LookupError,
    ArithmeticError,
    RuntimeError,
)


def read_header(path: str) -> tuple[list[str], str]:
    """Names of a table's columns, without a "#" before the first, and what separates them.

    Raises `InputError` on a file that is no text, and on a name that two columns have.
    """
    check_text(path, "give a table with a header")
    with Path(path).open(encoding="utf-8-sig") as file:
        head = file.readline()
    if not head.strip():
        raise InputError(f"{path}, line 1: empty, where the columns are named: take the line out")
    delimiter = next((mark for mark in ("\t", ",", ";") if mark in head), r"\s+")
    names = head.split() if delimiter == r"\s+" else next(csv.reader([head], delimiter=delimiter))
    names = [name.strip().removeprefix("#") for name in names]
    twice = [name for name in names if name and names.count(name) > 1]
    if twice:
        raise InputError(f"{path}: two columns are named {twice[0]}: rename one or take it out")
    return names, delimiter


def read_strings(path: str, wanted: Sequence[str] | None = None) -> pd.DataFrame:
    """A TSV, CSV or space-separated table with a header, all as strings, "" where a cell is empty.

    The index holds line numbers. `wanted` names the columns to keep, None for all. Raises
    `InputError` on what is no such table.
    """
    names, delimiter = read_header(path)
    try:
        table = pd.read_csv(
            path,
            sep=delimiter,
            dtype=str,
            na_filter=False,
            encoding="utf-8-sig",
            skipinitialspace=True,
            skip_blank_lines=False,
            usecols=None if wanted is None else [names.index(name) for name in wanted],
        )
    except pd.errors.ParserError as error:
        raise InputError(f"{path} is not a table: {str(error).strip()}: correct it") from None
    if not isinstance(table.index, pd.RangeIndex):
        raise InputError(f"{path}, line 2: more values than the header has names: correct it")
    table.columns = [name.strip().removeprefix("#") for name in table.columns]
    table.index += 2
    table = table[(table != "").any(axis=1)]
    short = table.index[table.iloc[:, -1] == ""]
    if delimiter == r"\s+" and len(short):
        raise InputError(
            f"{path}, line {short[0]}: fewer values than the header has names: write NA where one is "
            "missing"
        )
    return table


def read_table(path: str) -> pd.DataFrame:
    """A table of people as `read_strings` has it, with a column IID.

    NA, empty and -9 become missing. Raises `InputError` on a table without IID, or an IID that
    stands twice or nowhere.
    """
    table = read_strings(path)
    table = table.mask(table.isin(_MISSING))
    if "IID" not in table:
        raise InputError(
            f"{path} has no column IID, but {_names(table)}: name the column of ids IID"
        )
    if table.IID.isna().any():
        raise InputError(f"{path}, line {table.index[table.IID.isna()][0]}: no IID: correct it")
    table["IID"] = table.IID.str.strip()
    repeated = table.IID[table.IID.duplicated()]
    if len(repeated):
        raise InputError(
            f"{path}, line {repeated.index[0]}: IID {repeated.iloc[0]} stands twice: keep one line "
            "a person"
        )
    return table


def _names(table: pd.DataFrame) -> str:
    return ", ".join(table.columns)


def _flat(error: Exception) -> str:
    """The words of an error on one line."""
    words = error.args[0] if error.args else type(error).__name__
    return " ".join(str(words).split())


def _first(values: pd.Series) -> str:
    return ", ".join(values[:3])


def _compare_ids(theirs: pd.Series, samples: pd.DataFrame) -> str | None:
    """How ids of which none is ours would be ours, and what to do; None where nothing helps."""
    ours = samples.IID
    guesses = {
        "the table has FID and IID joined by _, so take the FID out": samples.FID + "_" + ours,
        "the .fam has FID and IID joined by _, so join them in the table": ours.str.rsplit("_").str[
            -1
        ],
        "the table has the FIDs of the .fam, so write its IIDs": samples.FID,
        "the table has lost leading zeros, so write its ids as text": ours.str.lstrip("0"),
        "the table has numbers with a decimal point, so write its ids as text": ours + ".0",
        "capitals differ, so write them as in the .fam": ours.str.swapcase(),
    }
    return next((hint for hint, guess in guesses.items() if guess.isin(theirs).any()), None)


def _check_zeros(path: str, theirs: pd.Series, ours: pd.Series) -> None:
    """Raise `InputError` where an id of the table is nobody's, but somebody's without leading zeros."""
    padded = ours[ours.str.startswith("0") & ~ours.isin(theirs)]
    bare = padded.str.lstrip("0")
    lost = padded[bare.isin(theirs) & ~bare.isin(ours)]
    if len(lost):
        iid = lost.iloc[0].lstrip("0")
        raise InputError(
            f"{path}, line {theirs.index[theirs == iid][0]}: IID {iid} is nobody's, but "
            f"{lost.iloc[0]} is in the .fam: leading zeros are lost, so write the ids as text"
        )


def to_numbers(values: pd.Series) -> pd.Series:
    """The values as float64; those that are no finite number become NaN."""
    return pd.to_numeric(values, errors="coerce").astype(float).replace([np.inf, -np.inf], np.nan)


class Tables:
    """Columns of one or two tables for the people with genotypes, and where each value stands."""

    def __init__(self, samples: pd.DataFrame, paths: Sequence[str]) -> None:
        self.paths = list(paths)
        self.tables = [read_table(path) for path in paths]
        known = set(self.tables[0].IID)
        self.samples = samples[samples.IID.isin(known)].reset_index(drop=True)
        if self.samples.empty:
            hint = _compare_ids(self.tables[0].IID, samples)
            raise InputError(
                f"no IID of {paths[0]} ({_first(self.tables[0].IID)}) is among the genotyped people "
                f"({_first(samples.IID)}): {hint or 'make the ids of both the same'}"
            )
        for path, table in zip(self.paths, self.tables, strict=True):
            _check_zeros(path, table.IID, samples.IID)

    def column(self, name: str, what: str) -> pd.Series:
        """The column's values as strings, one a person; the first table that has it counts.

        Without `sex` in any table the .fam's stands in.
        """
        for table in self.tables:
            if name in table:
                return self.samples.IID.map(table.set_index("IID", drop=False)[name])
        if name == "sex":
            return self.samples.sex.replace({"0": np.nan, "-9": np.nan})
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

        Columns that hold only numbers compare as numbers; a name such as 21000-0.0 stands in
        backticks. A missing value fulfils nothing.
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
        except _EVALUATION as error:
            raise InputError(
                f'include: "{expression}" cannot be evaluated ({_flat(error)}); the columns are '
                f"{_names(frame)}: correct the phenotype's file"
            ) from None
        if not isinstance(result, pd.Series) or result.dtype != bool:
            raise InputError(
                f'include: "{expression}" is neither true nor false: write a comparison such as '
                '"sex == 2"'
            )
        # `!=` holds for missing values in pandas; here nothing does.
        words = {bare or ticked for ticked, bare in _NAMES.findall(expression)}
        used = [name for name in frame.columns if name in words]
        return result.to_numpy() & frame[used].notna().all(axis=1).to_numpy()
