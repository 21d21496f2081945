"""Phenotype tables: formats, matching of ids, coding, who is included, covariates, bad input."""

import numpy as np
import pandas as pd
import pytest

from snpgen.cohort.phenotype import check_phenotype
from snpgen.io.sample_tables import read_table
from snpgen.messages import InputError

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
def test_people_with_everything_known(tmp_path, mark: str) -> None:
    path = write(tmp_path / "table", mark=mark)
    individuals, funnel = check_phenotype(
        SAMPLES, [path], "trait", "0/1", ["sex", "age", "centre"], ["centre"]
    )
    assert list(individuals.columns) == ["FID", "IID", "sex", "phenotype", "age", "centre"]
    assert list(individuals.IID) == ["001", "002", "003"]
    assert list(individuals.phenotype) == [0, 1, 1] and individuals.phenotype.dtype == np.int8
    assert list(individuals.age) == ["40", "52.5", "61"]
    assert list(funnel.columns) == ["step", "unit", "kept", "dropped", "reason"]
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


def test_sex_of_the_fam_stands_in(tmp_path) -> None:
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
    assert f"not {include}" in set(funnel.reason)


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("`21000-0.0` != 1002", ["002", "004"]),
        ("`mother's ill` != 'no' and `21000-0.0` != 1", ["002"]),
        ("größe != 170", ["001", "002"]),
        ("`21000-0.0` != 1002 and `mother's ill` != 'größe'", ["002"]),
    ],
)
def test_a_missing_value_of_a_name_in_backticks_fulfils_nothing(tmp_path, include, expected):
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


def test_ids_are_never_numbers(tmp_path) -> None:
    samples = SAMPLES.assign(IID=["1", "01", "1.0", "1e3", "5", "6", "7", "8"])
    rows = [["IID", "y"], ["01", "1"], ["1.0", "0"], ["1000", "1"]]
    individuals, _ = check_phenotype(samples, [write(tmp_path / "t", rows)], "y", "0/1")
    assert list(individuals.IID) == ["01", "1.0"]


def check_error(tmp_path, message: str, rows=ROWS, **settings) -> None:
    settings = {"column": "trait", "coding": "0/1"} | settings
    with pytest.raises(InputError, match=message):
        check_phenotype(SAMPLES, [write(tmp_path / "t.tsv", rows)], **settings)


def changed(iid: str, name: str, value: str) -> list[list[str]]:
    place = ROWS[0].index(name)
    return [[*row[:place], value, *row[place + 1 :]] if row[0] == iid else row for row in ROWS]


def test_third_value(tmp_path) -> None:
    message = r"t\.tsv, line 5: trait of 004 is 2 where coding 0/1 is declared"
    check_error(tmp_path, message, changed("004", "trait", "2"))
    check_error(tmp_path, r"trait of 004 is yes", changed("004", "trait", "yes"))
    check_error(tmp_path, r"line 3: trait of 001 is 0 where coding 1/2", coding="1/2")


def test_third_value_of_people_left_out_does_no_harm(tmp_path) -> None:
    path = write(tmp_path / "t", changed("004", "trait", "2"))
    individuals, _ = check_phenotype(SAMPLES, [path], "trait", "0/1", include="sex == 1")
    assert list(individuals.IID) == ["001", "003"]


def test_no_overlap(tmp_path) -> None:
    rows = [["IID", "trait"], ["A1", "0"], ["A2", "1"]]
    check_error(tmp_path, r"no IID of .*t\.tsv \(A1, A2\) is among .* \(001, 002, 003\)", rows)


def test_duplicated_person(tmp_path) -> None:
    check_error(tmp_path, r"t\.tsv, line 10: IID 001 stands twice", [*ROWS, ROWS[2]])


def test_missing_columns(tmp_path) -> None:
    listed = "IID, trait, age, sex, centre"
    check_error(tmp_path, f"column names a column case, but .*t.tsv has {listed}", column="case")
    check_error(tmp_path, f"covariates names a column bmi, .* {listed}", covariates=["bmi"])
    rows = [["person", *ROWS[0][1:]], *ROWS[1:]]
    check_error(tmp_path, r"t\.tsv has no column IID, but person, trait", rows)


def test_bad_include(tmp_path) -> None:
    check_error(tmp_path, 'include: "bmi > 3" cannot be evaluated', include="bmi > 3")
    check_error(tmp_path, 'include: "sex =" cannot be evaluated', include="sex =")
    check_error(tmp_path, 'include: "age [+] 1" is neither true nor false', include="age + 1")
    check_error(tmp_path, "nobody left has a value of trait", include="age > 90")


def test_constant_covariate(tmp_path) -> None:
    message = "covariate sex is 1 for everyone left"
    check_error(tmp_path, message, covariates=["sex"], include="sex == 1")
    rows = [row if row[0] == "IID" else [*row[:4], "north"] for row in ROWS]
    check_error(
        tmp_path, "covariate centre is north", rows, covariates=["centre"], categorical=["centre"]
    )


def test_covariate_missing_for_everyone(tmp_path) -> None:
    rows = [row if row[0] == "IID" else [*row[:2], "NA", *row[3:]] for row in ROWS]
    check_error(tmp_path, "covariate age is missing for everyone", rows, covariates=["age"])


def test_text_in_a_numeric_covariate(tmp_path) -> None:
    message = r"t\.tsv, line 4: covariate age of 002 is old, not a number"
    check_error(tmp_path, message, changed("002", "age", "old"), covariates=["age"])
    check_error(tmp_path, "age of 002 is inf", changed("002", "age", "inf"), covariates=["age"])


def test_row_that_is_too_long(tmp_path) -> None:
    path = write(tmp_path / "t", [*ROWS[:3], [*ROWS[3], "more"], *ROWS[4:]])
    with pytest.raises(InputError, match="is not a table: .*line 4"):
        read_table(path)
    path = write(tmp_path / "t", [ROWS[0], *([*row, "more"] for row in ROWS[1:])])
    with pytest.raises(InputError, match="line 2: more values than the header has names"):
        read_table(path)


def test_line_numbers_count_empty_lines(tmp_path) -> None:
    rows = [*ROWS[:3], [""] * 5, *ROWS[3:], ROWS[1]]
    with pytest.raises(InputError, match="line 11: IID 003 stands twice"):
        read_table(write(tmp_path / "t", rows))


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
    assert list(funnel.dropped) == [0, 1, 3, 0]  # -9 is missing, as in PLINK
    assert "-9 counts as missing in height, although smaller values are there" in caplog.text


def test_quantitative_phenotype_takes_numbers_only(tmp_path) -> None:
    settings = {"column": "height", "coding": "quantitative", "threshold": 180}
    for value in ("tall", "1,8", "inf"):
        rows = [*HEIGHTS[:2], ["001", value, "40"], *HEIGHTS[3:]]
        message = f"t.tsv, line 3: height of 001 is {value} where coding quantitative is declared"
        check_error(tmp_path, message, rows, **settings)


@pytest.mark.parametrize("threshold", [-10, -20, 180.6])
def test_threshold_that_leaves_one_class(tmp_path, threshold: float) -> None:
    message = f"t.tsv: height runs from -10 to 180.5, so that threshold {threshold} leaves no cases"
    settings = {"column": "height", "coding": "quantitative", "threshold": threshold}
    check_error(tmp_path, message, HEIGHTS, **settings)


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


def altered(iid: str, name: str, value: str) -> list[list[str]]:
    place = SEVERITY[0].index(name)
    return [[*row[:place], value, *row[place + 1 :]] if row[0] == iid else row for row in SEVERITY]


def test_classes_are_cases_but_for_the_first(tmp_path) -> None:
    path = write(tmp_path / "t", SEVERITY)
    individuals, _ = check_phenotype(SAMPLES, [path], **CLASSES)
    assert list(individuals.columns) == ["FID", "IID", "sex", "phenotype", "class"]
    assert list(individuals["class"]) == ["none", "mild", "severe", "mild", "none"]
    assert list(individuals.phenotype) == [0, 1, 1, 1, 0] and individuals.phenotype.dtype == np.int8
    turned, _ = check_phenotype(
        SAMPLES, [path], **CLASSES | {"classes": ["mild", "none", "severe"]}
    )
    assert list(turned.phenotype) == [1, 0, 1, 0, 1]


def test_a_value_that_is_no_class(tmp_path) -> None:
    message = (
        r"t\.tsv, line 3: severity of 002 is Mild where classes none, mild, severe is declared: "
        "correct classes, or make the value NA"
    )
    check_error(tmp_path, message, altered("002", "severity", "Mild"), **CLASSES)


def test_a_class_that_nobody_has(tmp_path) -> None:
    message = r"t\.tsv: nobody left is severe in severity: correct classes"
    check_error(tmp_path, message, altered("003", "severity", "NA"), **CLASSES)
    check_error(tmp_path, message, SEVERITY, **CLASSES, covariates=["sex"])


def test_people_without_a_group_are_left_out(tmp_path) -> None:
    path = write(tmp_path / "t", SEVERITY)
    individuals, funnel = check_phenotype(SAMPLES, [path], **CLASSES, group="ancestry")
    assert list(individuals.columns) == ["FID", "IID", "sex", "phenotype", "class", "group"]
    assert list(individuals.group) == ["north", "south", "north", "south"]
    row = funnel.set_index("step").loc["group known"]
    assert list(row) == ["samples", 4, 1, "ancestry missing"]


def test_a_group_that_is_not_there(tmp_path) -> None:
    message = r"conditions.group names a column race, but .*t\.tsv has IID, severity"
    check_error(tmp_path, message, SEVERITY, **CLASSES, group="race")
    rows = [row if row[0] == "IID" else [*row[:3], "NA"] for row in SEVERITY]
    message = r"t\.tsv: nobody left has a value of ancestry: correct conditions.group"
    check_error(tmp_path, message, rows, **CLASSES, group="ancestry")


def sexes(tmp_path, rows: list) -> list[int]:
    path = write(tmp_path / "t.tsv", rows)
    individuals, _ = check_phenotype(SAMPLES, [path], **CLASSES, sex=True)
    assert "sex_code" in individuals
    return list(individuals.sex_code)


def test_sex_comes_from_the_table_where_it_is_coded_as_plink_does(tmp_path) -> None:
    assert sexes(tmp_path, altered("001", "sex", "2")) == [2, 2, 0, 1, 2]
    for other in ("0", "male"):  # 0/1 is that of UK Biobank: the .fam counts
        assert sexes(tmp_path, altered("001", "sex", other)) == [1, 2, 1, 1, 2]
    empty = [row if row[0] == "IID" else [*row[:2], "NA", row[3]] for row in SEVERITY]
    assert sexes(tmp_path, empty) == [1, 2, 1, 1, 2]
    without = [[*row[:2], row[3]] for row in SEVERITY]
    assert sexes(tmp_path, without) == [1, 2, 1, 1, 2]


def test_nobodys_sex_is_known(tmp_path) -> None:
    path = write(tmp_path / "t.tsv", [row[:2] for row in SEVERITY])
    with pytest.raises(InputError, match="conditions.sex is true, but nobody's sex is known"):
        check_phenotype(SAMPLES.assign(sex="0"), [path], **CLASSES, sex=True)
