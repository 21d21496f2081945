"""Each warning about a GWAS is given if its condition holds, and only then."""

import pytest

from snpgen.association.warnings import gwas_warnings


def warn(related: float | None = 0.05, loco: bool = False, **numbers: float | None) -> list[dict]:
    summary = {"n_cases": 500, "n_controls": 900, "n_independent": 5_000}
    summary |= {"lambda_gc": 1.3, "lambda_1000": 1.02} | numbers
    return gwas_warnings(summary, {"training_related": related}, loco)


def test_no_warning_at_the_thresholds() -> None:
    assert warn() == []
    assert warn(n_cases=200, lambda_1000=1.1, related=0.3) == []
    # 600 independent variants have a lambda of 1.19 by chance (two standard errors).
    assert warn(n_independent=600, lambda_gc=1.18, lambda_1000=1.5) == []
    assert warn(n_independent=600, lambda_gc=1.2, lambda_1000=1.5) != []
    nothing = dict.fromkeys(["n_cases", "n_controls", "lambda_gc", "lambda_1000", "related"])
    assert warn(**nothing) == []


@pytest.mark.parametrize(
    ("numbers", "kind", "facts"),
    [
        ({"n_cases": 120}, "small_class", {"count": 120, "class": "cases"}),
        ({"n_controls": 199}, "small_class", {"count": 199, "class": "controls"}),
        ({"related": 0.999}, "relatives", {"share": 0.999}),
        (
            {"lambda_gc": 2.351, "lambda_1000": 2.9},
            "inflation",
            {"lambda_gc": 2.351, "lambda_1000": 2.9, "quantitative": False, "loco": False},
        ),
        (
            {"n_cases": None, "n_controls": None, "lambda_1000": 2.9},
            "inflation",
            {"lambda_1000": 2.9, "quantitative": True},
        ),
        (
            {"lambda_1000": 1.3, "related": 0.9, "loco": True},  # which accounts for relatives
            "inflation",
            {"lambda_1000": 1.3, "loco": True},
        ),
    ],
)
def test_warning_has_its_numbers(numbers: dict, kind: str, facts: dict, caplog) -> None:
    (warning,) = warn(**numbers)
    assert warning["kind"] == kind and warning["facts"] == warning["facts"] | facts
    assert len(caplog.records) == 1


def test_several_warnings_are_in_a_fixed_order() -> None:
    kinds = [warning["kind"] for warning in warn(n_cases=120, lambda_1000=2.4, related=0.9)]
    assert kinds == ["small_class", "relatives", "inflation"]
