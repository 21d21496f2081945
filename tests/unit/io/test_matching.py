"""IDs of a table are matched with those of the genotype files; faults that keep IDs apart are named."""

import logging
from pathlib import Path

import pandas as pd
import pytest
from broken_input import check_refusal

from snpgen.cohort.qc import check_kinship, exclude_samples
from snpgen.io.matching import MIN_MATCHED, Match, match_samples, match_variants, matches_of
from snpgen.io.sample_tables import read_sample_list
from snpgen.messages import Code

UNMATCHED = Code.NO_MATCHING_SAMPLE


def samples(*iids: str, fid: str = "F1") -> pd.DataFrame:
    return pd.DataFrame({"FID": fid, "IID": list(iids)})


def table(*iids: str) -> pd.Series:
    """IDs in the lines 2, 3, ... of a table."""
    return pd.Series(iids, index=range(2, len(iids) + 2), dtype=str)


@pytest.mark.parametrize("mark", ["\u200b", "\ufeff", "\u00a0", "\u200e"])
@pytest.mark.parametrize("in_table", [True, False])
def test_invisible_character_is_named(mark: str, in_table: bool) -> None:
    theirs, ours = (f"10{mark}17", "1017") if in_table else ("1017", f"1017{mark}")
    call = lambda: match_samples("t.tsv", "table", table("A", theirs), samples("A", ours))
    error = check_refusal(call, UNMATCHED, "t.tsv", 3, sample=theirs)
    assert "invisible" in error.what and f"<U+{ord(mark):04X}>" in error.what


# An ID as in the table, as in the .fam, and a word of the message.
FAULTS = {
    "zeros lost in the table": ("17", "0017", "leading zeros"),
    "zeros lost in the .fam": ("0017", "17", "leading zeros"),
    "FID and IID joined": ("F1_17", "17", "joins FID and IID"),
    "IID doubled": ("1000017_1000017", "1000017", "joins FID and IID"),
    "doubled in the .fam": ("1000017", "1000017_1000017", "joins FID and IID"),
    "scientific notation of R": ("1e+05", "100000", "scientific"),
    "rounded scientific notation": ("1.23457E+18", "1234567890123456789", "scientific"),
    "with several digits": ("1.2e+06", "1200000", "scientific"),
    "cut after 15 digits": ("1234567890123450000", "1234567890123456789", "digits"),
    "rounded to 15 digits": ("1234567890123460000", "1234567890123456789", "digits"),
    "rounded to float64": ("1234567890123456768", "1234567890123456789", "digits"),
    "formula": ('="0017"', "0017", "quotation marks"),
    "formula without equals sign": ('"0017"', "0017", "quotation marks"),
    "apostrophe": ("'0017", "0017", "quotation marks"),
    "minus sign in the table": ("-1000017", "1000017", "withdrawn"),
    "minus sign in the .fam": ("1000017", "-1000017", "withdrawn"),
    "decimal number": ("1000017.0", "1000017", "decimal"),
    "capitals": ("na12878", "NA12878", "upper and lower case"),
    "prefix": ("sample_1000017", "1000017", "prefix"),
    "suffix": ("1000017.bam", "1000017", "prefix"),
    "prefix in the .fam": ("1000017", "UKB1000017", "prefix"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("others", [(), ("A", "B", "C")], ids=["alone", "among IDs that match"])
def test_faults_are_named(fault: str, others: tuple[str, ...]) -> None:
    theirs, ours, word = FAULTS[fault]
    call = lambda: match_samples("t.tsv", "table", table(*others, theirs), samples(*others, ours))
    line = len(others) + 2 if others else None
    error = check_refusal(call, UNMATCHED, "t.tsv", line, sample=theirs)
    assert word in error.what and theirs in error.what and ours in error.what


def test_the_cause_of_most_ids_is_named() -> None:
    theirs = table("1", "2", "F1_c", "na9")
    error = check_refusal(
        lambda: match_samples("t.tsv", "table", theirs, samples("01", "02", "c", "NA9")),
        UNMATCHED,
        "t.tsv",
        sample="1",
    )
    assert "2 of the 4" in error.what and "zeros" in error.what


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (("0012", "12"), ("0012", "13")),  # another individual, 12, is not in the cohort
        (("-9", "5"), ("-9", "6")),  # an ID, not a missing value
        (("1234567890123456", "1234567890123460"), ("1234567890123456", "1234567890123458")),
        (("A_7", "B_7"), ("A_7", "C_7")),
        (("NA", "A0008", "B0005"), ("NA", "A0005")),
    ],
)
def test_other_individuals_are_no_fault(theirs: tuple[str, ...], ours: tuple[str, ...]) -> None:
    assert match_samples("t.tsv", "table", table(*theirs), samples(*ours)).matched == 1


def test_a_table_without_a_match_is_refused_with_ids_of_both() -> None:
    call = lambda: match_samples("t.tsv", "table", table("x", "y"), samples("q", "r", "-3"))
    error = check_refusal(call, UNMATCHED, "t.tsv")
    assert "x, y" in error.what and "q, r" in error.what and "1 have a negative ID" in error.what


def test_a_table_needs_its_share_of_the_cohort() -> None:
    ours = samples(*(f"s{number}a" for number in range(100)))
    enough, too_few = (
        table(*ours.IID[:number], *(f"other{k}x" for k in range(50))) for number in (10, 9)
    )
    assert match_samples("t.tsv", "table", enough, ours, MIN_MATCHED).matched == 10
    error = check_refusal(
        lambda: match_samples("t.tsv", "table", too_few, ours, MIN_MATCHED), UNMATCHED, "t.tsv"
    )
    assert "only 9 of the 100" in error.what and "50 of its IDs" in error.what
    assert match_samples("t.tsv", "table", too_few, ours).matched == 9


def test_numbers_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "snpgen")
    full = match_samples("t.tsv", "table", table("a", "b", "a"), samples("a", "b", "c"))
    few = match_samples("t.tsv", "table", table("a", "x", "y"), samples("a", "b", "c"))
    assert (full.listed, full.known, full.matched, full.few) == (2, 3, 2, False)
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO", "WARNING"]
    assert "1 of the 3 IDs" in caplog.text and few.few
    rows = matches_of(pd.concat([full.funnel(), few.funnel()]))
    assert rows[["kept", "dropped", "few"]].to_numpy().tolist() == [[2, 0, False], [1, 2, True]]
    assert not Match("list", 9, 9, 1, expected=0).few
    assert Match("INFO table", 10, 100, 10, expected=100).few


def test_half_of_a_kinship_table_is_refused() -> None:
    """Pairs 1-2, 3-4, ...; IDs below 100 have lost their zeros."""
    ours = samples(*(f"{number:03}" for number in range(50, 150)))
    theirs = [f"{number}" for number in range(50, 150)]
    pairs = pd.DataFrame({"IID1": theirs[::2], "IID2": theirs[1::2], "kinship": 0.25})
    pairs.index += 2
    check_refusal(lambda: check_kinship(pairs, ours, "k"), UNMATCHED, "k", 2, sample="50")


def test_a_kinship_table_with_one_unknown_column_is_refused() -> None:
    ours = samples(*(f"s{number}a" for number in range(40)))
    other = [f"{number}q" for number in range(40)]
    pairs = pd.DataFrame({"IID1": ours.IID, "IID2": other, "kinship": 0.25})
    error = check_refusal(lambda: check_kinship(pairs, ours, "k"), UNMATCHED, "k")
    assert "IID2" in error.what
    assert check_kinship(pairs[:5], ours, "k")[0].matched == 5  # could be chance
    assert check_kinship(pairs[:0], ours, "k") == []


VARIANTS = {
    "chr": ("chr1:5:A:G", "1:5:A:G", "'chr'"),
    "separator": ("1_5_A_G", "1:5:A:G", "separators"),
    "alleles interchanged": ("1:5:G:A", "1:5:A:G", "interchanged"),
    "alleles only in the table": ("rs7:A:G", "rs7", "IDs in the table contain alleles"),
    "alleles only in the .bim": ("1:5", "1:5:A:G", "IDs in the genotype files contain alleles"),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_other_notations_of_variants_are_named(name: str) -> None:
    theirs, ours, word = VARIANTS[name]
    error = check_refusal(
        lambda: match_variants("info", "INFO table", [theirs, "x"], pd.Series([ours, "y"])),
        Code.UNKNOWN_VARIANT,
        "info",
        variant=theirs,
    )
    assert word in error.what and ours in error.what


def test_variants_of_a_table_that_covers_more() -> None:
    ours = pd.Series(["rs1", "rs1", "1:5:A:G"])
    match = match_variants("info", "INFO table", ["rs1", "rs2", "1:5:A:T", "1:5"], ours)
    assert (match.listed, match.known, match.matched) == (4, 2, 1)
    call = lambda: match_variants("info", "INFO table", ["a"], ours)
    check_refusal(call, Code.UNKNOWN_VARIANT, "info")


@pytest.mark.parametrize(
    "text",
    [
        "2\n-91\n",
        "eid\n2\n-91\n",
        "#FID\tIID\nf\t2\n0\t-91\n",
        '"IID"\r\n"2"\r\n"-91"\r\n',
        "f,2\n\nf,-91",
        "IID\tdate\n2\t2023-05-01 12:00\n-91\t\n",
        "date of withdrawal,eid,FID\n2023,2,f\n2023,-91,f\n",
        "# FID IID\nf 2\nf -91\n",
        "IID FID\n2 f\n-91 f\n",
        "eid eid\n2 2\n-91 -91\n",
        "# exported today\n2\t# by letter, 2023\n-91\n# end\n",
    ],
)
def test_excluded_samples(tmp_path: Path, text: str) -> None:
    path = tmp_path / "withdrawn.csv"
    path.write_text(text)
    assert read_sample_list(str(path)).tolist() == ["2", "-91"]
    kept, match = exclude_samples(samples("1", "2", "3"), str(path))
    assert kept.IID.tolist() == ["1", "3"] and kept.index.tolist() == [0, 2]
    assert match and (match.matched, match.listed, match.few) == (1, 2, False)
    check_refusal(
        lambda: exclude_samples(samples("2"), str(path)), Code.TOO_FEW_SAMPLES, "withdrawn.csv"
    )
    check_refusal(lambda: exclude_samples(samples("7"), str(path)), UNMATCHED, "withdrawn.csv")


def test_header_of_a_list_names_fid_and_iid(tmp_path: Path) -> None:
    path = tmp_path / "withdrawn.tsv"
    path.write_text("IID\tdate\tFID\n2\t2023\tf\n2\t2024\tf\n")
    assert read_sample_list(str(path), with_fid=True).tolist() == ["f 2", "f 2"]
    path.write_text("IID\tdate\n2\t2023\n")
    call = lambda: read_sample_list(str(path), with_fid=True)
    check_refusal(call, Code.MISSING_COLUMN, "withdrawn.tsv")


def test_a_table_is_no_list_of_samples(tmp_path: Path) -> None:
    path = tmp_path / "withdrawn.csv"
    path.write_text("1\n2 f m\n")
    call = lambda: exclude_samples(samples("1"), str(path))
    check_refusal(call, Code.MALFORMED_TABLE, "withdrawn.csv", 2)
