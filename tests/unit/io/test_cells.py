"""Interpretation of cells: missing values, -9, numbers, categories and sex."""

import numpy as np
import pandas as pd
import pytest

from snpgen.io.cells import describe_words, interpret, interpret_sex, read_fam_sex

MISSING = [
    "",
    " ",
    ".",
    "NA",
    "NA ",
    "na",
    "N/A",
    "#N/A",
    "nan",
    "NaN",
    "NULL",
    "null",
    "None",
    "<NA>",
    "#DIV/0!",
]
MINUS_NINE = ["-9", " -9", "-9.0", "-9.00", "-9.", "-9e0"]


def cells(*values: object) -> pd.Series:
    return pd.Series(values, dtype=str)


@pytest.mark.parametrize("word", MISSING + MINUS_NINE)
@pytest.mark.parametrize("numeric", [False, True])
def test_words_for_missing_values(word: str, numeric: bool) -> None:
    values = interpret(cells("40", word, " 52.5 ", np.nan), "age", numeric)
    assert values.fillna("missing").tolist() == ["40", "missing", "52.5", "missing"]


@pytest.mark.parametrize("word", ["none", "never", "missing", "-1", "0", "-99", "NAN1", "n a"])
def test_other_words_are_values(word: str) -> None:
    assert interpret(cells("a", word), "x").tolist() == ["a", word]


def test_names_of_classes_are_never_missing() -> None:
    values = interpret(cells("None", "mild", "NA"), "x", classes=frozenset({"None", "mild"}))
    assert values.fillna("missing").tolist() == ["None", "mild", "missing"]


def test_minus_nine_is_a_number_in_a_numeric_column_with_values_near_it(caplog) -> None:
    rng = np.random.default_rng(1)
    component = rng.normal(0, 6, 200).round(3)  # several values between -10 and -8
    assert interpret(cells(*component, "-9.0"), "PC1", numeric=True).iloc[-1] == "-9.0"
    assert "1 cells are -9 and are used as numbers" in caplog.text
    large = rng.normal(0, 5_000, 200).round(1)  # -9 is within the range, but nothing is within 1
    large = large[np.abs(large + 9) > 1]
    assert interpret(cells(*large, "-9"), "PC1", numeric=True).iloc[-1] == "-9"
    townsend = rng.uniform(-6.3, 11, 200).round(2)
    assert interpret(cells(*townsend, "-9"), "deprivation", numeric=True).isna().sum() == 1
    assert interpret(cells("-8.5", "-9"), "centre").isna().tolist() == [False, True]


def test_whole_numbers_lose_their_decimals_unless_the_column_has_fractions() -> None:
    assert interpret(cells("1.0", "2", "x", "3."), "x").tolist() == ["1", "2", "x", "3"]
    assert interpret(cells("250.0", "401.1"), "icd").tolist() == ["250.0", "401.1"]
    assert interpret(cells("01", "1"), "site").tolist() == ["01", "1"]


def test_numbers_of_missing_cells_are_logged(caplog) -> None:
    caplog.set_level("INFO")
    interpret(cells("NA", "NA", "-9.0", "5"), "age", numeric=True)
    assert "column age: 3 cells are read as missing ('NA' 2, '-9.0' 1)" in caplog.text


def test_sex() -> None:
    values = cells("1", "2.0", "M", "f", " Male", "FEMALE", "0", "NA", "-9", np.nan)
    sex, wrong = interpret_sex(values)
    assert sex.fillna("?").tolist() == ["1", "2", "1", "2", "1", "2", *"????"]
    assert not wrong.any()
    assert interpret_sex(cells("1", "x", "3"))[1].tolist() == [False, True, True]


def test_0_for_female_is_refused() -> None:
    assert interpret_sex(cells("1", "0", "1.0", "NA"))[1].tolist() == [False, True, False, False]
    assert not interpret_sex(cells("1", "0", "2"))[1].any()  # unknown, as in PLINK


@pytest.mark.parametrize("word", ["Unknown", "U", "x", "female"])
def test_zero_is_invalid_next_to_one_without_two_whatever_else_occurs(word: str) -> None:
    _, wrong = interpret_sex(cells("0", "1", word, "NA"))
    assert wrong.tolist() == [True, False, word == "x", False]


def test_unknown_sex_is_counted(caplog) -> None:
    caplog.set_level("INFO")
    _, wrong = interpret_sex(cells("1", "2", "0", "U", "u"))
    assert not wrong.any()
    assert "3 cells are read as unknown ('u' 2, '0' 1)" in caplog.text


def test_other_codes_of_a_fam_are_unknown_and_counted(caplog) -> None:
    caplog.set_level("INFO")
    sex = read_fam_sex(cells("1", "0", "other", "other", "3", "-9", "NA"))
    assert sex.fillna("?").tolist() == ["1", *"??????"]
    assert "3 cells are read as unknown ('other' 2, '3' 1)" in caplog.text
    assert not read_fam_sex(cells("1", "0")).isna().iloc[0]


def test_words_are_described_with_their_lines() -> None:
    words = pd.Series(["x", "y", *"x" * 6], index=range(2, 10))
    assert describe_words(words) == "'x' in lines 2, 4, 5, 6, 7 and 2 more; 'y' in line 3"
