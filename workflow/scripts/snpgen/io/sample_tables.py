"""Tables of samples from users, such as phenotypes; values are looked up for the genotyped samples."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from snpgen.io.cells import describe_words, interpret, interpret_sex, read_fam_sex, to_numbers
from snpgen.io.expressions import evaluate, find_names, find_texts
from snpgen.io.files import check_text
from snpgen.io.matching import MIN_MATCHED, Match, match_samples
from snpgen.io.samples import BLANK, are_joined, join_fids
from snpgen.io.tables import missing_column, read_strings
from snpgen.job import log
from snpgen.messages import Code, InputError

_IID = {
    "iid",
    "eid",
    "f.eid",
    "n_eid",
    "participant.eid",
}  # in any case; all but the first of UK Biobank

_DECIMAL_COMMA = r"^-?\d+,\d+$"


def read_table(path: str, with_fid: bool = False) -> pd.DataFrame:
    """Read a table of samples with a column IID, as `read_strings` does.

    IID may be written in small letters, or as in the exports of UK Biobank (`_IID`). If FID and IID together
    identify samples (`with_fid`), they are joined in the column IID. Raises `InputError` if a column is
    missing, or if an IID is empty or occurs twice.
    """
    table = _read_samples(path, with_fid)
    repeated = table.IID[table.IID.duplicated()]
    if len(repeated):
        raise InputError(
            Code.DUPLICATE_ID,
            f"sample {repeated.iloc[0]} occurs twice",
            "Keep one line per sample",
            file=path,
            line=repeated.index[0],
            sample=repeated.iloc[0],
        )
    return table


def _read_samples(path: str, with_fid: bool) -> pd.DataFrame:
    """The table of `read_table`; IIDs may occur twice."""
    table = read_strings(path)
    if "IID" not in table:
        found = [name for name in table.columns if name.lower() in _IID]
        if len(found) != 1:
            raise missing_column(path, "IID", table.columns.tolist())
        table = table.rename(columns={found[0]: "IID"})
    if table.empty:
        raise InputError(
            Code.EMPTY_FILE, "the table has no rows", "Write or copy the file again", file=path
        )
    table["IID"] = table.IID.str.strip()
    if (table.IID == "").any():
        raise InputError(
            Code.MALFORMED_TABLE,
            "the sample has no IID",
            "Write its IID, or delete the line",
            file=path,
            line=table.index[table.IID == ""][0],
        )
    if with_fid:
        table["IID"] = join_fids(path, table)
    return table


def read_sample_list(path: str, with_fid: bool = False) -> pd.Series:
    """IDs of a list of samples, with or without a header; the index holds line numbers.

    Each line has an IID, or FID and IID as for PLINK's --remove, separated by blanks, tabs, commas or
    semicolons. If there are other columns, the header must name the column of the IID (`_IID`), and is
    read as the header of a table. A # and a blank begin a comment. If FID and IID together identify samples
    (`with_fid`), both are needed, and are joined. Raises `InputError` on another number of columns.
    """
    check_text(path, "Give sample IDs, one per line")
    text = Path(path).read_text(encoding="utf-8-sig")

    def split(line: str) -> list[str]:
        return [field.strip('"') for field in re.split(r"[\s,;]+", line.strip()) if field]

    first = text.split("\n", 1)[0].lstrip("#")
    header = [name.lower() for name in split(first)]
    is_header = bool(_IID & set(header))
    if is_header and (len(header) > 2 or header[-1] not in _IID):
        return _read_samples(path, with_fid).IID
    ids = {}
    for number, line in enumerate(text.splitlines(), start=1):
        fields = split(re.sub(r"(^|\s)#\s.*", "", line))
        if not fields or (number == 1 and is_header):
            continue
        if len(fields) > 2 or with_fid and len(fields) < 2:
            why = "; the IIDs in the .fam are not unique, so the FID is needed" if with_fid else ""
            raise InputError(
                Code.MALFORMED_TABLE,
                f"the line has {len(fields)} column{'s' if len(fields) > 1 else ''}{why}",
                "Write FID and IID" if with_fid else "Write one IID per line, or FID and IID",
                file=path,
                line=number,
            )
        ids[number] = BLANK.join(fields) if with_fid else fields[-1]
    return pd.Series(ids, dtype=str)


class Tables:
    """Columns of one or two tables, for the genotyped samples that the first table lists."""

    def __init__(
        self, samples: pd.DataFrame, paths: Sequence[str], min_matched: float = MIN_MATCHED
    ) -> None:
        """`samples` are the samples of the genotype files (FID, IID, sex).

        Raises `InputError` if IDs do not match (`match_samples`): the first table must have the share
        `min_matched` of `samples`, and the second this share of the samples in the first.
        """
        self.paths = list(paths)
        with_fid = are_joined(samples.IID)
        self.tables = [read_table(path, with_fid) for path in paths]
        self.samples = samples
        self.matches: list[Match] = []
        names = [("phenotype table", "genotyped individuals")]
        names += [("table of covariates", "individuals in the phenotype table")]
        for path, table, (name, who) in zip(self.paths, self.tables, names, strict=False):
            match = match_samples(path, name, table.IID, self.samples, min_matched, who)
            if not self.matches:
                # Sorted, so that results do not depend on the order of the .fam.
                self.samples = samples[samples.IID.isin(table.IID)].sort_values(
                    ["IID", "FID"], ignore_index=True
                )
            self.matches.append(match)
        self._columns: dict[tuple[str, bool], pd.Series] = {}
        self._report_shared_columns()

    def _report_shared_columns(self) -> None:
        """Log the columns that are in both tables; the values of the first table are used."""
        first, *others = self.tables
        for path, table in zip(self.paths[1:], others, strict=True):
            shared = [
                name for name in table.columns if name in first and name not in ("FID", "IID")
            ]
            if shared:
                log.warning(
                    "%s in both %s and %s: the values in %s are used",
                    f"the column {shared[0]} is"
                    if len(shared) == 1
                    else f"the columns {', '.join(shared)} are",
                    self.paths[0],
                    path,
                    self.paths[0],
                )

    def _find(self, name: str) -> tuple[str, pd.DataFrame] | None:
        """Path and content of the first table that has the column."""
        tables = zip(self.paths, self.tables, strict=True)
        return next((found for found in tables if name in found[1]), None)

    def column(
        self, name: str, key: str, numeric: bool = False, classes: frozenset[str] = frozenset()
    ) -> pd.Series:
        """Values of a column as strings, one per sample, NaN if missing (`cells.interpret`).

        They are those of the first table that has the column. The column `sex` is "1" or "2"
        (`cells.interpret_sex`); if no table has it, sex is taken from the .fam. `key` is the configuration
        key that names the column, for the message; `numeric` and `classes` as in `cells.interpret`.
        """
        if (name, numeric) not in self._columns:
            self._columns[name, numeric] = self._interpret(name, key, numeric, classes)
        return self._columns[name, numeric]

    def _interpret(self, name: str, key: str, numeric: bool, classes: frozenset[str]) -> pd.Series:
        found = self._find(name)
        if not found:
            if name == "sex":
                return read_fam_sex(self.samples.sex)
            listed = "; ".join(
                f"{path} has {', '.join(table.columns)}"
                for path, table in zip(self.paths, self.tables, strict=True)
            )
            raise InputError(
                Code.MISSING_COLUMN,
                f"no table has the column {name}; {listed}",
                "Correct the phenotype's file",
                key=key,
            )
        cells = self.samples.IID.map(found[1].set_index("IID", drop=False)[name])
        if name != "sex":
            return interpret(cells, name, numeric, classes)
        sex, wrong = interpret_sex(cells)
        if wrong.any():
            raise self.words_error(
                name,
                cells[wrong],
                "cannot be read as sex",
                "Write 1 or male, 2 or female, and NA if the sex is unknown. In UK Biobank, 0 is female",
            )
        return sex

    def words_error(
        self, name: str, cells: pd.Series, what: str, remedy: str, code: Code = Code.INVALID_VALUE
    ) -> InputError:
        """The error about the cells of a column that cannot be used; their index are rows of `samples`."""
        path, lines = self._lines(name, cells)
        cells = cells[lines.index]
        if cells.str.contains(_DECIMAL_COMMA).any():
            remedy = "Write decimal points instead of commas"
        return InputError(
            code,
            f"{len(cells)} {'value' if len(cells) == 1 else 'values'} of '{name}' {what}: "
            f"{describe_words(cells.set_axis(lines))}",
            remedy,
            file=path,
            line=lines.iloc[0] or None,
            sample=self.samples.IID[lines.index[0]],
        )

    def first_place(self, name: str, cells: pd.Series) -> tuple[str, int | None, int]:
        """File and line of the first of the cells `cells` of a column, and its row of `samples`."""
        path, lines = self._lines(name, cells)
        return path, int(lines.iloc[0]) or None, int(lines.index[0])

    def _lines(self, name: str, cells: pd.Series) -> tuple[str, pd.Series]:
        """File of a column, and the lines of some of its cells in ascending order; 0 if it is in the .fam."""
        found = self._find(name)
        if not found:
            return ".fam", pd.Series(0, cells.index)
        path, table = found
        lines = pd.Series(table.index, index=table.IID)[self.samples.IID[cells.index]]
        return path, lines.set_axis(cells.index).sort_values()

    def file(self, name: str) -> str:
        """The file that a column comes from, for messages."""
        found = self._find(name)
        return found[0] if found else ".fam"

    def included(self, expression: str, categorical: Sequence[str] = ()) -> np.ndarray:
        """Whether each sample fulfils an expression such as "sex == 2" (`expressions.evaluate`), bool (n,).

        A column that contains only numbers is compared as numbers, unless it is listed in `categorical` and
        the expression compares it with text, such as '01'. A column of numbers that also contains words is
        compared as text if it is listed in `categorical`; otherwise it is refused. A sample with a missing
        value in a column of the expression is not included. Raises `InputError` if no sample is included.
        """
        columns = {}
        texts = find_texts(expression)
        known = {"sex", *(name for table in self.tables for name in table.columns)}
        for name in find_names(expression):
            if name not in known:
                raise InputError(
                    Code.INVALID_EXPRESSION,
                    f'"{expression}" uses {name}, but the columns are {", ".join(sorted(known))}',
                    "Correct the name; write it in backticks if it contains other characters than letters, "
                    "digits and _",
                    key="include",
                )
            if name in ("FID", "IID"):
                columns[name] = self.samples[name]
                continue
            values = self.column(name, "include", numeric=name not in categorical)
            numbers = to_numbers(values)
            words = values.notna() & numbers.isna()
            if not words.any() and not (name in categorical and name in texts):
                columns[name] = numbers
            elif name in categorical or words.sum() > numbers.notna().sum():
                columns[name] = values
            else:
                raise self.words_error(
                    name,
                    values[words],
                    "cannot be compared by 'include', because most values are numbers",
                    "Correct the values, write NA if they are missing, or list the column in 'categorical' to "
                    "compare it as text",
                )
        return evaluate(expression, columns)
