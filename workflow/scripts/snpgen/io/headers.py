"""Headers of text tables: column names, delimiter and quotation marks, found from the first lines."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from snpgen.io.files import open_text
from snpgen.messages import Code, InputError

WHITESPACE = r"\s+"  # the delimiter in the notation of pandas
DELIMITERS = ("\t", ",", ";", "|", WHITESPACE)

# First values of headers of PLINK 2.
_HASHED = ("#FID", "#IID", "#CHROM", "#ID", "#ID1", "#IID1", "#FID1")
_SEPARATOR = re.compile(r"sep=(.|\\t)\s*$", re.IGNORECASE)  # the first line of some files of Excel
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)

QUOTING: dict[bool, Literal[0, 3]] = {True: csv.QUOTE_MINIMAL, False: csv.QUOTE_NONE}


@dataclass(frozen=True)
class Header:
    """Header of a table.

    Column names, delimiter, line number (0 if the file has no header), and the lines above it. If `quoted`,
    quotation marks may enclose the values.
    """

    names: list[str]
    delimiter: str
    line: int
    comments: list[str]
    quoted: bool = True


@dataclass(frozen=True)
class Layout:
    """Layout of a file without a header: its columns in order; those in `numeric` contain numbers."""

    names: tuple[str, ...]
    numeric: tuple[str, ...]

    def fits(self, values: Sequence[str]) -> bool:
        """Whether the values of a line have this layout."""
        if len(values) != len(self.names):
            return False
        cells = dict(zip(self.names, values, strict=True))
        return all(is_number(cells[name]) for name in self.numeric)


def is_number(text: str) -> bool:
    """Whether the text is a finite decimal number, such as 1, -0.5 or 1e-5."""
    return bool(_NUMBER.fullmatch(text))


def split(line: str, delimiter: str, quoted: bool) -> list[str]:
    """The values of one line; raises `csv.Error` on a quotation mark that is not closed."""
    if delimiter == WHITESPACE:
        line, delimiter = line.strip().replace("\t", " "), " "
    rows = csv.reader(
        [line],
        delimiter=delimiter,
        quoting=QUOTING[quoted],
        skipinitialspace=True,
        strict=quoted,
    )
    return next(rows, [])


def split_loosely(line: str, delimiter: str, quoted: bool) -> list[str]:
    """The values of one line; quotation marks that are not closed are part of the values."""
    try:
        return split(line, delimiter, quoted)
    except csv.Error:
        return split(line, delimiter, quoted=False)


def _read_first_lines(path: str | Path) -> tuple[list[str], str, str]:
    """Lines of the file above the first line of values, this line, and the next line that is not blank.

    Lines that are blank or begin with "#", and Excel's line "sep=;", are above the first line of values.
    """
    above: list[str] = []
    found: list[str] = []
    with open_text(path) as lines:
        for line in lines:
            line = line.rstrip("\r\n")
            if found and line.strip():
                return above, found[0], line
            if not found and (
                not line.strip() or line.startswith("#") or (not above and _SEPARATOR.match(line))
            ):
                above.append(line)
            elif not found:
                found.append(line)
    return above, found[0] if found else "", ""


def read_header(
    path: str | Path,
    delimiters: Sequence[str] = DELIMITERS,
    quoted: bool = True,
    layouts: Sequence[Layout] = (),
) -> Header:
    """Find the header of a text table, and its delimiter.

    Blank lines, comments (lines that begin with "#") and Excel's line "sep=;" may be above the header. A line
    that begins with "#" is the header if it is the last of these lines and has as many values as the next
    line, or if its first value is one of `_HASHED`. The delimiter is the first of `delimiters` that divides
    the header and the next line into the same number of values, at least two; otherwise the first that
    occurs in the header, or the last of `delimiters`. A column without a name is named as in pandas
    (Unnamed: 0). If the file has no header, `names` is empty; if its first line has one of `layouts`, the
    names are those of the layout. Raises `InputError` if two columns have the same name.
    """
    above, line, following = _read_first_lines(path)
    separator = _SEPARATOR.match(above[0]) if above else None
    if separator:
        delimiters = [separator[1].replace("\\t", "\t")]

    def divide(text: str, other: str) -> str:
        for mark in delimiters:
            count = len(split_loosely(text, mark, quoted))
            if count > 1 and count == len(split_loosely(other, mark, quoted)):
                return mark
        return next((mark for mark in delimiters if mark in text), delimiters[-1])

    number = len(above) + 1
    last = max((row for row, text in enumerate(above) if text.startswith("#")), default=None)
    if last is not None and not above[last].startswith(("##", "# ")):
        mark = divide(line, following) if following else divide(above[last], line)
        values = split_loosely(above[last], mark, quoted)
        fits = len(values) > 1 and len(values) == len(split_loosely(line, mark, quoted))
        if fits or values[0] in _HASHED:
            line, following, number, above = above[last], line, last + 1, above[:last]
    comments = [text for text in above if text.startswith("#")]
    if not line.strip():
        return Header([], delimiters[-1], number, comments, quoted)
    delimiter = divide(line, following)
    values = [value.strip() for value in split_loosely(line, delimiter, quoted)]
    for layout in layouts:
        if layout.fits(values):
            return Header(list(layout.names), delimiter, number - 1, comments, quoted)
    names = [name or f"Unnamed: {column}" for column, name in enumerate(values)]
    check_names(path, names)
    return Header(names, delimiter, number, comments, quoted)


def check_names(path: str | Path, names: Sequence[str]) -> None:
    """Raise `InputError` if two columns have the same name."""
    repeated = [name for name in names if names.count(name) > 1]
    if repeated and is_number(repeated[0]):
        what = f"the table has no header: its first line contains values ({', '.join(names)})"
        raise InputError(Code.MALFORMED_TABLE, what, "Add a line of column names", file=path)
    if repeated:
        raise InputError(
            Code.DUPLICATE_COLUMN,
            f"two columns are named {repeated[0]}",
            "Rename or delete one of them",
            file=path,
        )
