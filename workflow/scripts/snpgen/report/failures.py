"""Summary of the jobs that failed in a run of several phenotypes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_JOB = re.compile(r"^Error in rule (\w+):\n((?:^ {4}.*\n)+)", re.MULTILINE)  # in Snakemake's log
_ERROR = re.compile(r"^Error: (.*)$", re.MULTILINE)  # at the end of the log of a job


@dataclass(frozen=True)
class Failure:
    """A job that failed: its rule, its phenotype ("" if it belongs to all), its log and the message."""

    rule: str
    phenotype: str
    log: str
    message: str


def find_failures(text: str, phenotypes: Sequence[str]) -> list[Failure]:
    """The failed jobs in the log of Snakemake (`text`), one per phenotype and rule.

    A job whose outputs exist succeeded when it was repeated, and is left out. The message is the last line
    "Error: ..." in the log of the job, or "".
    """
    failures = {}
    for rule, block in _JOB.findall(text):
        entries = dict(re.findall(r"^ {4}(\w+): (.*)$", block, re.MULTILINE))
        outputs = entries.get("output", "").split(", ")
        if all(Path(file).exists() for file in outputs):
            continue
        found = re.match(r"results/(\w+)/", outputs[0])
        phenotype = found[1] if found and found[1] in phenotypes else ""
        log = re.sub(r" \(check log.*|, .*", "", entries.get("log", ""))
        errors = _ERROR.findall(Path(log).read_text()) if log and Path(log).exists() else []
        failures[phenotype, rule] = Failure(rule, phenotype, log, errors[-1] if errors else "")
    return list(failures.values())


def describe_failures(failures: Sequence[Failure], phenotypes: Sequence[str]) -> str:
    """One line per phenotype: the job that failed and why, or that no job failed."""
    common = [one for one in failures if not one.phenotype]
    lines = [f"all phenotypes: {_describe(one)}" for one in common]
    for name in phenotypes:
        own = [one for one in failures if one.phenotype == name]
        lines += [f"{name}: {_describe(one)}" for one in own]
        if not own and not common:
            lines.append(f"{name}: no job failed")
    return "\n".join(lines) + "\n"


def _describe(failure: Failure) -> str:
    return f"{failure.rule} failed. {failure.message or 'See its log'} ({failure.log})"
