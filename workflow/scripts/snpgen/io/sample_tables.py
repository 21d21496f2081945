"""Tables of samples from users, such as phenotypes; values are looked up for the genotyped samples."""

import re
from collections.abc import Sequence
from pathlib import Path
from tokenize import TokenError

import numpy as np
import pandas as pd

from snpgen.io.files import check_text
from snpgen.io.matching import MIN_MATCHED, Match, match_samples
from snpgen.io.samples import BLANK, are_joined, join_fids
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


def read_table(path: str, with_fid: bool = False) -> pd.DataFrame:
    """Read a table of samples with a column IID, as `read_strings` does; NA, empty and -9 are missing.

    In FID and IID, they are text. If FID and IID together identify samples (`with_fid`), they are joined in
    the column IID. Raises `InputError` if a column is missing, or if an IID is empty or occurs twice.
    """
    table = read_strings(path)
    values = table.columns.difference(["FID", "IID"])
    table[values] = table[values].mask(table[values].isin(_MISSING))
    if "IID" not in table:
        raise missing_column(path, "IID", table.columns.tolist())
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


def read_sample_list(path: str, with_fid: bool = False) -> pd.Series:
    """IDs of a list of samples, with or without a header; the index holds line numbers.

    Each line has an IID, or FID and IID as for PLINK's --remove, separated by blanks, tabs, commas or
    semicolons. If FID and IID together identify samples (`with_fid`), both are needed, and are joined. Raises
    `InputError` on another number of columns.
    """
    check_text(path, "Give sample IDs, one per line")
    text = Path(path).read_text(encoding="utf-8-sig")
    ids = {}
    for number, line in enumerate(text.splitlines(), start=1):
        fields = [field.strip('"') for field in re.split(r"[\s,;]+", line.strip()) if field]
        if not fields or (number == 1 and fields[-1].lstrip("#").lower() in ("iid", "eid")):
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
                self.samples = samples[samples.IID.isin(table.IID)].reset_index(drop=True)
            self.matches.append(match)

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
