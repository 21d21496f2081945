"""Inclusion criteria: comparisons of numbers and texts, missing values, and refused expressions."""

import numpy as np
import pandas as pd
import pytest
from broken_input import check_refusal

from snpgen.io.expressions import evaluate, find_names
from snpgen.messages import Code

COLUMNS = {
    "age": pd.Series([40.0, 50.0, np.nan, 70.0]),
    "sex": pd.Series([1.0, 2.0, 2.0, 1.0]),
    "centre": pd.Series(["north", "south", "north", np.nan], dtype=str),
    "31-0.0": pd.Series([0.0, 1.0, 0.0, 1.0]),
}


def included(expression: str) -> list[int]:
    columns = {name: COLUMNS[name] for name in find_names(expression)}
    return np.flatnonzero(evaluate(expression, columns)).tolist()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("sex == 2", [1, 2]),
        ("age != 40", [1, 3]),
        ("not (age == 40)", [1, 3]),
        ("45 < age <= 70", [1, 3]),
        ("sex == 1 and age > 40", [3]),
        ("sex == 2 or `31-0.0` == 1", [1, 2, 3]),
        ("centre == 'north'", [0, 2]),
        ('centre not in ["north"]', [1]),
        ("centre != '`31-0.0`'", [0, 1, 2]),
        ("age in [40, 70] and sex == 1", [0, 3]),
        ("(sex == 1) & (age + 5 > 60)", [3]),
        ("age > 40 * sex", [3]),
    ],
)
def test_individuals_who_fulfil_the_expression(expression: str, expected: list[int]) -> None:
    assert included(expression) == expected


@pytest.mark.parametrize(
    "expression",
    [
        'sex != "1"',
        "centre != 1",
        "centre in ['north', 3]",
        "sex == centre",
        "centre + 1 > 2",
        "not centre",
        "sex",
        "sex = 1",
        "sex ==",
        "sex.isin([1])",
        "abs(age) > 3",
        "@sex == 1",
        "age != None",
        "__import__('os').getcwd() == 'x'",
    ],
)
def test_refused_expressions(expression: str) -> None:
    check_refusal(lambda: included(expression), Code.INVALID_EXPRESSION, key="include")
