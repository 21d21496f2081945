"""Phenotype and covariate tables: reading, matching with the genotypes, and complete cases."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from snpgen.cohort.check import FUNNEL_COLUMNS
from snpgen.job import InputError, log

CODINGS = {"0/1": (0.0, 1.0), "1/2": (1.0, 2.0)}  # control, case
QUANTITATIVE = "quantitative"  # the coding of numbers, of which a threshold makes cases

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


def _numbers(values: pd.Series) -> pd.Series:
    """The values as float64; those that are no finite number become NaN."""
    return pd.to_numeric(values, errors="coerce").astype(float).replace([np.inf, -np.inf], np.nan)


class _Tables:
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
            numbers = _numbers(frame[name])
            if numbers.notna().equals(frame[name].notna()):
                frame[name] = numbers
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


def code_phenotype(
    values: pd.Series, coding: str, threshold: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Phenotypes int8 of 0 (control) and 1 (case), and a mask of values that are neither.

    `values` are strings, or NaN; `coding` is a key of `CODINGS`, or `QUANTITATIVE`, where a case has
    a number of at least `threshold`.
    """
    numbers = _numbers(values).to_numpy()
    if coding == QUANTITATIVE:
        return (numbers >= threshold).astype(np.int8), np.isnan(numbers)
    control, case = CODINGS[coding]
    return (numbers == case).astype(np.int8), (numbers != case) & (numbers != control)


def check_threshold(values: pd.Series, threshold: float, column: str, file: str) -> None:
    """Raise `InputError` unless the threshold has values below it and values from it on."""
    if not values.min() < threshold <= values.max():
        raise InputError(
            f"{file}: {column} runs from {values.min():g} to {values.max():g}, so that threshold "
            f"{threshold:g} leaves no cases or no controls: correct it in the phenotype's file"
        )
    if values.min() < -9:
        log.warning("-9 counts as missing in %s, although smaller values are there", column)


def check_phenotype(
    samples: pd.DataFrame,
    paths: Sequence[str],
    column: str,
    coding: str,
    covariates: Sequence[str] = (),
    categorical: Sequence[str] = (),
    include: str | None = None,
    threshold: float | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """People with genotypes, phenotype and all covariates, in the order of `samples`; the funnel.

    `samples` has FID, IID, sex; `paths` the phenotype's table and, if covariates stand apart, a
    second. The people come as FID, IID, sex, phenotype (0, 1; see `code_phenotype`), for a
    quantitative phenotype its value (float64), and the covariates as they stand in the tables (`sex`
    is the covariate where it is one). Raises `InputError` on anything that would make the phenotype
    or a covariate unusable.
    """
    tables = _Tables(samples, paths)
    people = tables.people
    steps = [("genotyped", len(samples), ""), ("in the table", len(people), "not in the table")]
    wanted = np.ones(len(people), dtype=bool)
    if include:
        wanted = tables.included(include)
        steps.append(("included", wanted.sum(), f"not {include}"))

    values = tables.column(column, "column")
    known = wanted & values.notna().to_numpy()
    steps.append(("phenotype known", known.sum(), "phenotype missing"))
    if not known.any():
        raise InputError(
            f"{paths[0]}: nobody left has a value of {column}: correct column or include"
        )
    phenotype, wrong = code_phenotype(values, coding, threshold)
    if (wrong & known).any():
        row = np.flatnonzero(wrong & known)[0]
        iid = people.IID[row]
        raise InputError(
            f"{tables.place(column, iid)}: {column} of {iid} is {values[row]} where coding {coding} "
            "is declared: correct coding, or make the value NA"
        )

    result = people[["FID", "IID", "sex"]].assign(phenotype=phenotype)
    if threshold is not None:
        result["value"] = _numbers(values)
        check_threshold(result.value[known], threshold, column, tables.file(column))
    complete = known.copy()
    for name in covariates:
        raw = tables.column(name, "covariates")
        if not raw[known].notna().any():
            raise InputError(
                f"{tables.file(name)}: covariate {name} is missing for everyone: leave it out"
            )
        if name not in categorical:
            text = np.flatnonzero(known & raw.notna() & _numbers(raw).isna())
            if len(text):
                iid = people.IID[text[0]]
                raise InputError(
                    f"{tables.place(name, iid)}: covariate {name} of {iid} is {raw[text[0]]}, not a "
                    "number: correct it, or list the covariate under categorical"
                )
        complete &= raw.notna().to_numpy()
        result[name] = raw
    if covariates:
        steps.append(("covariates known", complete.sum(), "a covariate missing"))
    result = result[complete]
    if result.empty:
        raise InputError(f"nobody has {column} and all covariates: leave out those that lack most")
    for name in covariates:
        values = result[name] if name in categorical else _numbers(result[name])
        if values.nunique() == 1:
            raise InputError(
                f"{tables.file(name)}: covariate {name} is {result[name].iloc[0]} for everyone left: "
                "leave it out of covariates"
            )

    kept = np.array([count for _, count, _ in steps])
    funnel = pd.DataFrame(
        {
            "step": [step for step, _, _ in steps],
            "unit": "people",
            "kept": kept,
            "dropped": -np.diff(kept, prepend=kept[0]),
            "reason": [reason for _, _, reason in steps],
        }
    )
    return result, funnel[FUNNEL_COLUMNS]
