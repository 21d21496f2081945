"""Matching of the IDs in a table with the IDs of the genotype files: the same rules for every table.

IDs are compared as text. A table in which no ID matches is refused, and so is a table with IDs that would
match without a known fault, such as lost leading zeros. Otherwise the numbers are logged and returned.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from snpgen.io.id_faults import describe_fault, sample_causes, variant_causes, weak_causes
from snpgen.io.tables import FUNNEL_COLUMNS
from snpgen.job import log
from snpgen.messages import Code, InputError

FEW = 0.8  # share of the IDs below which few match
MIN_MATCHED = 0.1  # default of cohort.min_matched
UNIT = "IDs in the "  # begins the unit of a match in a funnel

_FEW_MATCH = "; few match"  # ends the reason of a match in a funnel if few IDs match
_TRIED = 1_000_000  # IDs of a table that are searched for a fault


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
    if IDs match without one of the faults in `sample_causes`.
    """
    theirs = theirs.drop_duplicates()
    lines, theirs = theirs.index, theirs.reset_index(drop=True)
    ours = samples.IID
    matched = theirs.isin(ours)
    others, unlisted = theirs[~matched], samples[~ours.isin(theirs)]
    causes = sample_causes(others[:_TRIED], unlisted)
    if not matched.any():
        causes += weak_causes(others[:_TRIED], unlisted)
    fault = describe_fault(causes, f"sample IDs in the {name}", "table", theirs, ours)
    if fault:
        what, remedy, row = fault
        raise InputError(
            Code.NO_MATCHING_SAMPLE,
            what,
            remedy,
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

    `name` and `expected` are those of the `Match`. Raises `InputError` if no ID matches, or if IDs match in
    another notation (`variant_causes`).
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
    """Raise `InputError` if IDs of a table match in another notation (`variant_causes`).

    Of the distinct IDs `listed` in the table `name`, `others` do not match, and neither do the IDs `unlisted`
    of the genotype files. `lines` are the line numbers of `listed`, with the same index.
    """
    causes = []
    if len(unlisted):
        none_matched = len(others) == len(listed)
        causes = variant_causes(others[:_TRIED], unlisted, none_matched)
    fault = describe_fault(causes, f"variant IDs in the {name}", name, listed, unlisted)
    if fault:
        what, remedy, row = fault
        raise InputError(
            Code.UNKNOWN_VARIANT,
            what,
            remedy,
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


def _count_negative(ours: pd.Series) -> str:
    """A clause on negative IDs, if there are any."""
    number = int(ours.str.fullmatch(r"-\d+").sum())
    if not number:
        return ""
    return f"; {number:,} have a negative ID, as UK Biobank gives to withdrawn participants"


def _show(ids: pd.Series) -> str:
    return ", ".join(ids[:3])


def _such_as(ids: pd.Series) -> str:
    return f" (such as {_show(ids)})" if len(ids) else ""
