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
    line,
    renamed,
    text_of,
    zipped,
)

from snpgen.cohort.covariates import check_collinear
from snpgen.cohort.phenotype import check_phenotype
from snpgen.cohort.split import check_numbers, check_split, read_split
from snpgen.io.plink import open_fileset
from snpgen.messages import Code, InputError


def check_samples_of(folder: Path, settings: dict) -> pd.DataFrame:
    """Check phenotype and covariates as check_phenotype.py does."""
    samples = open_fileset(str(folder / "set"), ["1"]).samples
    settings = {"column": "trait", "coding": "0/1"} | settings
    tables = [str(folder / "people.tsv"), str(folder / "second.tsv")]
    individuals, _ = check_phenotype(samples, tables, **settings)
    check_numbers(individuals, settings.get("classes", []))
    check_collinear(individuals, settings.get("covariates", []), settings.get("categorical", []))
    return individuals


def unchanged(path: Path) -> None:
    pass


HEIGHT = {"column": "height", "coding": "quantitative", "threshold": 170}
PHENOTYPE: dict[str, tuple[Change, dict, Code, dict]] = {
    "1/2 where 0/1 is declared": (
        column("trait", lambda value: str(int(value) + 1)),
        {},
        Code.PHENOTYPE_CODING,
        {"line": 4, "sample": "0003"},
    ),
    "0/1 where 1/2 is declared": (
        unchanged,
        {"coding": "1/2"},
        Code.PHENOTYPE_CODING,
        {"line": 2, "sample": "0001"},
    ),
    "case and control in words": (
        cell(2, 2, "case"),
        {},
        Code.PHENOTYPE_CODING,
        {"line": 2, "sample": "0001"},
    ),
    "only -9": (
        column("trait", "-9"),
        {},
        Code.NO_VALUES,
        {},
    ),
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
        Code.PHENOTYPE_CODING,
        {},
    ),
    "class in another case": (
        unchanged,
        {"column": "severity", "coding": "classes", "classes": ["None", "mild"]},
        Code.PHENOTYPE_CODING,
        {"line": 2, "sample": "0001"},
    ),
    "decimal comma": (
        cell(4, 3, "171,5"),
        HEIGHT,
        Code.PHENOTYPE_CODING,
        {"line": 4, "sample": "0003"},
    ),
    "threshold in another unit": (
        column("height", "170"),
        HEIGHT | {"threshold": 1.7},
        Code.PHENOTYPE_CODING,
        {},
    ),
    "covariate that is text": (
        unchanged,
        {"covariates": ["centre"]},
        Code.INVALID_VALUE,
        {"line": 2, "sample": "0001"},
    ),
    "sex as M and F": (
        text_of(lambda text: text.replace("centre", "sex").replace("north", "M")),
        {"covariates": ["sex"]},
        Code.INVALID_VALUE,
        {"line": 2, "sample": "0001"},
    ),
    "covariate of one value": (
        column("age", "50"),
        {"covariates": ["age"]},
        Code.COLLINEAR_COVARIATE,
        {},
    ),
    "categorical covariate of one value": (
        column("centre", "north"),
        {"covariates": ["centre"], "categorical": ["centre"]},
        Code.COLLINEAR_COVARIATE,
        {},
    ),
    "infinite covariate": (
        cell(3, 5, "inf"),
        {"covariates": ["age"]},
        Code.INVALID_VALUE,
        {"line": 3, "sample": "0002"},
    ),
    "infinite value of a quantitative phenotype": (
        cell(4, 3, "inf"),
        HEIGHT,
        Code.PHENOTYPE_CODING,
        {"line": 4, "sample": "0003"},
    ),
    "missing value of a quantitative phenotype in words": (
        cell(4, 3, "unknown"),
        HEIGHT,
        Code.PHENOTYPE_CODING,
        {"line": 4, "sample": "0003"},
    ),
    "covariate missing for all": (
        column("age", "NA"),
        {"covariates": ["age"]},
        Code.NO_VALUES,
        {},
    ),
    "same covariate in other units": (
        unchanged,
        {"covariates": ["age", "months", "bmi"]},
        Code.COLLINEAR_COVARIATE,
        {"file": None, "key": "covariates"},
    ),
    "missing covariate column": (
        unchanged,
        {"covariates": ["pc1"]},
        Code.MISSING_COLUMN,
        {"file": None, "key": "covariates"},
    ),
    "missing phenotype column": (
        unchanged,
        {"column": "Trait"},
        Code.MISSING_COLUMN,
        {"file": None, "key": "column"},
    ),
    "table without a header": (
        text_of(lambda text: text.partition("\n")[2]),
        {},
        Code.MISSING_COLUMN,
        {},
    ),
    "id under another name": (
        renamed("IID", "eid"),
        {},
        Code.MISSING_COLUMN,
        {},
    ),
    "column twice": (
        renamed("months", "age"),
        {},
        Code.DUPLICATE_COLUMN,
        {},
    ),
    "sample twice": (
        cell(3, 1, "0001"),
        {},
        Code.DUPLICATE_ID,
        {"line": 3, "sample": "0001"},
    ),
    "line without an id": (cell(3, 1, ""), {}, Code.MALFORMED_TABLE, {"line": 3}),
    "separated by |": (
        text_of(lambda text: text.replace("\t", "|")),
        {},
        Code.MISSING_COLUMN,
        {},
    ),
    "line with too many values": (
        line(4, lambda text: text + "\tmore"),
        {},
        Code.MALFORMED_TABLE,
        {},
    ),
    "all lines with too many values": (
        text_of(lambda text: text.replace("\n0", "\nmore\t0")),
        {},
        Code.MALFORMED_TABLE,
        {"line": 2},
    ),
    "blank for missing, separated by spaces": (
        text_of(lambda text: "IID trait age\n0001 1 40\n0002 50\n"),
        {},
        Code.MALFORMED_TABLE,
        {"line": 3},
    ),
    "ids with a space": (
        column("IID", lambda value: f"F {value}"),
        {},
        Code.NO_MATCHING_SAMPLE,
        {},
    ),
    "FID and IID joined": (
        column("IID", lambda value: f"F_{value}"),
        {},
        Code.NO_MATCHING_SAMPLE,
        {},
    ),
    "leading zeros lost": (
        column("IID", lambda value: value.lstrip("0")),
        {},
        Code.NO_MATCHING_SAMPLE,
        {},
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
    "ids with a decimal point": (
        column("IID", lambda value: f"{value}.0"),
        {},
        Code.NO_MATCHING_SAMPLE,
        {},
    ),
    "Excel workbook": (
        bytes_of(lambda content: b"PK\x03\x04" + content),
        {},
        Code.COMPRESSED_FILE,
        {},
    ),
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
    "gzipped table": (zipped, {}, Code.COMPRESSED_FILE, {}),
    "empty table": (empty, {}, Code.EMPTY_FILE, {}),
    "blank first line": (
        text_of(lambda text: "\n" + text),
        {},
        Code.MALFORMED_TABLE,
        {"line": 1},
    ),
    "directory in place of the table": (
        folder_of_that_name,
        {},
        Code.UNREADABLE_FILE,
        {},
    ),
    "dead link": (
        dead_link,
        {},
        Code.UNREADABLE_FILE,
        {},
    ),
    "include of a missing column": (
        unchanged,
        {"include": "bmj > 30"},
        Code.INVALID_EXPRESSION,
        {"file": None, "key": "include"},
    ),
    "include with an open bracket": (
        unchanged,
        {"include": "(sex == 2"},
        Code.INVALID_EXPRESSION,
        {"file": None, "key": "include"},
    ),
    "include that is a number": (
        unchanged,
        {"include": "age + 1"},
        Code.INVALID_EXPRESSION,
        {"file": None, "key": "include"},
    ),
    "include that ends early": (
        unchanged,
        {"include": "sex ="},
        Code.INVALID_EXPRESSION,
        {"file": None, "key": "include"},
    ),
    "include with = for ==": (
        unchanged,
        {"include": "sex = 2"},
        Code.INVALID_EXPRESSION,
        {"file": None, "key": "include"},
    ),
    "include that is false for all": (
        unchanged,
        {"include": "sex == 3"},
        Code.NO_VALUES,
        {},
    ),
}


@pytest.mark.parametrize("name", PHENOTYPE)
def test_broken_phenotype_is_refused(name: str, folder: Path) -> None:
    change, settings, code, place = PHENOTYPE[name]
    change(folder / "people.tsv")
    call = partial(check_samples_of, folder, settings)
    check_refusal(call, code, **{"file": "people.tsv"} | place)


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("ids with a space", "IIDs of the .fam"),
        ("FID and IID joined", "FID"),
        ("leading zeros lost", "zeros"),
        ("ids with a decimal point", "decimal"),
    ],
)
def test_remedy_names_the_cause_of_mismatched_ids(name: str, cause: str, folder: Path) -> None:
    PHENOTYPE[name][0](folder / "people.tsv")
    with pytest.raises(InputError) as error:
        check_samples_of(folder, {})
    assert cause in error.value.remedy


def check_split_of(folder: Path) -> None:
    """Read and check a split as split_samples.py does."""
    samples = check_samples_of(folder, {})
    samples["split"] = read_split(str(folder / "split.tsv"), samples.IID)
    check_split(samples[samples.split.notna()])


SPLIT: dict[str, tuple[Change, Code, dict]] = {
    "another word": (
        column("split", lambda value: value.replace("validation", "valid")),
        Code.INVALID_VALUE,
        {"line": 12, "sample": "0011"},
    ),
    "capitals": (
        column("split", str.title),
        Code.INVALID_VALUE,
        {"line": 2, "sample": "0001"},
    ),
    "no column split": (
        renamed("split", "set"),
        Code.MISSING_COLUMN,
        {},
    ),
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
    "other samples": (
        column("IID", lambda value: f"X{value}"),
        Code.NO_MATCHING_SAMPLE,
        {},
    ),
    "sample twice": (
        cell(6, 1, "0001"),
        Code.DUPLICATE_ID,
        {"line": 6, "sample": "0001"},
    ),
    "empty": (empty, Code.EMPTY_FILE, {}),
}


@pytest.mark.parametrize("name", SPLIT)
def test_broken_split_is_refused(name: str, folder: Path) -> None:
    change, code, place = SPLIT[name]
    change(folder / "split.tsv")
    check_refusal(lambda: check_split_of(folder), code, **{"file": "split.tsv"} | place)
