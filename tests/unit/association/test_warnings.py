"""Each warning about a GWAS is given if its condition holds, and only then."""

from typing import Any

import pytest

from snpgen.association.warnings import gwas_warnings


def warn(
    n_cases: int | None = 500,
    n_controls: int | None = 900,
    lambda_gc: float | None = 1.3,
    lambda_1000: float | None = 1.02,
    related: float | None = 0.05,
    loco: bool = False,
) -> list[dict[str, Any]]:
    inflation = {"lambda_gc": lambda_gc, "lambda_1000": lambda_1000}
    summary = {"n_cases": n_cases, "n_controls": n_controls} | inflation
    return gwas_warnings(summary, {"training_related": related}, loco)


def test_no_warning_at_the_thresholds() -> None:
    assert warn() == []
    assert warn(n_cases=200, lambda_1000=1.1, related=0.3) == []
    nothing = dict.fromkeys(["n_cases", "n_controls", "lambda_gc", "lambda_1000", "related"])
    assert warn(**nothing) == []


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({"n_cases": 120}, {"name": "few_cases", "number": 120}),
        ({"n_controls": 199}, {"name": "few_controls", "number": 199}),
        ({"related": 0.999}, {"name": "relatives", "share": 0.999}),
        (
            {"lambda_gc": 2.351, "lambda_1000": 2.9},
            {"name": "inflation", "lambda_gc": 2.351, "lambda_1000": 2.9, "binary": True},
        ),
        (
            {"n_cases": None, "n_controls": None, "lambda_1000": 2.9},
            {"name": "inflation", "binary": False, "loco": False},
        ),
    ],
)
def test_warning_has_its_name_and_numbers(
    numbers: dict[str, Any], expected: dict[str, Any]
) -> None:
    (warning,) = warn(**numbers)
    assert warning.items() >= expected.items()


def test_with_loco_relatives_are_no_warning_but_inflation_is() -> None:
    assert warn(related=0.9, loco=True) == []
    (warning,) = warn(lambda_1000=1.3, related=0.9, loco=True)
    assert warning["name"] == "inflation" and warning["loco"]


def test_several_warnings_are_in_a_fixed_order() -> None:
    names = [warning["name"] for warning in warn(n_cases=120, lambda_1000=2.4, related=0.9)]
    assert names == ["few_cases", "relatives", "inflation"]
