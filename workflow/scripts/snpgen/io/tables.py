"""Text tables: headers, rows as strings with their line numbers, and conversion to numbers."""

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, TextIO

import numpy as np
import pandas as pd
import zstandard

from snpgen.io.files import GZIP, ZSTANDARD, begins_with, check_text
from snpgen.io.samples import from_file
from snpgen.messages import Code, InputError

FUNNEL_COLUMNS = ["step", "unit", "kept", "dropped", "reason"]
WHITESPACE = r"\s+"  # the delimiter in the notation of pandas

_QUOTING: dict[bool, Literal[0, 3]] = {True: csv.QUOTE_MINIMAL, False: csv.QUOTE_NONE}


def make_funnel(steps: list[tuple[str, int, str]], unit: str = "variants") -> pd.DataFrame:
    """Make a funnel: the numbers of variants or samples that each step keeps and drops.

    `steps` are (name, number kept, reason); the first step is the input. The result has `FUNNEL_COLUMNS`.
    """
    table = pd.DataFrame(steps, columns=["step", "kept", "reason"])
    dropped = -table.kept.diff().fillna(0).astype(int)
    return table.assign(unit=unit, dropped=dropped)[FUNNEL_COLUMNS]


@dataclass(frozen=True)
class Header:
    """Header of a table: column names, delimiter, line number, and the lines above it."""

    names: list[str]
    delimiter: str
    line: int
    comments: list[str]


def open_text(path: str | Path) -> TextIO:
    """Open a UTF-8 text file, which may be compressed with gzip or Zstandard. A byte order mark is skipped."""
    if begins_with(path, GZIP):
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    if begins_with(path, ZSTANDARD):
        return zstandard.open(path, "rt", encoding="utf-8-sig", newline="")
    return Path(path).open(encoding="utf-8-sig", newline="")


@contextmanager
def refuse_damage(path: str | Path, remedy: str) -> Iterator[None]:
    """Raise `InputError` on errors that occur while a damaged file is read."""
    try:
        yield
    except (
        OSError,
        EOFError,
        UnicodeDecodeError,
        zlib.error,
        zstandard.ZstdError,
        pd.errors.ParserError,
    ) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise InputError(
            Code.DAMAGED_FILE, f"the file cannot be read ({reason})", remedy, file=path
        ) from error


def read_header(
    path: str | Path,
    delimiters: Sequence[str] = ("\t", ",", ";", WHITESPACE),
    comment: str | None = None,
    quoted: bool = True,
) -> Header:
    """Read the header: the first line that does not begin with `comment`.

    The delimiter is the first of `delimiters` that the line contains; if it contains none, the last of
    `delimiters`. A column without a name is named as in pandas (Unnamed: 0). If the header is empty, `names`
    is empty. Raises `InputError` if two columns have the same name.
    """
    comments = []
    with open_text(path) as lines:
        for line in lines:
            if comment is None or not line.startswith(comment):
                break
            comments.append(line.rstrip("\r\n"))
        else:
            line = ""
    number, line = len(comments) + 1, line.rstrip("\r\n")
    if not line.strip():
        return Header([], delimiters[-1], number, comments)
    delimiter = next((mark for mark in delimiters if mark in line), delimiters[-1])
    if delimiter == WHITESPACE:
        line = line.strip().replace("\t", " ")
    mark = " " if delimiter == WHITESPACE else delimiter
    names = next(
        csv.reader([line], delimiter=mark, quoting=_QUOTING[quoted], skipinitialspace=True)
    )
    names = [name.strip() or f"Unnamed: {column}" for column, name in enumerate(names)]
    check_names(path, names)
    return Header(names, delimiter, number, comments)


def check_names(path: str | Path, names: Sequence[str]) -> None:
    """Raise `InputError` if two columns have the same name."""
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise InputError(
            Code.DUPLICATE_COLUMN,
            f"two columns are named {repeated[0]}",
            "Rename or delete one of them",
            file=path,
        )


def read_rows(
    path: str | Path,
    header: Header,
    columns: Sequence[str] | None = None,
    *,
    missing: Sequence[str] = (),
    quoted: bool = True,
    truncate: bool = False,
    chunk_size: int | None = None,
    n_rows: int | None = None,
) -> Iterator[pd.DataFrame]:
    """Yield the rows below the header as strings; the index holds line numbers (the first is 1).

    If `columns` is None, all columns are kept. Values in `missing` are read as NaN. `truncate` drops values
    beyond the last column. If `chunk_size` (rows) is None, the whole table is yielded at once; `n_rows`
    limits the number of rows. A line with more values than the header raises `pd.errors.ParserError`. If it
    is the first line, pandas raises no error, but uses the first columns as the index. With `columns` or
    `truncate`, such lines are accepted.
    """
    index_col: Literal[False] | None = False if truncate else None
    kept = [name for name in header.names if columns is None or name in columns]
    with open_text(path) as file:
        for _ in islice(file, header.line - 1):
            pass
        tables = pd.read_csv(
            file,
            sep=header.delimiter,
            usecols=[header.names.index(name) for name in kept] if columns else None,
            index_col=index_col,
            dtype=str,
            na_values=list(missing),
            keep_default_na=False,
            na_filter=bool(missing),
            quoting=_QUOTING[quoted],
            skipinitialspace=True,
            skip_blank_lines=False,
            chunksize=chunk_size,
            nrows=n_rows,
        )
        for table in [tables] if isinstance(tables, pd.DataFrame) else tables:
            table.columns = pd.Index(kept)
            if isinstance(table.index, pd.RangeIndex):
                table.index += header.line + 1
            yield table


def table_header(path: str | Path) -> Header:
    """Read the header of a text table that is not compressed; a "#" before a name is removed.

    Raises `InputError` if the file is not text, or if the header is empty or repeats a name.
    """
    check_text(path, "Give a table with a header")
    header = read_header(path)
    if not header.names:
        raise InputError(
            Code.MALFORMED_TABLE, "the header is empty", "Delete the empty line", file=path, line=1
        )
    names = [name.removeprefix("#") for name in header.names]
    check_names(path, names)
    return Header(names, header.delimiter, header.line, header.comments)


def read_strings(path: str | Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a tab-, comma-, semicolon- or space-separated table with a header.

    All values are strings, "" if a cell is empty; blank lines are omitted. The index holds line numbers.
    `columns` names the columns to keep (None: all). Raises `InputError` if the file is not such a table or
    lacks a column.
    """
    header = table_header(path)
    absent = [name for name in columns or [] if name not in header.names]
    if absent:
        raise missing_column(path, absent[0], header.names)
    try:
        (table,) = read_rows(path, header, columns)
    except ValueError as error:  # also raised if the first line has too many values
        reason = " ".join(str(error).split())
        raise InputError(
            Code.MALFORMED_TABLE,
            f"the file cannot be read as a table ({reason})",
            "Correct the file",
            file=path,
        ) from None
    if not isinstance(table.index, pd.RangeIndex):
        raise InputError(
            Code.MALFORMED_TABLE,
            "the line has more values than the header has columns",
            "Correct the line",
            file=path,
            line=2,
        )
    table = table[(table != "").any(axis=1)]
    short = table.index[table.iloc[:, -1] == ""]
    if header.delimiter == WHITESPACE and len(short):
        raise InputError(
            Code.MALFORMED_TABLE,
            "the line has fewer values than the header has columns",
            "Write NA for a missing value",
            file=path,
            line=short[0],
        )
    return table


def missing_column(path: str | Path, name: str, columns: Sequence[str]) -> InputError:
    """The error about a table without the column `name`; `columns` are the columns of the table."""
    return InputError(
        Code.MISSING_COLUMN,
        f"the table has no column {name}; its columns are {', '.join(columns)}",
        f"Name the column {name}, or add it",
        file=path,
    )


def to_numbers(values: pd.Series) -> pd.Series:
    """The values as float64; NaN if a value is not a finite number."""
    return pd.to_numeric(values, errors="coerce").astype(float).replace([np.inf, -np.inf], np.nan)


def parse_numbers(
    path: str | Path, name: str, text: pd.Series, low: float, high: float
) -> np.ndarray:
    """The values of the column `name` as float64, NaN where missing; the index holds line numbers.

    Raises `InputError` on text, and on a number that is not between `low` and `high`.
    """
    values = pd.to_numeric(text, errors="coerce").to_numpy(np.float64)
    wrong = text.notna().to_numpy() & ~((values >= low) & (values <= high))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            Code.INVALID_VALUE,
            f"{name} is {text.iloc[row]}, not a number{_describe_range(low, high)}",
            "Correct the value, or delete the line",
            file=path,
            line=text.index[row],
        )
    return values


def _describe_range(low: float, high: float) -> str:
    if np.isfinite(high):
        return f" from {low:g} to {high:g}"
    return f" of {low:g} or more" if np.isfinite(low) else ""


def read_own_table(
    path: str | Path, text: Sequence[str] | type, missing: Sequence[str] = ("NA",)
) -> pd.DataFrame:
    """Read a tab-separated table that SNPgen wrote; the columns `text` are strings (`str`: all columns).

    IDs of samples are joined as in memory (`samples.from_file`). Only values in `missing` are read as NaN,
    because an IID may be null or None.
    """
    table = pd.read_csv(
        path,
        sep="\t",
        dtype=text if isinstance(text, type) else dict.fromkeys([*text, "#FID"], str),
        keep_default_na=False,
        na_values=list(missing),
    )
    return from_file(table)
