"""Interpretation of the cells of tables from users: missing values, numbers, categories and sex.

`config/README.md` documents these rules ("Values"). Sample IDs and variant IDs are not interpreted.
"""

import numpy as np
import pandas as pd

from snpgen.job import log

MINUS_NINE = -9.0
_MISSING = {
    "",
    ".",
    "na",
    "n/a",
    "#n/a",
    "#na",
    "<na>",
    "nan",
    "-nan",
    "null",
}  # in small letters or capitals
_MISSING |= {"#value!", "#ref!", "#div/0!", "#num!", "#name?", "#null!"}  # errors of spreadsheets
_NONE = {"None", "NONE"}  # in Python and in PLINK 2; "none" can be a category
_SEX = {"1": "1", "m": "1", "male": "1", "2": "2", "f": "2", "female": "2"}
_UNKNOWN_SEX = {"0", "u", "unknown"}
_SHOWN = 5  # different words, and lines of each, in a message


def is_missing(text: str) -> bool:
    """Whether a cell without surrounding blanks denotes a missing value. -9 is decided by `interpret`."""
    return text.lower() in _MISSING or text in _NONE


def to_numbers(values: pd.Series) -> pd.Series:
    """The values as float64; NaN if a value is not a finite number."""
    return pd.to_numeric(values, errors="coerce").astype(float).replace([np.inf, -np.inf], np.nan)


def interpret(
    values: pd.Series, name: str, numeric: bool = False, classes: frozenset[str] = frozenset()
) -> pd.Series:
    """The cells of the column `name` as strings without surrounding blanks, NaN if missing.

    Words for missing values (`is_missing`) are missing, except the names in `classes`. A number that equals
    -9 is missing. In a `numeric` column, however, it is a value if another value is near -9: within 1, or
    within a tenth of the interquartile range. If all numbers of the column are whole, 1.0 is written as 1.
    The numbers of missing cells are logged.
    """
    plain = {cell: cell.strip() for cell in values.dropna().unique()}
    cells = values.map(plain).astype("str")
    words = {cell for cell in plain.values() if is_missing(cell)} - classes
    missing = cells.isin(words)
    cells = cells.mask(missing)
    numbers = to_numbers(cells)
    codes = numbers == MINUS_NINE
    if codes.any():
        near = _near_minus_nine(numbers[~codes].dropna()) if numeric else None
        if near is None:
            cells, numbers, missing = cells.mask(codes), numbers.mask(codes), missing | codes
        else:
            log.warning(
                "column %s: %d cells are -9 and are used as numbers, because other values are near, such as "
                "%g. If -9 means missing, write NA",
                name,
                codes.sum(),
                near,
            )
    _log_read_as("missing", name, values[missing].map(plain))
    if len(_NONE & words):
        log.warning(
            'column %s: cells with the word None are read as missing. If "None" is a category, rename it',
            name,
        )
    known = numbers.dropna()
    if (known == known.round()).all():
        decimal = numbers.notna() & cells.str.contains(r"^[+-]?\d+\.0*$", na=False)
        cells = cells.where(~decimal, cells.str.replace(r"\.0*$", "", regex=True))
    return cells


def _near_minus_nine(others: pd.Series) -> float | None:
    """The value of `others` that is nearest to -9, if it is near enough; otherwise None."""
    if others.empty:
        return None
    distance = np.abs(others.to_numpy() - MINUS_NINE)
    nearest = int(np.argmin(distance))
    spread = others.quantile(0.75) - others.quantile(0.25)
    return float(others.iloc[nearest]) if distance[nearest] <= max(1.0, spread / 10) else None


def interpret_sex(values: pd.Series, name: str = "sex") -> tuple[pd.Series, pd.Series]:
    """Sex as "1" (male), "2" (female) or NaN (unknown), and a mask of the cells that are not a sex.

    Sex is written 1 and 2, m and f, or male and female, in small letters or capitals; 0 is unknown, as in
    PLINK. If a column has 0 and 1 but no 2, each 0 is invalid, because 0 often means female in such columns.
    The numbers of cells that are read as unknown are logged.
    """
    cells = interpret(values, name).str.lower()
    sex = cells.map(_SEX)
    unknown = cells.isin(_UNKNOWN_SEX)
    found = set(cells.dropna())
    if {"0", "1"} <= found and "2" not in found:
        unknown &= cells != "0"
    _log_read_as("unknown", name, cells[unknown])
    return sex, cells.notna() & sex.isna() & ~unknown


def read_fam_sex(values: pd.Series) -> pd.Series:
    """Sex in a `.fam` as "1" (male), "2" (female) or NaN (unknown); numbers of other codes are logged.

    Each 0 is unknown, also if no individual is female, because PLINK defines the codes of this column.
    """
    name = "sex of the .fam"
    sex, wrong = interpret_sex(values.mask(values == "0"), name)
    _log_read_as("unknown", name, values[wrong])
    return sex


def _log_read_as(what: str, name: str, cells: pd.Series) -> None:
    """Log how many `cells` of the column `name` are read as `what`, by word; nothing if there are none."""
    if len(cells):
        shown = ", ".join(f"{word!r} {count}" for word, count in cells.value_counts().items())
        log.info("column %s: %d cells are read as %s (%s)", name, len(cells), what, shown)


def describe_words(cells: pd.Series) -> str:
    """Different values of `cells`, each with its first lines, for a message; the index holds line numbers."""
    groups = cells.groupby(cells, sort=False).groups
    shown = []
    for word, index in list(groups.items())[:_SHOWN]:
        lines = ", ".join(map(str, index[:_SHOWN]))
        more = f" and {len(index) - _SHOWN} more" if len(index) > _SHOWN else ""
        shown.append(f"{word!r} in line{'s' if len(index) > 1 else ''} {lines}{more}")
    if len(groups) > _SHOWN:
        shown.append(f"and {len(groups) - _SHOWN} other values")
    return "; ".join(shown)
