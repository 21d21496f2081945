"""Genotypes that fail quality control and broken kinship and INFO tables are refused with code and place."""

from pathlib import Path

import pandas as pd
import pytest
from broken_input import (
    MARKERS,
    N_SAMPLES,
    N_VARIANTS,
    Change,
    bytes_of,
    cell,
    check_refusal,
    column,
    empty,
    holds,
    line,
    renamed,
    replaced,
    text_of,
    without_header,
    zipped,
)

from snpgen.cohort.qc import check_info, check_kinship, check_samples, rows_on
from snpgen.genetics.builds import check_build, check_positions
from snpgen.genetics.kinship import read_kinship
from snpgen.io.imputation_quality import read_info
from snpgen.io.plink import open_fileset
from snpgen.messages import Code

NO_COLUMN = Code.MISSING_COLUMN
INVALID = Code.INVALID_VARIANT
WRONG_VALUE = Code.INVALID_VALUE
OTHER_BUILD = Code.GENOTYPE_BUILD


def check_cohort(folder: Path, build: str = "GRCh38") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Check the fileset and its tables as check_cohort.py does."""
    fileset = open_fileset(str(folder / "set"), ["1", "2"])
    rows = rows_on(fileset, ["1", "2"])
    check_build(fileset.variants.iloc[rows], MARKERS, build)
    check_positions(fileset, rows, build)
    path = str(folder / "related.tsv")
    check_kinship(read_kinship(path), fileset.samples, path)
    path = str(folder / "info.tsv")
    check_info(read_info([path]), fileset.variants, path)
    return check_samples(fileset, rows, 0.95, threads=1)


COHORT: dict[str, tuple[str, Change, Code, dict]] = {
    ".fam with one sample that the .bed lacks": (
        "set.fam",
        text_of(lambda text: text + "F\t0122\t0\t0\t1\t-9\n"),
        Code.FILESET_MISMATCH,
        {"file": "set.bed", "sample": "0122"},
    ),
    "position 0": ("set.bim", cell(4, 4, "0"), INVALID, {"variant": "rs4"}),
    "negative position": ("set.bim", cell(130, 4, "-130000"), INVALID, {"variant": "rs130"}),
    "position beyond the chromosome": (
        "set.bim",
        cell(150, 4, "300000000"),
        OTHER_BUILD,
        {"file": None, "variant": "rs150"},
    ),
    "genotypes on the other build": (
        "set.bim",
        line(1, lambda text: "1\trs6025\t0\t169519049\tA\tG"),
        OTHER_BUILD,
        {"file": None, "variant": "rs6025"},
    ),
    "chromosomes named as at NCBI": (
        "set.bim",
        replaced("1\trs", "NC_000001.11\trs"),
        Code.MISSING_CHROMOSOME,
        {},
    ),
    "only chromosome X": (
        "set.bim",
        text_of(lambda text: text.replace("1\trs", "X\trs").replace("2\trs", "MT\trs")),
        Code.MISSING_CHROMOSOME,
        {},
    ),
    "no genotype is called": (
        "set.bed",
        bytes_of(lambda content: content[:3] + (b"\x55" * 30 + b"\x01") * N_VARIANTS),
        Code.LOW_CALL_RATE,
        {"file": "set.fam"},
    ),
    "kinship table of unknown samples": (
        "related.tsv",
        text_of(lambda text: text.replace("\t000", "\tF_000").replace("\n000", "\nF_000")),
        Code.NO_MATCHING_SAMPLE,
        {},
    ),
    "relatedness in place of kinship": (
        "related.tsv",
        cell(2, 3, "0.98"),
        Code.KINSHIP_SCALE,
        {"line": 2},
    ),
    "kinship that is not a number": (
        "related.tsv",
        cell(3, 3, "cousins"),
        WRONG_VALUE,
        {"line": 3},
    ),
    "kinship with a decimal comma": ("related.tsv", cell(3, 3, "0,125"), WRONG_VALUE, {"line": 3}),
    "kinship table without a header": ("related.tsv", without_header, NO_COLUMN, {}),
    "kinship table of PLINK --genome": ("related.tsv", renamed("Kinship", "PI_HAT"), NO_COLUMN, {}),
    "kinship table with a short line": (
        "related.tsv",
        holds("ID1 ID2 Kinship\n0001 0002 0.25\n0003 0.125\n"),
        Code.MALFORMED_TABLE,
        {"line": 3},
    ),
    "empty kinship table": ("related.tsv", empty, Code.EMPTY_FILE, {}),
    "INFO that is text": (
        "info.tsv",
        cell(5, 2, "good"),
        WRONG_VALUE,
        {"line": 5, "variant": "rs4"},
    ),
    "INFO in per cent": (
        "info.tsv",
        column("INFO", lambda value: f"{100 * float(value):.0f}"),
        WRONG_VALUE,
        {"line": 2, "variant": "rs1"},
    ),
    "INFO of other variants": (
        "info.tsv",
        column("variant_id", lambda value: f"1:{value}:A:G"),
        Code.UNKNOWN_VARIANT,
        {},
    ),
    "INFO table without the column INFO": ("info.tsv", renamed("INFO", "quality"), NO_COLUMN, {}),
}


@pytest.mark.parametrize("name", COHORT)
def test_broken_cohort_is_refused(name: str, folder: Path) -> None:
    file, change, code, place = COHORT[name]
    change(folder / file)
    check_refusal(lambda: check_cohort(folder), code, **{"file": file} | place)


UNUSUAL: dict[str, tuple[str, Change]] = {
    "kinship with Windows line ends": ("related.tsv", replaced("\n", "\r\n")),
    "kinship in a CSV": ("related.tsv", replaced("\t", ",")),
    "kinship without pairs": ("related.tsv", holds("ID1 ID2 Kinship\n")),
    "missing INFO": ("info.tsv", cell(3, 2, "NA")),
    "gzipped INFO table": ("info.tsv", zipped),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_cohort_is_read_like_the_usual_one(name: str, valid: Path, folder: Path) -> None:
    file, change = UNUSUAL[name]
    change(folder / file)
    for ours, usual in zip(check_cohort(folder), check_cohort(valid), strict=True):
        pd.testing.assert_frame_equal(ours, usual)


def test_positions_of_build_other_may_begin_at_0(folder: Path) -> None:
    cell(1, 4, "0")(folder / "set.bim")
    check_cohort(folder, "other")
    cell(1, 4, "-5")(folder / "set.bim")
    check_refusal(lambda: check_cohort(folder, "other"), INVALID, "set.bim", variant="rs1")


def test_variants_on_other_chromosomes_may_have_no_position(folder: Path) -> None:
    line(3, lambda text: text.replace("1\t", "0\t", 1).replace("\t3000\t", "\t0\t"))(
        folder / "set.bim"
    )
    individuals, funnel = check_cohort(folder)
    assert len(individuals) == N_SAMPLES and funnel.kept.iloc[-1] == N_VARIANTS - 1
