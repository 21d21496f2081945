"""Memory and time that rules ask for, beside what they used at three sizes (measured.tsv).

Measured on a CPU with one thread: the largest resident memory of the script's process and its CPU
time, the largest of a rule's jobs; networks trained for 20 steps, intervals with 10 resamples; given
cohorts of 2,000, 20,000 and 100,000 people.
"""

import re
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from test_config import RULES, SHIPPED

MEASURED = pd.read_csv(Path(__file__).parent / "measured.tsv", sep="\t")
SNAKEMAKES = 300  # MB of the two that run beside the script in a job on Slurm
FLOOR = 650  # MB that Python, its libraries and the Snakemakes take in any job
GPU_FLOOR = 1400  # the same with torch, whose GPU libraries want three times as much


PHENOTYPE = SimpleNamespace(phenotype="demo")  # the wildcards


def asked(resource: str) -> dict[str, object]:
    """The value or function behind `resource` of each rule."""
    text = (RULES / "resources.smk").read_text()
    common = {"config": SHIPPED, "Path": Path}
    exec(text, common)  # noqa: S102 - our own file
    found = {}
    for file in sorted(RULES.glob("*.smk")):
        for name, body in re.findall(
            r"^rule (\w+):\n(.*?)(?=^rule |\Z)", file.read_text(), flags=re.MULTILINE | re.DOTALL
        ):
            value = re.search(rf"^ +{resource}=(.*),", body, flags=re.MULTILINE)
            if value:
                found[name] = eval(value[1], common)
    return found


@pytest.fixture
def value(monkeypatch, request):
    """What a rule asks for when it reads so many MB at an attempt."""

    def of(resource: str, rule: str, input_mb: float, attempt: int = 1) -> int:
        found = asked(resource)[rule]
        if not callable(found):
            return found
        monkeypatch.setitem(found.__globals__, "megabytes", lambda files: input_mb)
        return found(PHENOTYPE, [], attempt)

    return of


@pytest.mark.parametrize(
    "row", list(MEASURED.itertuples()), ids=lambda row: f"{row.rule}-{row.people}"
)
def test_memory_asked_for_is_enough_and_not_three_times_what_is_used(row, value) -> None:
    used = row.peak_mb + SNAKEMAKES
    floor = GPU_FLOOR if "gpu=1" in rule_text(row.rule) else FLOOR
    memory = value("mem_mb", row.rule, row.input_mb)
    assert 1.2 * used <= memory <= 3 * max(used, floor)


def rule_text(name: str) -> str:
    text = "".join(file.read_text() for file in sorted(RULES.glob("*.smk")))
    return re.search(rf"^rule {name}:\n(.*?)(?=^rule |\Z)", text, re.MULTILINE | re.DOTALL)[1]


@pytest.mark.parametrize(
    "row", list(MEASURED.itertuples()), ids=lambda row: f"{row.rule}-{row.people}"
)
def test_time_asked_for_is_three_times_what_is_used(row, value) -> None:
    assert 60 * value("runtime", row.rule, row.input_mb) >= 3 * row.cpu_seconds


def test_every_rule_is_measured() -> None:
    assert set(asked("mem_mb")) == set(MEASURED.rule)
    assert set(asked("runtime")) == set(asked("mem_mb"))


def test_the_second_submission_asks_for_twice_the_memory_and_time(value) -> None:
    for resource in ("mem_mb", "runtime"):
        for rule in asked(resource):
            once, twice = (value(resource, rule, 1000.0, attempt) for attempt in (1, 2))
            assert abs(twice - 2 * once) <= 1, rule


@pytest.mark.parametrize(
    ("filesets", "share"), [("chr{chromosome}", 1 / 4), ("cohort", 1 / (22 * 4))]
)
def test_a_job_of_the_gwas_works_on_a_chunk_of_one_chromosome(filesets, share) -> None:
    settings = {"demo": {"gwas": {"jobs": 4}}}
    names = [str(number) for number in range(1, 23)]
    common = {"FILESETS": filesets, "CHROMOSOMES": names, "SETTINGS": settings}
    exec((RULES / "jobs.smk").read_text(), common)  # noqa: S102 - our own file
    own = {"phenotype": "demo", "chromosome": "3", "chunk": "2"}
    assert common["share_of_input"](own, "demo") == share
    assert common["share_of_input"]({"phenotype": "demo"}, "demo") == 1
