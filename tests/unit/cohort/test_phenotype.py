"""Phenotype tables: formats, matching of IDs, coding, inclusion, covariates and conditions."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from broken_input import check_refusal

from snpgen.cohort.phenotype import check_phenotype, read_groups
from snpgen.cohort.split import check_numbers
from snpgen.io.sample_tables import read_table
from snpgen.messages import Code

SAMPLES = pd.DataFrame(
    {
        "FID": ["f"] * 8,
        "IID": ["001", "002", "003", "004", "005", "006", "007", "008"],
        "sex": ["1", "2", "1", "2", "1", "2", "1", "0"],
    }
)
ROWS = [
    ["IID", "trait", "age", "sex", "centre"],
    ["003", "1", "61", "1", "north"],
    ["001", "0", "40", "1", "south"],
    ["002", "1", "52.5", "2", "north"],
    ["004", "0", "NA", "2", "south"],
    ["005", "-9", "44", "1", "south"],
    ["006", "", "45", "2", "north"],
    ["007", "NA", "45", "1", ""],
    ["999", "7", "45", "2", "north"],
]


def write(path, rows=ROWS, mark="\t") -> str:
    path.write_text("\n".join(mark.join(row) for row in rows) + "\n")
    return str(path)


@pytest.mark.parametrize("mark", ["\t", ",", ";"])
def test_complete_cases_are_kept(tmp_path, mark: str) -> None:
    path = write(tmp_path / "table", mark=mark)
    individuals, funnel = check_phenotype(
        SAMPLES, [path], "trait", "0/1", ["sex", "age", "centre"], ["centre"]
    )
    assert list(individuals.columns) == ["FID", "IID", "sex", "phenotype", "age", "centre"]
    assert list(individuals.IID) == ["001", "002", "003"]
    assert list(individuals.phenotype) == [0, 1, 1] and individuals.phenotype.dtype == np.int8
    assert list(individuals.age) == ["40", "52.5", "61"]
    assert list(funnel.columns) == ["step", "unit", "kept", "dropped", "reason"]
    listed, funnel = funnel.iloc[0], funnel.iloc[1:]
    assert (listed.unit, listed.kept, listed.dropped) == ("IDs in the phenotype table", 7, 1)
    assert list(funnel.kept) == [8, 7, 4, 3]
    assert list(funnel.dropped) == [0, 1, 3, 1]


def test_table_written_by_plink(tmp_path) -> None:
    rows = [["#FID", "IID", "y"], ["f", "001", "2"], ["f", "002", "1"], ["f", "003", "-9"]]
    path = write(tmp_path / "table", rows, mark="   ")
    individuals, _ = check_phenotype(SAMPLES, [path], "y", "1/2")
    assert dict(zip(individuals.IID, individuals.phenotype, strict=True)) == {"001": 1, "002": 0}


def test_covariates_in_a_second_table(tmp_path) -> None:
    first = write(tmp_path / "first", [["IID", "y"], ["001", "0"], ["002", "1"], ["003", "1"]])
    second = write(
        tmp_path / "second", [["IID", "age", "y"], ["003", "5", "0"], ["001", "6", "9"]], mark=","
    )
    individuals, funnel = check_phenotype(SAMPLES, [first, second], "y", "0/1", ["age"])
    assert list(individuals.IID) == ["001", "003"] and list(individuals.age) == ["6", "5"]
    assert list(individuals.phenotype) == [0, 1]
    assert funnel.dropped.iloc[-1] == 1


def test_sex_is_read_from_the_fam_if_no_table_has_it(tmp_path) -> None:
    rows = [["IID", "y"], ["001", "0"], ["002", "1"], ["008", "1"]]
    individuals, _ = check_phenotype(SAMPLES, [write(tmp_path / "t", rows)], "y", "0/1", ["sex"])
    assert dict(zip(individuals.IID, individuals.sex, strict=True)) == {"001": "1", "002": "2"}


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("sex == 2", ["002", "004"]),
        ("age >= 45", ["002", "003"]),
        ("age != 40", ["002", "003"]),
        ("age < 60 and sex == 1", ["001"]),
        ("centre == 'north'", ["002", "003"]),
        ("centre in ['south']", ["001", "004"]),
        ("trait == 1", ["002", "003"]),
    ],
)
def test_include_compares_numbers_as_numbers(tmp_path, include: str, expected: list) -> None:
    rows = [row if row[0] != "999" else ["999", "0", "100", "2", "north"] for row in ROWS]
    individuals, funnel = check_phenotype(
        SAMPLES, [write(tmp_path / "t", rows)], "trait", "0/1", include=include
    )
    assert list(individuals.IID) == expected
    assert f"not selected by include: {include}" in set(funnel.reason)


@pytest.mark.parametrize(
    ("include", "word"),
    [
        ("centre != 'North'", "North"),
        ("centre in ['north', 'west']", "west"),
        ("'south ' != centre and age > 1", "south "),
    ],
)
def test_text_of_include_that_no_cell_has_is_reported(tmp_path, caplog, include, word) -> None:
    check_phenotype(SAMPLES, [write(tmp_path / "t")], "trait", "0/1", include=include)
    assert f"no value of 'centre' is {word!r}" in caplog.text


def test_text_of_include_that_cells_have_is_not_reported(tmp_path, caplog) -> None:
    include = "centre in ['north', 'south'] and centre > 'a'"
    check_phenotype(SAMPLES, [write(tmp_path / "t")], "trait", "0/1", include=include)
    assert "no value of" not in caplog.text


def test_include_that_selects_no_individual_is_refused_with_the_text_that_no_cell_has(tmp_path):
    path = write(tmp_path / "t")
    call = partial(check_phenotype, SAMPLES, [path], "trait", "0/1", include="centre == 'North'")
    error = check_refusal(call, Code.TOO_FEW_SAMPLES, key="include")
    assert "selects none of" in error.what and "no value of 'centre' is 'North'" in error.what


@pytest.mark.parametrize(
    ("include", "expected"),
    [("code == '01'", ["001", "003"]), ("code == 1", ["001", "002", "003"])],
)
def test_numbers_of_a_categorical_column_are_compared_with_text_or_numbers(
    tmp_path, include: str, expected: list
) -> None:
    rows = [["IID", "y", "code"], ["001", "0", "01"], ["002", "1", "1"], ["003", "1", "01"]]
    path = write(tmp_path / "t", [*rows, ["004", "0", "10"]])
    individuals, _ = check_phenotype(
        SAMPLES, [path], "y", "0/1", categorical=["code"], include=include
    )
    assert list(individuals.IID) == expected


MIXED = [
    ["IID", "y", "smoke", "batch", "age"],
    ["001", "0", "1", "a1", "40"],
    ["002", "1", "2", "a2", "unknown"],
    ["003", "1", "Prefer not to answer", "7", "61.0"],
    ["004", "0", "3.0", " a1", "-9.0"],
    ["005", "0", "NaN", "N/A", "50"],
]


@pytest.mark.parametrize(
    ("include", "categorical", "expected"),
    [
        ("smoke != '1'", ["smoke"], ["002", "003", "004"]),
        ("smoke in ['2', '3']", ["smoke"], ["002", "004"]),
        ("batch != 'a1'", [], ["002", "003"]),  # text, because most values are
        ("batch == '7'", [], ["003"]),
    ],
)
def test_text_is_compared_with_text(tmp_path, include, categorical, expected) -> None:
    path = write(tmp_path / "t", MIXED)
    individuals, _ = check_phenotype(
        SAMPLES, [path], "y", "0/1", categorical=categorical, include=include
    )
    assert list(individuals.IID) == expected


@pytest.mark.parametrize(
    "include", ["smoke != 1", "not (smoke == 1)", "smoke > '1'", "smoke != '1'"]
)
def test_numbers_with_a_few_words_are_not_compared(tmp_path, include: str) -> None:
    path = write(tmp_path / "t.tsv", MIXED)
    call = partial(check_phenotype, SAMPLES, [path], "y", "0/1", include=include)
    error = check_refusal(call, Code.INVALID_VALUE, "t.tsv", 4, sample="003")
    assert "'Prefer not to answer' in line 4" in error.what


def test_words_in_a_numeric_covariate_are_named_with_their_lines(tmp_path) -> None:
    place = Code.INVALID_VALUE, "t.tsv", 3
    check_table(tmp_path, MIXED, *place, column="y", coding="0/1", covariates=["age"], sample="002")
    path = write(tmp_path / "t", MIXED)
    individuals, _ = check_phenotype(SAMPLES, [path], "y", "0/1", ["age"], ["age"])
    assert list(individuals.age) == ["40", "unknown", "61", "50"]  # -9.0 is missing


@pytest.mark.parametrize(
    "word", ["-9.0", "nan", "NaN", "N/A", "#N/A", "NULL", ".", " ", "-9 ", "NA "]
)
def test_missing_values_are_the_same_in_every_column(tmp_path, word: str) -> None:
    rows = [
        ["IID", "y", "age", "centre", "group"],
        ["001", "0", "40", "north", "a"],
        ["002", word, "41", "north", "a"],
        ["003", "1", word, "north", "b"],
        ["004", "1", "42", word, "b"],
        ["005", "1", "43", "south", word],
        ["006", "1", "44", "south", "b"],
    ]
    path = write(tmp_path / "t", rows, mark=",")
    columns = {"covariates": ["age", "centre"], "categorical": ["centre"], "group": "group"}
    individuals, funnel = check_phenotype(SAMPLES, [path], "y", "0/1", **columns)
    assert list(individuals.IID) == ["001", "006"]
    assert list(funnel.dropped[funnel.unit == "samples"]) == [0, 2, 1, 1, 2]


def test_classes_may_be_written_with_decimals(tmp_path) -> None:
    rows = [["IID", "stage"], ["001", "0.0"], ["002", "1.0"], ["003", "2.0"], ["004", "1.0"]]
    individuals, _ = check_phenotype(
        SAMPLES, [write(tmp_path / "t", rows)], "stage", "classes", classes=["0", "1", "2"]
    )
    assert list(individuals["class"]) == ["0", "1", "2", "1"]


def test_basket_of_uk_biobank(tmp_path) -> None:
    """A CSV with the IDs in the column eid, field names such as 31-0.0, and quotation marks."""
    rows = [
        ["eid", "31-0.0", "21022-0.0"],
        ["003", "1", "61"],
        ["001", "0", "40"],
        ["002", "1", ""],
    ]
    path = write(tmp_path / "t.csv", [[f'"{value}"' for value in row] for row in rows], mark=",")
    individuals, _ = check_phenotype(
        SAMPLES, [path], "31-0.0", "0/1", ["21022-0.0"], include="`21022-0.0` >= 40"
    )
    assert list(individuals.IID) == ["001", "003"]
    assert list(individuals["21022-0.0"]) == ["40", "61"]


def test_a_column_of_both_tables_is_reported(tmp_path, caplog) -> None:
    first = write(tmp_path / "first", [["IID", "y", "age"], ["001", "0", "40"], ["002", "1", "50"]])
    second = write(tmp_path / "second", [["IID", "age"], ["001", "41"], ["002", "51"]])
    individuals, _ = check_phenotype(SAMPLES, [first, second], "y", "0/1", ["age"])
    assert list(individuals.age) == ["40", "50"]
    assert f"the column age is in both {first} and {second}" in caplog.text


def test_order_of_rows_does_not_matter(tmp_path) -> None:
    settings = {"covariates": ["age", "centre"], "categorical": ["centre"], "include": "sex == 1"}
    usual, _ = check_phenotype(SAMPLES, [write(tmp_path / "a", ROWS)], "trait", "0/1", **settings)
    rows = [ROWS[0], *reversed(ROWS[1:])]
    other, _ = check_phenotype(SAMPLES, [write(tmp_path / "b", rows)], "trait", "0/1", **settings)
    pd.testing.assert_frame_equal(usual, other)


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("`21000-0.0` != 1002", ["002", "004"]),
        ("`mother's ill` != 'no' and `21000-0.0` != 1", ["002"]),
        ("größe != 170", ["001", "002"]),
        ("`21000-0.0` != 1002 and `mother's ill` != 'größe'", ["002"]),
    ],
)
def test_missing_value_of_a_name_in_backticks_is_not_included(tmp_path, include, expected):
    rows = [
        ["IID", "y", "21000-0.0", "mother's ill", "größe"],
        ["001", "0", "1002", "no", "180"],
        ["002", "1", "2", "yes", "160"],
        ["003", "1", "NA", "yes", "NA"],
        ["004", "0", "1001", "", "170"],
    ]
    path = write(tmp_path / "t", rows)
    individuals, _ = check_phenotype(SAMPLES, [path], "y", "0/1", include=include)
    assert list(individuals.IID) == expected


def planted_losses(tmp_path, include: str, age: list[str], dose: list[str]) -> str:
    """The message about too few cases and controls among 40 individuals with these values."""
    iids = [f"{row:03}" for row in range(40)]
    samples = pd.DataFrame({"FID": "F", "IID": iids, "sex": "1"})
    trait = ["NA"] * 3 + ["0", "1"] * 18 + ["0"]
    rows = [["IID", "trait", "age", "dose"], *map(list, zip(iids, trait, age, dose, strict=True))]
    path = write(tmp_path / "t.tsv", rows)
    found, funnel = check_phenotype(
        samples, [path], "trait", "0/1", ["age", "dose"], include=include
    )
    return check_refusal(partial(check_numbers, found, funnel), Code.TOO_FEW_SAMPLES).what


def test_too_few_individuals_are_explained_by_filter(tmp_path) -> None:
    age = [str(row) for row in range(40)]
    dose = [*age[:20], *["NA"] * 20]
    what = planted_losses(tmp_path, "age != 39", age, dose)
    left_out = (
        "19 (a covariate missing: dose 19); 3 (phenotype missing); 1 (not selected by include"
    )
    assert f"Individuals left out: {left_out}: age != 39)" in what
    what = planted_losses(tmp_path, "age >= 25", ["NA", *age[1:]], [*age[:30], "NA", *age[31:]])
    assert (
        "left out: 25 (not selected by include: age >= 25); 1 (a covariate missing: dose 1)" in what
    )
    what = planted_losses(tmp_path, "dose >= 0", [*["NA"] * 8, *age[8:]], [*age[:39], "0"])
    assert "left out: 5 (a covariate missing: age 5); 3 (phenotype missing)" in what


def test_too_few_individuals_of_a_complete_table_have_no_further_explanation(tmp_path) -> None:
    samples = pd.DataFrame({"FID": "F", "IID": ["1", "2"], "sex": "1"})
    path = write(tmp_path / "t.tsv", [["IID", "trait"], ["1", "0"], ["2", "1"]])
    found, funnel = check_phenotype(samples, [path], "trait", "0/1")
    error = check_refusal(partial(check_numbers, found, funnel), Code.TOO_FEW_SAMPLES)
    assert "left out" not in str(error)


def test_ids_are_strings(tmp_path) -> None:
    samples = SAMPLES.assign(IID=["1", "01", "1.0", "1e3", "5", "6", "7", "8"])
    rows = [["IID", "y"], ["01", "1"], ["1.0", "0"], ["1000", "1"]]
    individuals, _ = check_phenotype(samples, [write(tmp_path / "t", rows)], "y", "0/1")
    assert list(individuals.IID) == ["01", "1.0"]


def check_table(tmp_path, rows: list, code: Code, *place, **settings) -> None:
    path = write(tmp_path / "t.tsv", rows)
    ids = {"sample": settings.pop("sample")} if "sample" in settings else {}
    check_refusal(lambda: check_phenotype(SAMPLES, [path], **settings), code, *place, **ids)


def changed(rows: list, iid: str, name: str, value: str) -> list[list[str]]:
    place = rows[0].index(name)
    return [[*row[:place], value, *row[place + 1 :]] if row[0] == iid else row for row in rows]


def test_invalid_value_of_excluded_individuals_is_accepted(tmp_path) -> None:
    path = write(tmp_path / "t", changed(ROWS, "004", "trait", "2"))
    individuals, _ = check_phenotype(SAMPLES, [path], "trait", "0/1", include="sex == 1")
    assert list(individuals.IID) == ["001", "003"]


def test_line_numbers_count_empty_lines(tmp_path) -> None:
    rows = [*ROWS[:3], [""] * 5, *ROWS[3:], ROWS[1]]
    path = write(tmp_path / "t", rows)
    check_refusal(lambda: read_table(path), Code.DUPLICATE_ID, "t", 11, sample="003")


HEIGHTS = [
    ["IID", "height", "age"],
    ["003", "180.5", "61"],
    ["001", "-1e1", "40"],
    ["002", "180", "52"],
    ["004", "NA", "33"],
    ["005", "-9", "44"],
    ["006", "", "45"],
    ["007", "179.999", "45"],
]


def test_quantitative_phenotype_keeps_its_values(tmp_path, caplog) -> None:
    path = write(tmp_path / "t.tsv", HEIGHTS)
    individuals, funnel = check_phenotype(
        SAMPLES, [path], "height", "quantitative", ["age"], threshold=180
    )
    assert list(individuals.columns) == ["FID", "IID", "sex", "phenotype", "value", "age"]
    assert list(individuals.IID) == ["001", "002", "003", "007"]
    assert list(individuals.value) == [-10.0, 180.0, 180.5, 179.999]
    assert list(individuals.phenotype) == [0, 1, 1, 0] and individuals.phenotype.dtype == np.int8
    assert list(funnel.dropped[funnel.unit == "samples"]) == [
        0,
        1,
        3,
        0,
    ]  # -9 is missing, as in PLINK
    assert "column height has values below -9" in caplog.text


@pytest.mark.parametrize("threshold", [-10, -20, 180.6])
def test_threshold_without_cases_or_controls_is_refused(tmp_path, threshold: float) -> None:
    settings = {"column": "height", "coding": "quantitative", "threshold": threshold}
    check_table(tmp_path, HEIGHTS, Code.PHENOTYPE_CODING, "t.tsv", **settings)


SEVERITY = [
    ["IID", "severity", "sex", "ancestry"],
    ["001", "none", "1", "north"],
    ["002", "mild", "2", "south"],
    ["003", "severe", "NA", "north"],
    ["004", "NA", "2", "north"],
    ["005", "mild", "1", "NA"],
    ["006", "none", "2", "south"],
]
CLASSES = {"column": "severity", "coding": "classes", "classes": ["none", "mild", "severe"]}


def test_first_class_is_the_reference(tmp_path) -> None:
    path = write(tmp_path / "t", SEVERITY)
    individuals, _ = check_phenotype(SAMPLES, [path], **CLASSES)
    assert list(individuals.columns) == ["FID", "IID", "sex", "phenotype", "class"]
    assert list(individuals["class"]) == ["none", "mild", "severe", "mild", "none"]
    assert list(individuals.phenotype) == [0, 1, 1, 1, 0] and individuals.phenotype.dtype == np.int8
    turned, _ = check_phenotype(
        SAMPLES, [path], **CLASSES | {"classes": ["mild", "none", "severe"]}
    )
    assert list(turned.phenotype) == [1, 0, 1, 0, 1]


def test_class_without_complete_cases_is_refused(tmp_path) -> None:
    check_table(tmp_path, SEVERITY, Code.TOO_FEW_SAMPLES, **CLASSES, covariates=["sex"])
    other = CLASSES | {"classes": [*CLASSES["classes"], "critical"]}
    check_table(tmp_path, SEVERITY, Code.PHENOTYPE_CODING, "t.tsv", **other)


def test_individuals_without_a_group_are_excluded(tmp_path) -> None:
    path = write(tmp_path / "t", SEVERITY)
    individuals, funnel = check_phenotype(SAMPLES, [path], **CLASSES, group="ancestry")
    assert list(individuals.columns) == ["FID", "IID", "sex", "phenotype", "class", "group"]
    assert list(individuals.group) == ["north", "south", "north", "south"]
    row = funnel.set_index("step").loc["group known"]
    assert list(row) == ["samples", 4, 1, "ancestry missing"]


def test_group_without_a_column_or_values_is_refused(tmp_path) -> None:
    place = Code.MISSING_COLUMN, None, None, "conditions.group"
    check_table(tmp_path, SEVERITY, *place, **CLASSES, group="race")
    rows = [row if row[0] == "IID" else [*row[:3], "NA"] for row in SEVERITY]
    check_table(tmp_path, rows, Code.NO_VALUES, "t.tsv", **CLASSES, group="ancestry")


def sexes(tmp_path, rows: list) -> list[int]:
    path = write(tmp_path / "t.tsv", rows)
    individuals, _ = check_phenotype(SAMPLES, [path], **CLASSES, sex=True)
    assert "sex_code" in individuals
    return list(individuals.sex_code)


def test_sex_is_read_from_the_table(tmp_path) -> None:
    assert sexes(tmp_path, changed(SEVERITY, "001", "sex", "2")) == [2, 2, 0, 1, 2]
    for other, code in (("0", 0), ("male", 1), ("F", 2), ("1.0", 1)):
        assert sexes(tmp_path, changed(SEVERITY, "001", "sex", other)) == [code, 2, 0, 1, 2]
    wrong = changed(SEVERITY, "001", "sex", "boy")
    check_table(tmp_path, wrong, Code.INVALID_VALUE, "t.tsv", 2, **CLASSES, sex=True, sample="001")
    # In UK Biobank, 0 is female and 1 is male.
    biobank = [[*row[:2], row[2].replace("2", "0"), row[3]] for row in SEVERITY]
    check_table(tmp_path, biobank, Code.INVALID_VALUE, "t.tsv", 3, **CLASSES, sex=True)
    empty = [row if row[0] == "IID" else [*row[:2], "NA", row[3]] for row in SEVERITY]
    assert sexes(tmp_path, empty) == [1, 2, 1, 1, 2]
    without = [[*row[:2], row[3]] for row in SEVERITY]
    assert sexes(tmp_path, without) == [1, 2, 1, 1, 2]


def test_unknown_sex_of_all_individuals_is_refused(tmp_path) -> None:
    path = write(tmp_path / "t.tsv", [row[:2] for row in SEVERITY])
    call = partial(check_phenotype, SAMPLES.assign(sex="0"), [path], **CLASSES, sex=True)
    check_refusal(call, Code.NO_VALUES, key="conditions.sex")


def test_groups_of_the_evaluation_are_looked_up_and_may_be_missing(tmp_path) -> None:
    path = write(tmp_path / "table")
    groups = read_groups(SAMPLES, [path], "centre", np.array(["003", "007", "008", "001"]))
    assert groups.tolist() == ["north", "", "", "south"]  # missing in the table, not in the table


def test_a_column_of_groups_that_does_not_exist_or_is_empty_is_refused(tmp_path) -> None:
    path = write(tmp_path / "table")
    absent = partial(read_groups, SAMPLES, [path], "ancestry", SAMPLES.IID.to_numpy())
    assert path in str(check_refusal(absent, Code.MISSING_COLUMN, key="evaluation.group"))
    empty = partial(read_groups, SAMPLES, [path], "centre", np.array(["007", "008"]))
    check_refusal(empty, Code.NO_VALUES, "table", key="evaluation.group")
