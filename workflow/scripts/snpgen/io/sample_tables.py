"""Tables of samples from users, such as phenotypes; values are looked up for the genotyped samples."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from snpgen.io.cells import describe_words, interpret, interpret_sex, to_numbers
from snpgen.io.expressions import evaluate, find_names
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


def read_table(path: str) -> pd.DataFrame:
    """Read a table of samples with a column IID, as `read_strings` does.

    IID may be written in small letters, or as in the exports of UK Biobank (`_IID`). Raises `InputError` if
    there is no such column, or if an IID is missing or occurs twice.
    """
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


def no_matching_sample(path: str, theirs: pd.Series, ours: pd.Series, remedy: str) -> InputError:
    """The error about a table without any genotyped sample; it shows IDs of the table and of the genotypes."""
    shown, known = ", ".join(theirs[:3]), ", ".join(ours[:3])
    what = f"none of the sample IDs (such as {shown}) is in the genotype files (such as {known})"
    return InputError(Code.NO_MATCHING_SAMPLE, what, remedy, file=path)


def _explain_mismatch(theirs: pd.Series, samples: pd.DataFrame) -> str:
    """Find the remedy for a table without any ID of the `.fam`, by trying frequent causes."""
    ours = samples.IID
    guesses = {
        "Remove the FID from the IDs: the table joins FID and IID with _": samples.FID + "_" + ours,
        "Join FID and IID with _ in the table, as in the .fam": ours.str.rsplit("_").str[-1],
        "Write the IIDs instead of the FIDs": samples.FID,
        "Write the sample IDs as text: the table has lost leading zeros": ours.str.lstrip("0"),
        "Write the sample IDs as text, not as decimal numbers": ours + ".0",
        "Write the IDs in upper and lower case as in the .fam": ours.str.swapcase(),
    }
    return next(
        (remedy for remedy, guess in guesses.items() if guess.isin(theirs).any()),
        "Use the IIDs of the .fam",
    )


def _check_zeros(path: str, theirs: pd.Series, ours: pd.Series) -> None:
    """Raise `InputError` if an ID of the `.fam` is in the table only without its leading zeros."""
    padded = ours[ours.str.startswith("0") & ~ours.isin(theirs)]
    bare = padded.str.lstrip("0")
    lost = padded[bare.isin(theirs) & ~bare.isin(ours)]
    if len(lost):
        iid = lost.iloc[0].lstrip("0")
        raise InputError(
            Code.NO_MATCHING_SAMPLE,
            f"sample {iid} is not in the .fam, but {lost.iloc[0]} is: the table has lost leading zeros",
            "Write the sample IDs as text",
            file=path,
            line=theirs.index[theirs == iid][0],
            sample=iid,
        )


class Tables:
    """Columns of one or two tables, for the genotyped samples that the first table lists."""

    def __init__(self, samples: pd.DataFrame, paths: Sequence[str]) -> None:
        """`samples` are the samples of the genotype files (FID, IID, sex)."""
        self.paths = list(paths)
        self.tables = [read_table(path) for path in paths]
        theirs = self.tables[0].IID
        # Sorted, so that results do not depend on the order of the .fam.
        self.samples = samples[samples.IID.isin(theirs)].sort_values(
            ["IID", "FID"], ignore_index=True
        )
        if self.samples.empty:
            remedy = _explain_mismatch(theirs, samples)
            raise no_matching_sample(paths[0], theirs, samples.IID, remedy)
        for path, table in zip(self.paths, self.tables, strict=True):
            _check_zeros(path, table.IID, samples.IID)
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
                return interpret_sex(self.samples.sex)[0]
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

        A column that contains only numbers is compared as numbers. A column of numbers that also contains
        words is compared as text if it is listed in `categorical`; otherwise it is refused. A sample with a
        missing value in a column of the expression is not included.
        """
        columns = {}
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
            if not words.any():
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
