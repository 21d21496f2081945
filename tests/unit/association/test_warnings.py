"""Warnings about a GWAS: each where it belongs, none where all is well."""

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


def test_nothing_to_warn_of() -> None:
    assert warn() == []
    assert warn(n_cases=200, lambda_1000=1.1, related=0.3) == []
    nothing = dict.fromkeys(["n_cases", "n_controls", "lambda_gc", "lambda_1000", "related"])
    assert warn(**nothing) == []


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"n_cases": 120}, ["120 cases", "gwas.firth_mac"]),
        ({"n_controls": 199}, ["199 controls", "gwas.firth_mac"]),
        ({"related": 0.999}, ["100 % of the training people", "too small", "gwas.loco"]),
        (
            {"lambda_gc": 2.351, "lambda_1000": 2.9},
            ["2.35", "2.90 if scaled to 1,000 cases and 1,000 controls", "too small", "gwas.loco"],
        ),
        (
            {"n_cases": None, "n_controls": None, "lambda_1000": 2.9},
            ["2.90 if scaled to 1,000 people:"],
        ),
    ],
)
def test_each_says_what_it_does_and_what_to_do(numbers: dict, words: list[str]) -> None:
    (sentence,) = warn(**numbers)
    assert all(word in sentence for word in words)
    assert sentence.endswith(".") and "\n" not in sentence


def test_loco_answers_for_relatives_but_not_for_what_is_left() -> None:
    assert warn(related=0.9, loco=True) == []
    (sentence,) = warn(lambda_1000=1.3, related=0.9, loco=True)
    assert "pcs.count" in sentence and "gwas.loco" not in sentence


def test_all_at_once_in_a_fixed_order() -> None:
    sentences = warn(n_cases=120, lambda_1000=2.4, related=0.9)
    starts = ["Training has", "90 % of the", "Genomic inflation"]
    assert [s.startswith(start) for s, start in zip(sentences, starts, strict=True)] == [True] * 3
