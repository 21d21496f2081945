"""Faults of IDs in a table, such as lost leading zeros, without which they would match the genotype files."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

_SCIENTIFIC = r"(\d)(?:\.(\d+))?[eE]\+?(\d+)"
_SPREADSHEET = 15  # digits of a number that a spreadsheet keeps
_INVISIBLE = r"[\u00a0\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]"  # zero-width space and others
_MIN_ZEROS = 3  # zeros after these digits in all IDs, which are rare by chance


@dataclass(frozen=True)
class Cause:
    """A fault that keeps IDs from matching, and its remedy.

    `theirs` and `ours` (index: rows) are IDs of the table and of the genotype files that match only
    without the fault. An ID may have several rows.
    """

    fault: str
    remedy: str
    theirs: pd.Series
    ours: pd.Series

    def pairs(self) -> pd.DataFrame:
        """Rows (`row`, `our_row`) of the IDs that match without the fault, in the order of the table."""
        alike = self.ours[self.ours.isin(self.theirs)]  # few or none, which makes the merge fast
        theirs, ours = (
            pd.DataFrame({"id": ids, name: ids.index}).dropna()
            for ids, name in ((self.theirs, "row"), (alike, "our_row"))
        )
        return theirs.merge(ours, on="id").drop_duplicates("row")


def describe_fault(
    causes: Sequence[Cause], ids: str, holder: str, listed: pd.Series, ours: pd.Series
) -> tuple[str, str, int] | None:
    """The fault by which most IDs do not match, its remedy, and the row of an example; None without a fault.

    `ids` names the IDs in the message, as in "sample IDs in the kinship table", and `holder` the table. `listed`
    are its distinct IDs, and `ours` those of the genotype files; `causes` have the same index.
    """
    found = [(cause, pairs) for cause in causes if len(pairs := cause.pairs())]
    if not found:
        return None
    cause, pairs = max(found, key=lambda one: len(one[1]))
    row, our_row = pairs.row.iloc[0], pairs.our_row.iloc[0]
    what = (
        f"{len(pairs):,} of the {len(listed):,} {ids} match only if this is corrected: {cause.fault}. The {holder} "
        f"has {_show_invisible(listed[row])}, and the genotype files have {_show_invisible(ours[our_row])}"
    )
    return what, cause.remedy, row


def sample_causes(theirs: pd.Series, samples: pd.DataFrame) -> list[Cause]:
    """Faults of sample IDs that are not in the `.fam`, and of `samples` that are not in the table."""
    if theirs.empty or samples.empty:
        return []
    fid, ours = samples.FID, samples.IID
    text = "Write the sample IDs as text"
    joined = pd.concat([fid + "_" + ours, ours + "_" + ours])
    double = r"(.+)_\1"
    formula = theirs.str.extract(r"^(?:=?\"(.*)\"|'(.*))$")
    return [
        Cause(
            "the table has lost leading zeros",
            f"{text}, with their leading zeros",
            theirs,
            _strip_zeros(ours[_has_zeros(ours)]),
        ),
        Cause(
            "the .fam has lost leading zeros",
            "Write the IDs in the table as in the .fam",
            _strip_zeros(theirs[_has_zeros(theirs)]),
            ours,
        ),
        Cause(
            "the table joins FID and IID with _",
            "Remove the FID from the IDs in the table",
            theirs,
            joined,
        ),
        Cause(
            "the .fam joins FID and IID with _",
            "Join FID and IID with _ in the table, as in the .fam",
            theirs,
            ours.str.extract(f"^{double}$")[0],
        ),
        Cause(
            "the table has numbers in scientific notation",
            f"{text}, not in scientific notation",
            *_scientific(theirs, ours),
        ),
        Cause(
            "digits of the IDs were rounded, as in a spreadsheet",
            f"{text}, with all digits",
            *_rounded(theirs, ours),
        ),
        Cause(
            "the table has decimal numbers",
            f"{text}, not as decimal numbers",
            theirs.str.extract(r"^(\d+)[.,]0*$")[0],
            ours,
        ),
        Cause(
            'the IDs in the table are in quotation marks, as in ="..."',
            "Remove the quotation marks",
            formula[0].fillna(formula[1]),
            ours,
        ),
        Cause(
            "the IDs have a minus sign in one of the two (UK Biobank gives negative IDs to withdrawn participants)",
            "Use a table and a .fam of the same release, and delete withdrawn participants from the table",
            theirs.str.replace(r"^-(?=\d+$)", "", regex=True),
            ours.str.replace(r"^-(?=\d+$)", "", regex=True),
        ),
        Cause(
            "the IDs in the table have a prefix or suffix",
            "Remove the text around the number",
            _bare_number(theirs),
            ours,
        ),
        Cause(
            "the IDs in the .fam have a prefix or suffix",
            "Add it to the IDs in the table",
            theirs,
            _bare_number(ours),
        ),
        Cause(
            "IDs contain a character that is invisible",
            "Delete the character, or write the IDs again without copying them",
            *(ids.str.replace(_INVISIBLE, "", regex=True) for ids in (theirs, ours)),
        ),
        Cause(
            "upper and lower case differ",
            "Write the IDs in upper and lower case as in the .fam",
            theirs.str.casefold(),
            ours.str.casefold(),
        ),
    ]


def weak_causes(theirs: pd.Series, samples: pd.DataFrame) -> list[Cause]:
    """Further faults, which are considered only if no ID matches."""
    return [
        Cause("the table has FIDs", "Write the IIDs", theirs, samples.FID.drop_duplicates()),
        Cause(
            "the .fam joins FID and IID with _",
            "Join FID and IID with _ in the table, as in the .fam",
            theirs,
            samples.IID.str.rsplit("_", n=1).str[-1],
        ),
        Cause(
            "the table joins FID and IID with _, but the FID is not that of the .fam",
            "Remove the FID from the IDs in the table",
            theirs.str.rsplit("_", n=1).str[-1],
            samples.IID,
        ),
    ]


def variant_causes(theirs: pd.Series, ours: pd.Series, none_matched: bool) -> list[Cause]:
    """Faults of variant IDs that are not in the `.bim`, and of IDs `ours` that are not in the table.

    Differences in alleles are considered only if no ID matches, because IDs with other alleles may belong to
    another variant at the same position.
    """
    their, mine = (
        ids.str.lower().str.removeprefix("chr").str.replace(r"[_/-]", ":", regex=True)
        for ids in (theirs, ours)
    )
    remedy = "Write the variant IDs as in the .bim"
    notation = Cause("'chr', capitals or separators differ", remedy, their, mine)
    if not none_matched:
        return [notation]
    alleles, place = r"^(\d+:\d+):(\w+):(\w+)$", r"^(rs\d+|\d+:\d+)"
    swapped = mine[mine.str.fullmatch(alleles)].str.replace(alleles, r"\1:\3:\2", regex=True)
    bare = f"{place}$", f"{place}:"
    return [
        notation,
        Cause("the alleles in the IDs are interchanged", remedy, their, swapped),
        *(
            Cause(
                f"only the IDs in the {which} contain alleles",
                remedy,
                their.str.extract(first)[0],
                mine.str.extract(second)[0],
            )
            for which, first, second in (("genotype files", *bare), ("table", *bare[::-1]))
        ),
    ]


def _has_zeros(ids: pd.Series) -> pd.Series:
    return ids.str.contains(r"(?:^| )0\d")


def _bare_number(ids: pd.Series) -> pd.Series:
    """The number in IDs with other characters before or after it; NaN for other IDs."""
    found = ids.str.extract(r"^[^\W\d]\D*(\d{4,})\D*$|^(\d{4,})\W?[^\W\d]\D*$")
    return found[0].fillna(found[1])


def _strip_zeros(ids: pd.Series) -> pd.Series:
    """IDs without leading zeros; the last digit is kept."""
    return ids.str.replace(r"(^| )0+(?=\d)", r"\1", regex=True)


def _scientific(theirs: pd.Series, ours: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Numbers such as 1.2e+06 written out, and whole numbers with as many significant digits."""
    parts = theirs.str.extract(f"^{_SCIENTIFIC}$").dropna(subset=[0, 2])
    digits = parts[0] + parts[1].fillna("")
    zeros = parts[2].astype(int) + 1 - digits.str.len()
    digits, zeros = digits[zeros.between(0, 40)], zeros[zeros.between(0, 40)]
    written = digits + zeros.map(lambda number: "0" * number)
    rounded = [_round(ours, int(kept)) for kept in digits.str.len().unique()]
    return written, pd.concat(rounded) if rounded else ours[:0]


def _rounded(theirs: pd.Series, ours: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Long numbers of a table, and ours with the digits that a spreadsheet or float64 keeps.

    Long numbers are tried only if most of those in the table end with zeros, more than by chance.
    """
    theirs, ours = (ids[ids.str.fullmatch(r"[1-9]\d{15,}")] for ids in (theirs, ours))
    kept: list[pd.Series] = []
    zeros = theirs[theirs.str.fullmatch(rf"\d{{{_SPREADSHEET}}}0+")].str.len() - _SPREADSHEET
    if len(zeros) > len(theirs) / 2 and zeros.sum() >= _MIN_ZEROS:
        end = (ours.str.len() - _SPREADSHEET).map(lambda number: "0" * number)
        kept += [_round(ours, _SPREADSHEET), ours.str[:_SPREADSHEET] + end]
    if (theirs.map(_as_float) == theirs).mean() > 0.5:
        kept.append(ours.map(_as_float))
    return theirs, pd.concat(kept) if kept else ours[:0]


def _as_float(number: str) -> str:
    """A whole number after conversion to float64, which keeps about 16 digits."""
    return str(int(float(number)))


def _round(ids: pd.Series, digits: int) -> pd.Series:
    """Whole numbers rounded to `digits` significant digits, as text; other IDs are omitted."""

    def of(number: str) -> str:
        excess = len(number) - digits
        if excess <= 0:
            return number
        return str((int(number) + 5 * 10 ** (excess - 1)) // 10**excess * 10**excess)

    return ids[ids.str.fullmatch(r"[1-9]\d*")].map(of)


def _show_invisible(name: str) -> str:
    """An ID with names such as <U+200B> in place of invisible characters."""
    return re.sub(_INVISIBLE, lambda found: f"<U+{ord(found[0]):04X}>", name)
