"""Broken phenotype tables and splits are refused with a code and a place."""

from pathlib import Path

import pandas as pd
import pytest
from broken_input import (
    Change,
    bytes_of,
    cell,
    column,
    dead_link,
    empty,
    folder_of_that_name,
    renamed,
    see,
    text_of,
    zipped,
)

from snpgen.cohort.covariates import check_collinear
from snpgen.cohort.phenotype import check_phenotype
from snpgen.cohort.split import check_numbers, check_split, read_split
from snpgen.io.plink import open_fileset
from snpgen.messages import InputError


def check_people_of(folder: Path, settings: dict) -> pd.DataFrame:
    """What check_phenotype.py does."""
    samples = open_fileset(str(folder / "set"), ["1"]).samples
    settings = {"column": "trait", "coding": "0/1"} | settings
    tables = [str(folder / "people.tsv"), str(folder / "second.tsv")]
    individuals, _ = check_phenotype(samples, tables, **settings)
    check_numbers(individuals, settings.get("classes", []))
    check_collinear(individuals, settings.get("covariates", []), settings.get("categorical", []))
    return individuals


def unchanged(path: Path) -> None:
    pass


NUMBERS = (
    "have everything that is asked for, too few to learn from: training alone needs 50, so give more "
    "people or correct column, coding, covariates or include"
)
COLUMNS = "IID, trait, height, severity, age, months, centre"
HEIGHT = {"column": "height", "coding": "quantitative", "threshold": 170}
PHENOTYPE: dict[str, tuple[Change, dict, str]] = {
    "1/2 where 0/1 was said": (
        column("trait", lambda value: str(int(value) + 1)),
        {},
        (
            "people.tsv, line 4: trait of 0003 is 2 where coding 0/1 is declared: correct coding, or "
            "make the value NA"
        ),
    ),
    "0/1 where 1/2 was said": (
        unchanged,
        {"coding": "1/2"},
        (
            "people.tsv, line 2: trait of 0001 is 0 where coding 1/2 is declared: correct coding, or "
            "make the value NA"
        ),
    ),
    "case and control in words": (
        cell(2, 2, "case"),
        {},
        (
            "people.tsv, line 2: trait of 0001 is case where coding 0/1 is declared: correct coding, or "
            "make the value NA"
        ),
    ),
    "-9 alone": (
        column("trait", "-9"),
        {},
        "people.tsv: nobody left has a value of trait: correct column or include",
    ),
    "all cases": (column("trait", "1"), {}, f"0 controls {NUMBERS}"),
    "all controls": (column("trait", "0"), {}, f"0 cases {NUMBERS}"),
    "few cases": (unchanged, {"include": "trait == 0 or age > 68"}, f"2 cases {NUMBERS}"),
    "nobody in a class": (
        unchanged,
        {"column": "severity", "coding": "classes", "classes": ["none", "mild", "severe"]},
        "people.tsv: nobody left is severe in severity: correct classes",
    ),
    "class in other capitals": (
        unchanged,
        {"column": "severity", "coding": "classes", "classes": ["None", "mild"]},
        (
            "people.tsv, line 2: severity of 0001 is none where classes None, mild is declared: correct "
            "classes, or make the value NA"
        ),
    ),
    "decimal comma": (
        cell(4, 3, "171,5"),
        HEIGHT,
        (
            "people.tsv, line 4: height of 0003 is 171,5 where coding quantitative is declared: correct "
            "coding, or make the value NA"
        ),
    ),
    "threshold in another unit": (
        column("height", "170"),
        HEIGHT | {"threshold": 1.7},
        (
            "people.tsv: height runs from 170 to 170, so that threshold 1.7 leaves no cases or no "
            "controls: correct it in the phenotype's file"
        ),
    ),
    "covariate that is text": (
        unchanged,
        {"covariates": ["centre"]},
        (
            "people.tsv, line 2: covariate centre of 0001 is north, not a number: correct it, or list the "
            "covariate under categorical"
        ),
    ),
    "sex as M and F": (
        text_of(lambda text: text.replace("centre", "sex").replace("north", "M")),
        {"covariates": ["sex"]},
        (
            "people.tsv, line 2: covariate sex of 0001 is M, not a number: correct it, or list the "
            "covariate under categorical"
        ),
    ),
    "covariate of one value": (
        column("age", "50"),
        {"covariates": ["age"]},
        "people.tsv: covariate age is 50 for everyone left: leave it out of covariates",
    ),
    "covariate missing for all": (
        column("age", "NA"),
        {"covariates": ["age"]},
        "people.tsv: covariate age is missing for everyone: leave it out",
    ),
    "covariate in other units again": (
        unchanged,
        {"covariates": ["age", "months", "bmi"]},
        (
            "covariate months is constant, or a combination of the covariates before it, in the people "
            "left: leave it out in the phenotype's file"
        ),
    ),
    "covariate that is not there": (
        unchanged,
        {"covariates": ["pc1"]},
        (
            f"covariates names a column pc1, but people.tsv has {COLUMNS} and second.tsv has IID, bmi: "
            "correct the phenotype's file"
        ),
    ),
    "column that is not there": (
        unchanged,
        {"column": "Trait"},
        (
            f"column names a column Trait, but people.tsv has {COLUMNS} and second.tsv has IID, bmi: "
            "correct the phenotype's file"
        ),
    ),
    "table without a header": (
        text_of(lambda text: text.partition("\n")[2]),
        {},
        "people.tsv has no column IID, but 0001, 0, 150, none, 40, 480, north: name the column of ids IID",
    ),
    "id under another name": (
        renamed("IID", "eid"),
        {},
        (
            f"people.tsv has no column IID, but {COLUMNS.replace('IID', 'eid')}: name the column of ids "
            "IID"
        ),
    ),
    "column twice": (
        renamed("months", "age"),
        {},
        "people.tsv: two columns are named age: rename one or take it out",
    ),
    "person twice": (
        cell(3, 1, "0001"),
        {},
        "people.tsv, line 3: IID 0001 stands twice: keep one line a person",
    ),
    "line without an id": (cell(3, 1, ""), {}, "people.tsv, line 3: no IID: correct it"),
    "separated by |": (
        text_of(lambda text: text.replace("\t", "|")),
        {},
        f"people.tsv has no column IID, but {COLUMNS.replace(', ', '|')}: name the column of ids IID",
    ),
    "blank for missing, separated by spaces": (
        text_of(lambda text: "IID trait age\n0001 1 40\n0002 50\n"),
        {},
        "people.tsv, line 3: fewer values than the header has names: write NA where one is missing",
    ),
    "ids with a space": (
        column("IID", lambda value: f"F {value}"),
        {},
        (
            "no IID of people.tsv (F 0001, F 0002, F 0003) is among the genotyped people (0001, 0002, "
            "0003): make the ids of both the same"
        ),
    ),
    "FID and IID joined": (
        column("IID", lambda value: f"F_{value}"),
        {},
        (
            "no IID of people.tsv (F_0001, F_0002, F_0003) is among the genotyped people (0001, 0002, "
            "0003): the table has FID and IID joined by _, so take the FID out"
        ),
    ),
    "leading zeros lost": (
        column("IID", lambda value: value.lstrip("0")),
        {},
        (
            "no IID of people.tsv (1, 2, 3) is among the genotyped people (0001, 0002, 0003): the table "
            "has lost leading zeros, so write its ids as text"
        ),
    ),
    "leading zeros lost of some": (
        cell(8, 1, "7"),
        {},
        (
            "people.tsv, line 8: IID 7 is nobody's, but 0007 is in the .fam: leading zeros are lost, so "
            "write the ids as text"
        ),
    ),
    "leading zeros lost in the second table": (
        lambda path: cell(8, 1, "7")(path.with_name("second.tsv")),
        {"covariates": ["bmi"]},
        (
            "second.tsv, line 8: IID 7 is nobody's, but 0007 is in the .fam: leading zeros are lost, so "
            "write the ids as text"
        ),
    ),
    "ids with a decimal point": (
        column("IID", lambda value: f"{value}.0"),
        {},
        (
            "no IID of people.tsv (0001.0, 0002.0, 0003.0) is among the genotyped people (0001, 0002, "
            "0003): the table has numbers with a decimal point, so write its ids as text"
        ),
    ),
    "Excel workbook": (
        bytes_of(lambda content: b"PK\x03\x04" + content),
        {},
        "people.tsv is an Excel workbook or a zip archive: save it as tab-separated text",
    ),
    "UTF-16, as Excel writes it": (
        lambda path: path.write_text(path.read_text(), "utf-16"),
        {},
        "people.tsv is UTF-16 text: save it as UTF-8",
    ),
    "Latin 1": (
        bytes_of(lambda content: content.replace(b"north", b"K\xf6ln")),
        {},
        "people.tsv, line 2: bytes that are not UTF-8 text: save the file as UTF-8",
    ),
    "gzipped table": (zipped, {}, "people.tsv is gzipped: unpack it with gunzip"),
    "empty table": (empty, {}, "people.tsv is empty: give a table with a header"),
    "blank first line": (
        text_of(lambda text: "\n" + text),
        {},
        "people.tsv, line 1: empty, where the columns are named: take the line out",
    ),
    "folder in place of the table": (
        folder_of_that_name,
        {},
        "people.tsv is a folder, not a file: give a table with a header",
    ),
    "dead link": (
        dead_link,
        {},
        "people.tsv is a link to moved, which does not exist: give a table with a header",
    ),
    "include of a column that is not there": (
        unchanged,
        {"include": "bmj > 30"},
        (
            "include: \"bmj > 30\" cannot be evaluated (name 'bmj' is not defined); the columns are sex, "
            "IID, bmi, trait, height, severity, age, months, centre: correct the phenotype's file"
        ),
    ),
    "include with a bracket left open": (
        unchanged,
        {"include": "(sex == 2"},
        (
            'include: "(sex == 2" cannot be evaluated (EOF in multi-line statement); the columns are sex, '
            "IID, bmi, trait, height, severity, age, months, centre: correct the phenotype's file"
        ),
    ),
    "include with = for ==": (
        unchanged,
        {"include": "sex = 2"},
        'include: "sex = 2" is neither true nor false: write a comparison such as "sex == 2"',
    ),
    "include that holds for nobody": (
        unchanged,
        {"include": "sex == 3"},
        "people.tsv: nobody left has a value of trait: correct column or include",
    ),
}


@pytest.mark.parametrize("name", PHENOTYPE)
def test_phenotype_that_is_broken(name: str, folder: Path) -> None:
    change, settings, sentence = PHENOTYPE[name]
    change(folder / "people.tsv")
    see(InputError, folder, sentence, lambda: check_people_of(folder, settings))


# A split of the user's own, which split_samples looks at.


def check_split_of(folder: Path) -> None:
    """What split_samples.py does."""
    samples = check_people_of(folder, {})
    samples["split"] = read_split(str(folder / "split.tsv"), samples.IID)
    check_split(samples[samples.split.notna()])


SPLIT: dict[str, tuple[Change, str]] = {
    "another word": (
        column("split", lambda value: value.replace("validation", "valid")),
        "split.tsv, line 12: split of 0011 is valid: write train, validation or test",
    ),
    "capitals": (
        column("split", str.title),
        "split.tsv, line 2: split of 0001 is Train: write train, validation or test",
    ),
    "no column split": (
        renamed("split", "set"),
        "split.tsv has no column split, but IID, set: add it",
    ),
    "nobody tests": (
        column("split", lambda value: value.replace("test", "train")),
        "nobody is in test: correct split.test or split.file",
    ),
    "few train": (
        column("split", lambda value: value.replace("train", "test")),
        "nobody is in train: correct split.train or split.file",
    ),
    "other people": (
        column("IID", lambda value: f"X{value}"),
        (
            "no IID of split.tsv (X0001, X0002, X0003) is among the people with a phenotype (0001, 0002, "
            "0003): make the ids of both the same"
        ),
    ),
    "person twice": (
        cell(6, 1, "0001"),
        "split.tsv, line 6: IID 0001 stands twice: keep one line a person",
    ),
    "empty": (empty, "split.tsv is empty: give a table with a header"),
}


@pytest.mark.parametrize("name", SPLIT)
def test_split_that_is_broken(name: str, folder: Path) -> None:
    change, sentence = SPLIT[name]
    change(folder / "split.tsv")
    see(InputError, folder, sentence, lambda: check_split_of(folder))


# Lists of variants and another study's statistics, which check_panel looks at.
