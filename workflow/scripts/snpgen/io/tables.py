"""Text tables: rows as strings with their line numbers, and conversion to numbers."""

import csv
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import zstandard

from snpgen.io.cells import is_missing
from snpgen.io.files import GZIP, ZSTANDARD, check_text, open_text
from snpgen.io.headers import (
    QUOTING,
    WHITESPACE,
    Header,
    Layout,
    check_names,
    is_number,
    read_header,
    split,
    split_loosely,
)
from snpgen.io.samples import from_file
from snpgen.messages import Code, InputError

FUNNEL_COLUMNS = ["step", "unit", "kept", "dropped", "reason"]


def make_funnel(steps: list[tuple[str, int, str]], unit: str = "variants") -> pd.DataFrame:
    """Make a funnel: the numbers of variants or samples that each step keeps and drops.

    `steps` are (name, number kept, reason); the first step is the input. The result has `FUNNEL_COLUMNS`.
    """
    table = pd.DataFrame(steps, columns=["step", "kept", "reason"])
    dropped = -table.kept.diff().fillna(0).astype(int)
    return table.assign(unit=unit, dropped=dropped)[FUNNEL_COLUMNS]


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


def _check_lines(path: str | Path, header: Header, n_rows: int | None) -> tuple[bool, int, bool]:
    """Check the lines below the header, before they are parsed.

    Returns whether quotation marks enclose values, the number of lines, and whether one is not blank. A
    quotation mark that is not closed on its line, as in `"2 cm`, is part of the value. If other lines contain
    enclosed values, such a line is ambiguous. Raises `InputError` with the line if it is ambiguous, has more
    or fewer values than the header, repeats the header, or is a comment.
    """
    lone = enclosed = n_lines = 0
    filled = False
    n_columns, delimiter = len(header.names), header.delimiter
    mark = delimiter if delimiter == WHITESPACE else re.escape(delimiter)
    encloses = re.compile(rf'(^|{mark})\s*"')
    with open_text(path) as lines:
        repeated = [*islice(lines, header.line)][-1:]
        for number, line in enumerate(islice(lines, n_rows), header.line + 1):
            n_lines += 1
            if [line] == repeated:
                what = f"the line repeats the header in line {header.line}"
                raise _malformed(path, number, what, "Delete the line")
            count = len(line.split()) if delimiter == WHITESPACE else line.count(delimiter) + 1
            if header.quoted and '"' in line:
                try:
                    n_values = len(split(line.rstrip("\r\n"), delimiter, True))
                except csv.Error:
                    n_values = 0
                if n_values < min(
                    n_columns, count
                ):  # not closed, or a delimiter is enclosed by mistake
                    lone = lone or number
                elif encloses.search(line):
                    enclosed, count = enclosed or number, n_values
            filled = filled or not line.isspace()
            if line.startswith("#") and (count != n_columns or line.startswith(("##", "# "))):
                what = "the line begins with # below the header, so it seems to be a comment"
                raise _malformed(path, number, what, "Delete the line, or move it above the header")
            if count < n_columns and not line.isspace():
                if lone:
                    break
                what = f"the line has {count} of the {n_columns} values"
                raise _malformed(path, number, what, "Write NA for a missing value")
            if count > n_columns:
                values = split_loosely(line.rstrip("\r\n"), delimiter, header.quoted)
                if any(values[n_columns:]):  # not only delimiters at the end of the line
                    what = f"the line has {count} values, but the header has {n_columns} columns"
                    remedy = "Enclose values that contain the delimiter in quotation marks"
                    raise _malformed(
                        path, number, what, f"{remedy}, and name the column of row names"
                    )
        else:
            if not lone or not enclosed:
                return header.quoted and not lone, n_lines, filled
    raise _malformed(
        path,
        lone,
        "a quotation mark is not closed on the line, or encloses a delimiter",
        "Delete it, or write it twice within an enclosed value. Values must not contain line breaks",
    )


def _malformed(path: str | Path, line: int, what: str, remedy: str) -> InputError:
    return InputError(Code.MALFORMED_TABLE, what, remedy, file=path, line=line)


def read_rows(
    path: str | Path,
    header: Header,
    columns: Sequence[str] | None = None,
    *,
    chunk_size: int | None = None,
    n_rows: int | None = None,
) -> Iterator[pd.DataFrame]:
    """Yield the rows below the header as strings, "" if empty; the index holds line numbers (the first is 1).

    If `columns` is None, all columns are kept. If `chunk_size` (rows) is None, the whole table is yielded at
    once; `n_rows` limits the number of rows. Each line is a row: a value never extends over two lines. Raises
    `InputError` on a line with more or fewer values than the header, on a line that repeats the header, and
    on a quotation mark that is not closed (`_check_lines`).
    """
    quoted, n_lines, filled = _check_lines(path, header, n_rows)
    kept = [name for name in header.names if columns is None or name in columns]
    if not filled:
        yield pd.DataFrame(columns=kept, dtype=str)
        return
    n_read = 0
    with open_text(path) as file:
        for _ in islice(file, header.line):
            pass
        tables = pd.read_csv(
            file,
            sep=header.delimiter,
            header=None,
            names=header.names,
            usecols=kept,
            index_col=False,
            dtype=str,
            na_filter=False,
            quoting=QUOTING[quoted],
            skipinitialspace=True,
            skip_blank_lines=False,
            chunksize=chunk_size,
            nrows=n_rows,
        )
        for table in [tables] if isinstance(tables, pd.DataFrame) else tables:
            n_read += len(table)
            table.index += header.line + 1
            yield table
    if n_read != n_lines:
        raise InputError(
            Code.MALFORMED_TABLE,
            f"{n_lines} lines below the header were read as {n_read} rows",
            "Delete quotation marks and line breaks within values",
            file=path,
        )


def table_header(path: str | Path, layouts: Sequence[Layout] = ()) -> Header:
    """Read the header of a text table, which may be compressed; a "#" before a name is removed.

    Raises `InputError` if the file is not text, or if the header is missing or repeats a name.
    """
    with refuse_damage(path, "Write or copy the file again"):
        check_text(path, "Give a table with a header", (GZIP, ZSTANDARD))
        header = read_header(path, layouts=layouts)
    if not header.names:
        raise InputError(
            Code.MALFORMED_TABLE, "the table has no header", "Add column names", file=path
        )
    names = [name.removeprefix("#") for name in header.names]
    check_names(path, names)
    return replace(header, names=names)


def read_strings(
    path: str | Path, columns: Sequence[str] | None = None, layouts: Sequence[Layout] = ()
) -> pd.DataFrame:
    """Read a tab-, comma-, semicolon- or space-separated table with a header, or with one of `layouts`.

    The file may be compressed with gzip or Zstandard. All values are strings, "" if a cell is empty; blank
    lines are omitted. The index holds line numbers. `columns` names the columns to keep (None: all). Raises
    `InputError` if the file is not such a table or lacks a column.
    """
    header = table_header(path, layouts)
    absent = [name for name in columns or [] if name not in header.names]
    if absent:
        raise missing_column(path, absent[0], header.names)
    with refuse_damage(path, "Write or copy the file again"):
        (table,) = read_rows(path, header, columns)
    return table[(table != "").any(axis=1)]


def missing_column(path: str | Path, name: str, columns: Sequence[str]) -> InputError:
    """The error about a table without the column `name`; `columns` are the columns of the table."""
    return InputError(
        Code.MISSING_COLUMN,
        f"the table has no column {name}; {describe_columns(columns)}",
        f"Name the column {name}, or add it",
        file=path,
    )


def describe_columns(columns: Sequence[str]) -> str:
    """The columns of a table for a message, which says so if some are numbers instead of names."""
    shown = ", ".join(columns)
    if any(is_number(name) for name in columns):
        return f"its first line contains numbers ({shown}), so it has no header"
    return f"its columns are {shown}"


def parse_numbers(
    path: str | Path, name: str, text: pd.Series, low: float, high: float
) -> np.ndarray:
    """The values of the column `name` as float64, NaN where missing; the index holds line numbers.

    Raises `InputError` on text, and on a number that is not between `low` and `high`.
    """
    values = pd.to_numeric(text, errors="coerce").to_numpy(np.float64)
    wrong = ~((values >= low) & (values <= high))
    missing = [cell for cell in text[wrong].dropna().unique() if is_missing(cell.strip())]
    wrong &= ~(text.isna() | text.isin(missing)).to_numpy()
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


def mask_missing(values: pd.Series) -> pd.Series:
    """The values without surrounding blanks; NaN if a value is a word for a missing value (`is_missing`)."""
    plain = {cell: cell.strip() for cell in values.dropna().unique()}
    known = {cell: text for cell, text in plain.items() if not is_missing(text)}
    return values.map(known).astype("str")


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
