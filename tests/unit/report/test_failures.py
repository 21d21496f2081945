"""Summary of failed jobs from the log of Snakemake."""

from pathlib import Path

import pytest

from snpgen.report.failures import describe_failures, find_failures

JOB = """[Sun Nov 29 19:10:49 2026]
Error in rule {rule}:
    message: None
    jobid: 1
    output: {output}
    log: {log} (check log file(s) for error details)
Logfile {log}:
================================================================================
Error: {error}
================================================================================
"""
PHENOTYPES = ["asthma", "gout"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fail(rule: str, name: str, output: str, error: str) -> str:
    log = Path("logs") / rule / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(f"19:00:00 reading\nError: {error}\n")
    return JOB.format(rule=rule, output=output, log=log, error=error)


def test_each_phenotype_has_a_line_with_rule_message_and_log() -> None:
    text = fail(
        "check_phenotype", "gout", "results/gout/samples.tsv, results/gout/f.tsv", "[T07] x."
    )
    summary = describe_failures(find_failures(text, PHENOTYPES), PHENOTYPES)
    assert summary.splitlines() == [
        "asthma: no job failed",
        "gout: check_phenotype failed. [T07] x. (logs/check_phenotype/gout.log)",
    ]


def test_failure_of_a_shared_job_concerns_all_phenotypes() -> None:
    text = fail("check_cohort", "cohort", "results/cohort/samples.tsv", "[G10] y.")
    (failure,) = find_failures(text, PHENOTYPES)
    assert failure.phenotype == "" and failure.message == "[G10] y."
    assert describe_failures([failure], PHENOTYPES).startswith(
        "all phenotypes: check_cohort failed. "
    )


def test_job_that_succeeded_when_it_was_repeated_is_left_out(folder: Path) -> None:
    text = fail("train_vae", "gout", "results/gout/model/vae.json", "[D03] stopped.")
    assert len(find_failures(text + text, PHENOTYPES)) == 1
    (folder / "results/gout/model").mkdir(parents=True)
    (folder / "results/gout/model/vae.json").touch()
    assert find_failures(text, PHENOTYPES) == []


def test_failure_without_a_message_refers_to_the_log() -> None:
    text = fail("run_gwas", "asthma.1.1", "results/asthma/gwas/1.1.tsv", "z")
    Path("logs/run_gwas/asthma.1.1.log").write_text("Traceback\nValueError: z\n")
    assert "See its log (logs/run_gwas/asthma.1.1.log)" in describe_failures(
        find_failures(text, PHENOTYPES), PHENOTYPES
    )
