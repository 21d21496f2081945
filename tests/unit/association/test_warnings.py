"""Each warning about a GWAS is given if its condition holds, and only then."""

import pytest

from snpgen.association.warnings import gwas_warnings


def warn(
    n_cases: int | None = 500,
    n_controls: int | None = 900,
    lambda_gc: float | None = 1.3,
    lambda_1000: float | None = 1.02,
    related: float | None = 0.05,
    loco: bool = False,
) -> list[str]:
    inflation = {"lambda_gc": lambda_gc, "lambda_1000": lambda_1000}
    summary = {"n_cases": n_cases, "n_controls": n_controls} | inflation
    return gwas_warnings(summary, {"training_related": related}, loco)


def test_no_warning_at_the_thresholds() -> None:
    assert warn() == []
    assert warn(n_cases=200, lambda_1000=1.1, related=0.3) == []
    nothing = dict.fromkeys(["n_cases", "n_controls", "lambda_gc", "lambda_1000", "related"])
    assert warn(**nothing) == []


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"n_cases": 120}, ["120 cases", "gwas.firth_mac"]),
        ({"n_controls": 199}, ["199 controls", "gwas.firth_mac"]),
        ({"related": 0.999}, ["100 %", "gwas.loco"]),
        (
            {"lambda_gc": 2.351, "lambda_1000": 2.9},
            ["2.35", "2.90", "1,000 cases and 1,000 controls", "gwas.loco"],
        ),
        (
            {"n_cases": None, "n_controls": None, "lambda_1000": 2.9},
            ["2.90", "1,000 individuals"],
        ),
    ],
)
def test_warning_has_its_numbers_and_the_setting_to_change(numbers: dict, words: list[str]) -> None:
    (sentence,) = warn(**numbers)
    assert all(word in sentence for word in words)
    assert sentence.endswith(".") and "\n" not in sentence


def test_with_loco_relatives_are_no_warning_but_inflation_is() -> None:
    assert warn(related=0.9, loco=True) == []
    (sentence,) = warn(lambda_1000=1.3, related=0.9, loco=True)
    assert "pcs.count" in sentence and "gwas.loco" not in sentence


def test_several_warnings_are_in_a_fixed_order() -> None:
    sentences = warn(n_cases=120, lambda_1000=2.4, related=0.9)
    words = ["120 cases", "90 %", "2.40"]
    assert all(word in sentence for word, sentence in zip(words, sentences, strict=True))
