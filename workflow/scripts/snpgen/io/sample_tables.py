"""Tables of samples from users, such as phenotypes; values are looked up for the genotyped samples."""

import re
from collections.abc import Sequence
from tokenize import TokenError

import numpy as np
import pandas as pd

from snpgen.io.tables import missing_column, read_strings, to_numbers
from snpgen.messages import Code, InputError

_MISSING = ["NA", "", "-9"]
# A column name in backticks, a text in quotes, or a column name without backticks.
_NAMES = re.compile(r"`([^`]*)`|\"[^\"]*\"|'[^']*'|([^\W\d]\w*)")
_EVALUATION = (  # errors of pandas about a faulty expression
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


def read_table(path: str) -> pd.DataFrame:
    """Read a table of samples with a column IID, as `read_strings` does; NA, empty and -9 are missing.

    Raises `InputError` if there is no column IID, or if an IID is missing or occurs twice.
    """
    table = read_strings(path)
    table = table.mask(table.isin(_MISSING))
    if "IID" not in table:
        raise missing_column(path, "IID", table.columns.tolist())
    if table.IID.isna().any():
        raise InputError(
            Code.MALFORMED_TABLE,
            "the sample has no IID",
            "Write its IID, or delete the line",
            file=path,
            line=table.index[table.IID.isna()][0],
        )
    table["IID"] = table.IID.str.strip()
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
        self.samples = samples[samples.IID.isin(theirs)].reset_index(drop=True)
        if self.samples.empty:
            remedy = _explain_mismatch(theirs, samples)
            raise no_matching_sample(paths[0], theirs, samples.IID, remedy)
        for path, table in zip(self.paths, self.tables, strict=True):
            _check_zeros(path, table.IID, samples.IID)

    def _find(self, name: str) -> tuple[str, pd.DataFrame] | None:
        """Path and content of the first table that has the column."""
        tables = zip(self.paths, self.tables, strict=True)
        return next((found for found in tables if name in found[1]), None)

    def column(self, name: str, key: str) -> pd.Series:
        """Values of a column as strings, one per sample, from the first table that has it.

        If no table has the column `sex`, sex is taken from the .fam. `key` is the configuration key that
        names the column, for the message.
        """
        found = self._find(name)
        if found:
            return self.samples.IID.map(found[1].set_index("IID", drop=False)[name])
        if name == "sex":
            return self.samples.sex.replace({"0": np.nan, "-9": np.nan})
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

    def file(self, name: str) -> str:
        """The file that a column comes from, for messages."""
        found = self._find(name)
        return found[0] if found else ".fam"

    def place(self, name: str, iid: str) -> tuple[str, int | None]:
        """File and line of the sample's value of a column, for messages; the line is None for the .fam."""
        found = self._find(name)
        return (found[0], int(found[1].index[found[1].IID == iid][0])) if found else (".fam", None)

    def included(self, expression: str) -> np.ndarray:
        """Whether each sample fulfils a pandas query such as "sex == 2", bool (n_samples,).

        Columns that contain only numbers are compared as numbers; a name such as 21000-0.0 must be in
        backticks. A sample with a missing value in a column of the query is not included.
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
            words = error.args[0] if error.args else type(error).__name__
            raise InputError(
                Code.INVALID_EXPRESSION,
                f'"{expression}" cannot be evaluated ({" ".join(str(words).split())}); the columns are '
                f"{', '.join(frame.columns)}",
                "Correct the expression in the phenotype's file",
                key="include",
            ) from None
        if not isinstance(result, pd.Series) or result.dtype != bool:
            raise InputError(
                Code.INVALID_EXPRESSION,
                f'"{expression}" does not give true or false for each sample',
                'Write a comparison such as "sex == 2"',
                key="include",
            )
        # In pandas, `!=` is true for missing values.
        words = {bare or ticked for ticked, bare in _NAMES.findall(expression)}
        used = [name for name in frame.columns if name in words]
        return result.to_numpy() & frame[used].notna().all(axis=1).to_numpy()
