"""Matching of the IDs in a table with the IDs of the genotype files: the same rules for every table.

IDs are compared as text. A table in which no ID matches is refused, and so is a table with IDs that would
match without a known fault, such as lost leading zeros. Otherwise the numbers are logged and returned.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from snpgen.io.tables import FUNNEL_COLUMNS
from snpgen.job import log
from snpgen.messages import Code, InputError

FEW = 0.8  # share of the IDs below which few match
MIN_MATCHED = 0.1  # default of cohort.min_matched
UNIT = "IDs in the "  # begins the unit of a match in a funnel

_FEW_MATCH = "; few match"  # ends the reason of a match in a funnel if few IDs match
_TRIED = 1_000_000  # IDs of a table that are searched for a fault

_SCIENTIFIC = r"(\d)(?:\.(\d+))?[eE]\+?(\d+)"
_SPREADSHEET = 15  # digits of a number that a spreadsheet keeps
_INVISIBLE = r"[\u00a0\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]"  # zero-width space and others
_MIN_ZEROS = 3  # zeros after these digits in all IDs, which are rare by chance


@dataclass(frozen=True)
class Match:
    """Number of distinct IDs in a table (`listed`), in the cohort (`known`) and in both (`matched`).

    `name` is the name of the table, such as "kinship table". `expected` is the number of IDs that can be
    expected to match; None for the smaller number of `listed` and `known`.
    """

    name: str
    listed: int
    known: int
    matched: int
    expected: int | None = None

    @property
    def few(self) -> bool:
        """Whether fewer than `FEW` of the expected IDs match."""
        smaller = min(self.listed, self.known)
        return self.matched < FEW * (smaller if self.expected is None else self.expected)

    def funnel(self) -> pd.DataFrame:
        """The match as a row of a funnel."""
        reason = "not in the cohort" + (_FEW_MATCH if self.few else "")
        row = (self.name, UNIT + self.name, self.matched, self.listed - self.matched, reason)
        return pd.DataFrame([row], columns=FUNNEL_COLUMNS)


def matches_of(funnel: pd.DataFrame) -> pd.DataFrame:
    """The rows of a funnel that describe a `Match`, with the additional column few (bool)."""
    rows = funnel[funnel.unit.str.startswith(UNIT)]
    return rows.assign(few=rows.reason.str.endswith(_FEW_MATCH))


@dataclass(frozen=True)
class _Cause:
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


def match_samples(
    path: str,
    name: str,
    theirs: pd.Series,
    samples: pd.DataFrame,
    min_share: float = 0.0,
    who: str = "genotyped individuals",
    expected: int | None = None,
) -> Match:
    """Match the sample IDs `theirs` of a table with `samples` (FID, IID), which are `who`.

    The index of `theirs` holds the line numbers of the file `path`; `name` and `expected` are those of the
    `Match`. Raises `InputError` if no ID matches, if fewer than `min_share` of `samples` are in the table, or
    if IDs match without one of the faults in `_sample_causes`.
    """
    theirs = theirs.drop_duplicates()
    lines, theirs = theirs.index, theirs.reset_index(drop=True)
    ours = samples.IID
    matched = theirs.isin(ours)
    others, unlisted = theirs[~matched], samples[~ours.isin(theirs)]
    causes = _sample_causes(others[:_TRIED], unlisted)
    if not matched.any():
        causes += _weak_causes(others[:_TRIED], unlisted)
    example = _find_example(causes)
    if example:
        cause, number, row, our_row = example
        raise InputError(
            Code.NO_MATCHING_SAMPLE,
            f"{number:,} of the {len(theirs):,} sample IDs in the {name} match only if this is corrected: "
            f"{cause.fault}. The table has {_show_invisible(theirs[row])}, and the genotype files have "
            f"{_show_invisible(ours[our_row])}",
            cause.remedy,
            file=path,
            line=lines[row] if matched.any() else None,
            sample=theirs[row],
        )
    if not matched.any():
        raise InputError(
            Code.NO_MATCHING_SAMPLE,
            f"none of the {len(theirs):,} sample IDs in the {name} (such as {_show(theirs)}) is among the "
            f"{len(ours):,} {who} (such as {_show(ours)}){_count_negative(ours)}",
            "Use the IIDs of the .fam",
            file=path,
        )
    found = Match(name, len(theirs), len(ours), int(matched.sum()), expected)
    if found.matched < min_share * len(ours):
        raise InputError(
            Code.NO_MATCHING_SAMPLE,
            f"only {found.matched:,} of the {len(ours):,} {who} are in the {name}. {len(others):,} of its "
            f"IDs{_such_as(others)} do not match, and the table lacks {len(unlisted):,} of the {who}"
            f"{_such_as(unlisted.IID)}{_count_negative(unlisted.IID)}",
            "Correct the IDs, or reduce 'cohort.min_matched' if the table covers only a part of the cohort",
            file=path,
        )
    return _report(found, path, others if len(others) else unlisted.IID)


def match_variants(
    path: str,
    name: str,
    theirs: Iterable[str],
    variant_id: pd.Series,
    expected: int | None = None,
) -> Match:
    """Match the variant IDs `theirs` of a table with the IDs `variant_id` of the genotype files.

    `name` and `expected` are those of the `Match`. Raises `InputError` if no ID matches, or if IDs match in another notation (`_variant_causes`).
    """
    listed = pd.Series(list(theirs), dtype=str).drop_duplicates()
    ours = variant_id.drop_duplicates()
    matched = listed.isin(ours)
    others, unlisted = listed[~matched], ours[~ours.isin(listed)]
    refuse_other_notation(path, name, listed, others, unlisted)
    if not matched.any():
        raise InputError(
            Code.UNKNOWN_VARIANT,
            f"none of the {len(listed):,} variant IDs in the {name} (such as {_show(listed)}) is in the "
            f"genotype files (such as {_show(ours)})",
            "Use the variant IDs of the .bim",
            file=path,
        )
    found = Match(name, len(listed), len(ours), int(matched.sum()), expected)
    return _report(found, path, others if len(others) else unlisted)


def refuse_other_notation(
    path: str,
    name: str,
    listed: pd.Series,
    others: pd.Series,
    unlisted: pd.Series,
    lines: pd.Series | None = None,
) -> None:
    """Raise `InputError` if IDs of a table match in another notation (`_variant_causes`).

    Of the distinct IDs `listed` in the table `name`, `others` do not match, and neither do the IDs `unlisted`
    of the genotype files. `lines` are the line numbers of `listed`, with the same index.
    """
    causes = []
    if len(unlisted):
        none_matched = len(others) == len(listed)
        causes = _variant_causes(others[:_TRIED], unlisted, none_matched)
    example = _find_example(causes)
    if example:
        cause, number, row, our_row = example
        raise InputError(
            Code.UNKNOWN_VARIANT,
            f"{number:,} of the {len(listed):,} variant IDs in the {name} match only if this is corrected: "
            f"{cause.fault}. The {name} has {listed[row]}, and the genotype files have {unlisted[our_row]}",
            cause.remedy,
            file=path,
            line=None if lines is None else int(lines[row]),
            variant=listed[row],
        )


def _report(found: Match, path: str, others: pd.Series) -> Match:
    """Log the numbers, with a warning if few IDs match."""
    numbers = "%d of the %d IDs in the %s match the %d IDs of the cohort"
    facts = (found.matched, found.listed, found.name, found.known)
    log.info(f"%s: {numbers}", path, *facts)
    if found.few and found.matched == found.listed:
        lacks = "warning: %s: the %s has only %d of the %d IDs of the cohort; it lacks %s"
        log.warning(lacks, path, found.name, found.matched, found.known, _show(others))
    elif found.few:
        log.warning(f"warning: %s: only {numbers}; others are %s", path, *facts, _show(others))
    return found


def _find_example(causes: Sequence[_Cause]) -> tuple[_Cause, int, int, int] | None:
    """The cause by which most IDs do not match, their number, and the rows of an example."""
    found = [(cause, pairs) for cause in causes if len(pairs := cause.pairs())]
    if not found:
        return None
    cause, pairs = max(found, key=lambda one: len(one[1]))
    return cause, len(pairs), pairs.row.iloc[0], pairs.our_row.iloc[0]


def _sample_causes(theirs: pd.Series, samples: pd.DataFrame) -> list[_Cause]:
    """Faults of sample IDs that are not in the `.fam`, and of `samples` that are not in the table."""
    if theirs.empty or samples.empty:
        return []
    fid, ours = samples.FID, samples.IID
    text = "Write the sample IDs as text"
    joined = pd.concat([fid + "_" + ours, ours + "_" + ours])
    double = r"(.+)_\1"
    formula = theirs.str.extract(r"^(?:=?\"(.*)\"|'(.*))$")
    return [
        _Cause(
            "the table has lost leading zeros",
            f"{text}, with their leading zeros",
            theirs,
            _strip_zeros(ours[_has_zeros(ours)]),
        ),
        _Cause(
            "the .fam has lost leading zeros",
            "Write the IDs in the table as in the .fam",
            _strip_zeros(theirs[_has_zeros(theirs)]),
            ours,
        ),
        _Cause(
            "the table joins FID and IID with _",
            "Remove the FID from the IDs in the table",
            theirs,
            joined,
        ),
        _Cause(
            "the .fam joins FID and IID with _",
            "Join FID and IID with _ in the table, as in the .fam",
            theirs,
            ours.str.extract(f"^{double}$")[0],
        ),
        _Cause(
            "the table has numbers in scientific notation",
            f"{text}, not in scientific notation",
            *_scientific(theirs, ours),
        ),
        _Cause(
            "digits of the IDs were rounded, as in a spreadsheet",
            f"{text}, with all digits",
            *_rounded(theirs, ours),
        ),
        _Cause(
            "the table has decimal numbers",
            f"{text}, not as decimal numbers",
            theirs.str.extract(r"^(\d+)[.,]0*$")[0],
            ours,
        ),
        _Cause(
            'the IDs in the table are in quotation marks, as in ="..."',
            "Remove the quotation marks",
            formula[0].fillna(formula[1]),
            ours,
        ),
        _Cause(
            "the IDs have a minus sign in one of the two (negative IDs stand for withdrawn participants)",
            "Use a table and a .fam of the same release, and delete withdrawn participants from the table",
            theirs.str.replace(r"^-(?=\d+$)", "", regex=True),
            ours.str.replace(r"^-(?=\d+$)", "", regex=True),
        ),
        _Cause(
            "the IDs in the table have a prefix or suffix",
            "Remove the text around the number",
            _bare_number(theirs),
            ours,
        ),
        _Cause(
            "the IDs in the .fam have a prefix or suffix",
            "Add it to the IDs in the table",
            theirs,
            _bare_number(ours),
        ),
        _Cause(
            "IDs contain a character that is invisible",
            "Delete the character, or write the IDs again without copying them",
            *(ids.str.replace(_INVISIBLE, "", regex=True) for ids in (theirs, ours)),
        ),
        _Cause(
            "upper and lower case differ",
            "Write the IDs in upper and lower case as in the .fam",
            theirs.str.casefold(),
            ours.str.casefold(),
        ),
    ]


def _weak_causes(theirs: pd.Series, samples: pd.DataFrame) -> list[_Cause]:
    """Further faults, which are considered only if no ID matches."""
    return [
        _Cause("the table has FIDs", "Write the IIDs", theirs, samples.FID.drop_duplicates()),
        _Cause(
            "the .fam joins FID and IID with _",
            "Join FID and IID with _ in the table, as in the .fam",
            theirs,
            samples.IID.str.rsplit("_", n=1).str[-1],
        ),
        _Cause(
            "the table joins FID and IID with _, but the FID is not that of the .fam",
            "Remove the FID from the IDs in the table",
            theirs.str.rsplit("_", n=1).str[-1],
            samples.IID,
        ),
    ]


def _variant_causes(theirs: pd.Series, ours: pd.Series, none_matched: bool) -> list[_Cause]:
    """Faults of variant IDs that are not in the `.bim`, and of IDs `ours` that are not in the table.

    Differences in alleles are considered only if no ID matches, because IDs with other alleles may belong to
    another variant at the same position.
    """
    their, mine = (
        ids.str.lower().str.removeprefix("chr").str.replace(r"[_/-]", ":", regex=True)
        for ids in (theirs, ours)
    )
    remedy = "Write the variant IDs as in the .bim"
    notation = _Cause("'chr', capitals or separators differ", remedy, their, mine)
    if not none_matched:
        return [notation]
    alleles, place = r"^(\d+:\d+):(\w+):(\w+)$", r"^(rs\d+|\d+:\d+)"
    swapped = mine[mine.str.fullmatch(alleles)].str.replace(alleles, r"\1:\3:\2", regex=True)
    bare = f"{place}$", f"{place}:"
    return [
        notation,
        _Cause("the alleles in the IDs are interchanged", remedy, their, swapped),
        *(
            _Cause(
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


def _count_negative(ours: pd.Series) -> str:
    """A clause on negative IDs, if there are any."""
    number = int(ours.str.fullmatch(r"-\d+").sum())
    if not number:
        return ""
    return f"; {number:,} have a negative ID, as UK Biobank gives to withdrawn participants"


def _show_invisible(name: str) -> str:
    """An ID with names such as <U+200B> in place of invisible characters."""
    return re.sub(_INVISIBLE, lambda found: f"<U+{ord(found[0]):04X}>", name)


def _show(ids: pd.Series) -> str:
    return ", ".join(ids[:3])


def _such_as(ids: pd.Series) -> str:
    return f" (such as {_show(ids)})" if len(ids) else ""
