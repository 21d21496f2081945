"""Broken phenotype tables and splits are refused with a code and a place."""

from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from broken_input import (
    Change,
    bytes_of,
    cell,
    check_refusal,
    column,
    dead_link,
    empty,
    folder_of_that_name,
    holds,
    line,
    prefixed,
    renamed,
    replaced,
    text_of,
    without_header,
)

from snpgen.cohort.covariates import check_collinear
from snpgen.cohort.phenotype import check_phenotype
from snpgen.cohort.split import check_numbers, check_split, read_split
from snpgen.io.plink import open_fileset
from snpgen.messages import Code

CODING = Code.PHENOTYPE_CODING
COLLINEAR = Code.COLLINEAR_COVARIATE
MALFORMED = Code.MALFORMED_TABLE
NO_COLUMN = Code.MISSING_COLUMN
INVALID = Code.INVALID_VALUE


def check_samples_of(folder: Path, settings: dict) -> pd.DataFrame:
    """Check phenotype and covariates as check_phenotype.py does."""
    samples = open_fileset(str(folder / "set"), ["1"]).samples
    settings = {"column": "trait", "coding": "0/1"} | settings
    tables = [str(folder / "phenotypes.tsv"), str(folder / "second.tsv")]
    individuals, funnel = check_phenotype(samples, tables, **settings)
    check_numbers(individuals, funnel, settings.get("classes", []))
    check_collinear(individuals, settings.get("covariates", []), settings.get("categorical", []))
    return individuals


def unchanged(path: Path) -> None:
    pass


FIRST, THIRD = {"line": 2, "sample": "0001"}, {"line": 4, "sample": "0003"}
HEIGHT = {"column": "height", "coding": "quantitative", "threshold": 170}
PHENOTYPE: dict[str, tuple[Change, dict, Code, dict]] = {
    "1/2 where 0/1 is declared": (
        column("trait", lambda value: str(int(value) + 1)),
        {},
        CODING,
        THIRD,
    ),
    "0/1 where 1/2 is declared": (unchanged, {"coding": "1/2"}, CODING, FIRST),
    "case and control in words": (cell(2, 2, "case"), {}, CODING, FIRST),
    "only -9": (column("trait", "-9"), {}, Code.NO_VALUES, {}),
    "all cases": (column("trait", "1"), {}, Code.TOO_FEW_SAMPLES, {"file": None}),
    "all controls": (column("trait", "0"), {}, Code.TOO_FEW_SAMPLES, {"file": None}),
    "few cases": (
        unchanged,
        {"include": "trait == 0 or age > 68"},
        Code.TOO_FEW_SAMPLES,
        {"file": None},
    ),
    "empty class": (
        unchanged,
        {"column": "severity", "coding": "classes", "classes": ["none", "mild", "severe"]},
        CODING,
        {},
    ),
    "class in another case": (
        unchanged,
        {"column": "severity", "coding": "classes", "classes": ["None", "mild"]},
        CODING,
        FIRST,
    ),
    "decimal comma": (cell(4, 3, "171,5"), HEIGHT, CODING, THIRD),
    "threshold in another unit": (column("height", "170"), HEIGHT | {"threshold": 1.7}, CODING, {}),
    "covariate that is text": (unchanged, {"covariates": ["centre"]}, INVALID, FIRST),
    "sex in other words": (
        text_of(lambda text: text.replace("centre", "sex").replace("north", "M")),
        {"covariates": ["sex"]},
        INVALID,
        THIRD | {"line": 4},
    ),
    "covariate of one value": (column("age", "50"), {"covariates": ["age"]}, COLLINEAR, {}),
    "categorical covariate of one value": (
        column("centre", "north"),
        {"covariates": ["centre"], "categorical": ["centre"]},
        COLLINEAR,
        {},
    ),
    "infinite covariate": (
        cell(3, 5, "inf"),
        {"covariates": ["age"]},
        INVALID,
        {"line": 3, "sample": "0002"},
    ),
    "infinite value of a quantitative phenotype": (cell(4, 3, "inf"), HEIGHT, CODING, THIRD),
    "missing value of a quantitative phenotype in words": (
        cell(4, 3, "unknown"),
        HEIGHT,
        CODING,
        THIRD,
    ),
    "covariate missing for all": (column("age", "NA"), {"covariates": ["age"]}, Code.NO_VALUES, {}),
    "same covariate in other units": (
        unchanged,
        {"covariates": ["age", "months", "bmi"]},
        COLLINEAR,
        {"file": None, "key": "covariates"},
    ),
    "missing covariate column": (
        unchanged,
        {"covariates": ["pc1"]},
        NO_COLUMN,
        {"file": None, "key": "covariates"},
    ),
    "missing phenotype column": (
        unchanged,
        {"column": "Trait"},
        NO_COLUMN,
        {"file": None, "key": "column"},
    ),
    "table without a header": (without_header, {}, NO_COLUMN, {}),
    "id under another name": (renamed("IID", "sample"), {}, NO_COLUMN, {}),
    "column twice": (renamed("months", "age"), {}, Code.DUPLICATE_COLUMN, {}),
    "sample twice": (cell(3, 1, "0001"), {}, Code.DUPLICATE_ID, {"line": 3, "sample": "0001"}),
    "line without an id": (cell(3, 1, ""), {}, MALFORMED, {"line": 3}),
    "separated by :": (replaced("\t", ":"), {}, NO_COLUMN, {}),
    "line with too many values": (
        line(4, lambda text: text + "\tmore"),
        {},
        MALFORMED,
        {"line": 4},
    ),
    "all lines with too many values": (replaced("\n0", "\nmore\t0"), {}, MALFORMED, {"line": 2}),
    "blank for missing, separated by spaces": (
        text_of(lambda text: "IID trait age\n0001 1 40\n0002 50\n"),
        {},
        MALFORMED,
        {"line": 3},
    ),
    "leading zeros lost in one line": (
        cell(8, 1, "7"),
        {},
        Code.NO_MATCHING_SAMPLE,
        {"line": 8, "sample": "7"},
    ),
    "leading zeros lost in the second table": (
        lambda path: cell(8, 1, "7")(path.with_name("second.tsv")),
        {"covariates": ["bmi"]},
        Code.NO_MATCHING_SAMPLE,
        {"file": "second.tsv", "line": 8, "sample": "7"},
    ),
    "Excel workbook": (prefixed("PK\x03\x04"), {}, Code.COMPRESSED_FILE, {}),
    "UTF-16, as Excel writes it": (
        lambda path: path.write_text(path.read_text(), "utf-16"),
        {},
        Code.NOT_UTF8,
        {},
    ),
    "Latin 1": (
        bytes_of(lambda content: content.replace(b"north", b"K\xf6ln")),
        {},
        Code.NOT_UTF8,
        {"line": 2},
    ),
    "table compressed with bzip2": (prefixed("BZh"), {}, Code.COMPRESSED_FILE, {}),
    "empty table": (empty, {}, Code.EMPTY_FILE, {}),
    "header without rows": (holds("IID\ttrait\n"), {}, Code.EMPTY_FILE, {}),
    "directory in place of the table": (folder_of_that_name, {}, Code.UNREADABLE_FILE, {}),
    "dead link": (dead_link, {}, Code.UNREADABLE_FILE, {}),
    "include that is false for all": (
        unchanged,
        {"include": "sex == 3"},
        Code.TOO_FEW_SAMPLES,
        {"file": None, "key": "include"},
    ),
}


@pytest.mark.parametrize("name", PHENOTYPE)
def test_broken_phenotype_is_refused(name: str, folder: Path) -> None:
    change, settings, code, place = PHENOTYPE[name]
    change(folder / "phenotypes.tsv")
    call = partial(check_samples_of, folder, settings)
    check_refusal(call, code, **{"file": "phenotypes.tsv"} | place)


@pytest.mark.parametrize(
    "include",
    [
        "bmj > 30",
        "(sex == 2",
        "age + 1",
        "sex =",
        "sex = 2",
        "31-0.0 != 1 and sex == 2",
        "p31.i0 == 1",
    ],
)
def test_faulty_include_is_refused(include: str, folder: Path) -> None:
    call = partial(check_samples_of, folder, {"include": include})
    check_refusal(call, Code.INVALID_EXPRESSION, key="include")


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda iid: "".join(chr(65 + int(digit)) for digit in iid), "IIDs of the .fam"),
        (lambda iid: f"F_{iid}", "FID"),
        (lambda iid: iid.lstrip("0"), "zeros"),
        (lambda iid: f"{iid}.0", "decimal"),
        (lambda iid: f'="{iid}"', "quotation"),
        (lambda iid: f"-{iid}", "release"),
        (lambda iid: f"SAMPLE-{iid}", "around the number"),
    ],
)
def test_remedy_names_the_cause_of_mismatched_ids(change, cause: str, folder: Path) -> None:
    column("IID", change)(folder / "phenotypes.tsv")
    call = partial(check_samples_of, folder, {})
    error = check_refusal(call, Code.NO_MATCHING_SAMPLE, "phenotypes.tsv")
    assert cause in error.remedy


SPLIT: dict[str, tuple[Change, Code, dict]] = {
    "another word": (
        column("split", lambda value: value.replace("validation", "valid")),
        INVALID,
        {"line": 12, "sample": "0011"},
    ),
    "capitals": (column("split", str.title), INVALID, FIRST),
    "no column split": (renamed("split", "set"), NO_COLUMN, {}),
    "empty test set": (
        column("split", lambda value: value.replace("test", "train")),
        Code.EMPTY_SPLIT,
        {"file": None, "key": "split.test"},
    ),
    "empty training set": (
        column("split", lambda value: value.replace("train", "test")),
        Code.EMPTY_SPLIT,
        {"file": None, "key": "split.train"},
    ),
    "other samples": (column("IID", lambda value: f"X{value}"), Code.NO_MATCHING_SAMPLE, {}),
    "sample twice": (cell(6, 1, "0001"), Code.DUPLICATE_ID, {"line": 6, "sample": "0001"}),
    "empty": (empty, Code.EMPTY_FILE, {}),
}


@pytest.mark.parametrize("name", SPLIT)
def test_broken_split_is_refused(name: str, folder: Path) -> None:
    change, code, place = SPLIT[name]
    change(folder / "split.tsv")
    samples = check_samples_of(folder, {})

    def read_and_check() -> None:
        """As split_cohort.py and apply_split.py do."""
        samples["split"] = read_split(str(folder / "split.tsv"), samples)[0]
        check_split(samples[samples.split.notna()])

    check_refusal(read_and_check, code, **{"file": "split.tsv"} | place)


@pytest.mark.parametrize("word", ["", "NA", " nan", "-9", "."])
def test_samples_without_a_set_are_omitted(word: str, folder: Path) -> None:
    cell(2, 2, word)(folder / "split.tsv")
    cell(3, 2, "train ")(folder / "split.tsv")
    iid = ["0001", "0002", "0003"]
    split, _ = read_split(str(folder / "split.tsv"), pd.DataFrame({"FID": iid, "IID": iid}))
    assert split.isna().tolist() == [True, False, False] and split[1] == "train"
