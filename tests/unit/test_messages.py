"""The format of error messages, and their codes."""

import pickle
import re
from pathlib import Path

import pytest

from snpgen.messages import Code, InputError

WORKFLOW = Path(__file__).parents[2] / "workflow"


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({}, "[T07] it is wrong. Correct it."),
        ({"file": "pheno.tsv"}, "[T07] pheno.tsv: it is wrong. Correct it."),
        ({"file": Path("a/b.tsv"), "line": 3}, "[T07] a/b.tsv, line 3: it is wrong. Correct it."),
        ({"key": "split.train"}, "[T07] split.train: it is wrong. Correct it."),
        (
            {"file": "config.yaml", "key": "split.train"},
            "[T07] config.yaml, split.train: it is wrong. Correct it.",
        ),
        ({"sample": "9276378", "variant": "rs1"}, "[T07] it is wrong. Correct it."),
    ],
)
def test_message_is_code_place_fault_and_remedy(place: dict, message: str) -> None:
    error = InputError(Code.PHENOTYPE_CODING, "it is wrong", "Correct it", **place)
    assert str(error) == message
    ended = InputError(Code.PHENOTYPE_CODING, "it is wrong.", "Correct it.", **place)
    assert str(ended) == message


def test_error_survives_pickling_as_between_processes() -> None:
    place = {"file": "pheno.tsv", "line": 3, "sample": "9276378", "variant": "rs1", "key": "coding"}
    error = InputError(Code.PHENOTYPE_CODING, "it is wrong", "Correct it", **place)
    other = pickle.loads(pickle.dumps(error))
    assert type(other) is InputError
    assert vars(other) == vars(error)
    assert other.code is Code.PHENOTYPE_CODING
    assert str(other) == str(error)


def test_every_code_is_used() -> None:
    files = [*WORKFLOW.rglob("*.py"), *WORKFLOW.rglob("*.smk")]
    text = "".join(file.read_text() for file in files)
    assert set(re.findall(r"\bCode\.([A-Z0-9_]+)", text)) == set(Code.__members__)


def test_codes_and_their_headings_are_unique() -> None:
    values = [code.value for code in Code]  # an alias would be missing here
    assert len(values) == len(Code.__members__)
    assert all(re.fullmatch(r"[CFTGSPXKAMD]\d\d", value) for value in values)
    headings = [code.heading for code in Code]
    assert len(set(headings)) == len(headings)
