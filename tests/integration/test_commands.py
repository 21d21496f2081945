"""Every command of the documentation is executed (Snakemake as a dry run) or tested elsewhere."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_demo import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted(REPOSITORY.glob("[a-z]*/**/*.md"))]
README = PAGES[0]
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", flags=re.MULTILINE | re.DOTALL)
LANGUAGES = {"sh", "text", "yaml", "python", "mermaid"}  # the README's first block has none
READERS = ("(cd", "cat", "cd", "cp", "head", "ls", "mkdir", "plink2", "tail", "zcat")
SETUP = "python3 -m venv .venv && .venv/bin/pip install -r requirements.lock && .venv/bin/"
TESTED_ELSEWHERE = {
    f"{SETUP}snakemake --cores all": ".ci/run",
    f"{SETUP}pytest": ".ci/run",
    ".venv/bin/snakemake --configfile mine.yaml --report report.zip": "tests/integration/test_browser.py",
}
UNTESTED = ("apptainer", "conda", "docker", "snakemake --sdm")  # which the page states


def blocks(page: Path, *languages: str) -> list[str]:
    """The fenced blocks of a page in these languages."""
    found = BLOCK.findall(page.read_text())
    return [text for _, language, text in found if language in languages]


def commands(text: str) -> list[str]:
    """The commands of a block, each on one line, without comments."""
    lines = re.sub(r" *\\\n\s*", " ", text).splitlines()
    return [bare for line in lines if (bare := re.sub(r"(^|\s+)#.*$", "", line).strip())]


def inline(page: Path) -> list[str]:
    """Whole commands within a sentence."""
    spans = re.findall(r"`([^`\n]+)`", BLOCK.sub("", page.read_text()))
    return [span for span in spans if span.startswith(("snakemake -", *UNTESTED))]


def settings(page: Path, folder: Path) -> dict[str, str]:
    """The configuration files that a page shows, by the name in their first line."""
    named = [re.match(r"# (\S+\.yaml)\n", text) for text in blocks(page, "yaml")]
    return {match[1]: match.string.replace("/data/", f"{folder}/user/") for match in named if match}


@pytest.fixture
def folder(run: Path, tmp_path: Path) -> Path:
    """A checkout with results of demo, also under the name asthma, and a Snakemake that only plans."""
    shutil.copytree(REPOSITORY / "config", tmp_path / "config")
    (tmp_path / "results").mkdir()
    for name, source in (("cohort", "cohort"), ("demo", "demo"), ("asthma", "demo")):
        (tmp_path / "results" / name).symlink_to(run / "results" / source)
    for log in (run / "logs").glob("*/demo*.log"):
        copy = tmp_path / "logs" / log.parent.name / log.name.replace("demo", "asthma")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(log, copy)
    for number in range(1, 23):
        for place in (f"user/cohort/chr{number}", f"data/ukb/chr{number}", "user/other/cohort"):
            for ending in ("bed", "bim", "fam"):
                write(tmp_path / f"{place}.{ending}", " ")
    for table in ("phenotypes.tsv", "ukb_rel.dat", "withdrawn.csv"):
        write(tmp_path / "data/ukb" / table, " ")
    write(tmp_path / "user/cohort/phenotypes.tsv", " ")
    dry = f'#!/bin/sh\nexec "{sys.executable}" -m snakemake "$@" --dry-run '
    write(
        tmp_path / ".venv/bin/snakemake", f"{dry}--snakefile {REPOSITORY}/workflow/Snakefile\n"
    ).chmod(0o755)
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def execute(command: list[str], folder: Path) -> None:
    """Run a command of a page and require its success."""
    paths = {"PYTHONPATH": f"{REPOSITORY}/workflow/scripts"}
    finished = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env=os.environ | paths
    )
    assert finished.returncode == 0, f"{command[-1]}\n{finished.stdout}{finished.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_commands_are_executed_or_declared_untested(page: Path) -> None:
    languages = {language for _, language, _ in BLOCK.findall(page.read_text())}
    assert languages <= LANGUAGES | ({""} if page == README else set())
    for command in [
        *inline(page),
        *(line for text in blocks(page, "", "sh") for line in commands(text)),
    ]:
        if command in TESTED_ELSEWHERE:
            assert (REPOSITORY / TESTED_ELSEWHERE[command]).exists()
        elif command.startswith(UNTESTED):
            assert "ot tested" in page.read_text(), f"{page.name} does not say so: {command}"
        else:
            assert command.startswith((".venv/bin/snakemake ", *READERS)), command


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if blocks(page, "sh", "python")],
    ids=lambda page: str(page.relative_to(REPOSITORY)),
)
def test_commands_succeed(page: Path, folder: Path) -> None:
    for name, text in (settings(README, folder) | settings(page, folder)).items():
        write(folder / name, text)
    has_plink = shutil.which("plink2") is not None
    if has_plink and "plink2" in page.read_text():
        cohort = str(folder / "results/cohort/simulated/cohort")
        execute(["plink2", "--bfile", cohort, "--export", "vcf", "bgz", "--out", "cohort"], folder)
        shutil.copy(folder / "cohort.vcf.gz", folder / "chr1.vcf.gz")
        # PLINK 2 of Debian cannot read a .sample file with a missing phenotype.
        bgen = ["--no-pheno", "--export", "bgen-1.2", "bits=8", "ref-first", "--out", "chr1"]
        execute(["plink2", "--bfile", cohort, *bgen], folder)
    for text in blocks(page, "sh"):
        for command in commands(text):
            if command in TESTED_ELSEWHERE or command.startswith(UNTESTED):
                continue
            if command.startswith("plink2") and not has_plink:
                break  # the rest of the block reads its output
            execute(["bash", "-c", command.replace("/data/", f"{folder}/user/")], folder)
    for text in blocks(page, "python"):
        execute([sys.executable, "-c", text], folder)
