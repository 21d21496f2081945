"""Every command of the documentation is run, Snakemake's as dry runs, or known to be run elsewhere."""

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
RUN_ELSEWHERE = {
    f"{SETUP}snakemake --cores all": ".ci/run",
    f"{SETUP}pytest": ".ci/run",
    ".venv/bin/snakemake --configfile mine.yaml --report report.zip": "tests/integration/test_run.py",
}
UNTESTED = ("apptainer", "conda", "docker", "snakemake --sdm")  # and the page says so


def blocks(page: Path, *languages: str) -> list[str]:
    """The fenced blocks of a page in these languages."""
    found = BLOCK.findall(page.read_text())
    return [text for _, language, text in found if language in languages]


def commands(text: str) -> list[str]:
    """The commands of a block, each on one line, without comments."""
    lines = re.sub(r" *\\\n\s*", " ", text).splitlines()
    return [bare for line in lines if (bare := re.sub(r"(^|\s+)#.*$", "", line).strip())]


def inline(page: Path) -> list[str]:
    """Whole commands that stand in a sentence."""
    spans = re.findall(r"`([^`\n]+)`", BLOCK.sub("", page.read_text()))
    return [span for span in spans if span.startswith(("snakemake -", *UNTESTED))]


def settings(page: Path, folder: Path) -> dict[str, str]:
    """The files of settings that a page shows, by the name in their first line."""
    named = [re.match(r"# (\S+\.yaml)\n", text) for text in blocks(page, "yaml")]
    return {
        match[1]: match.string.replace("/data/", f"{folder}/given/") for match in named if match
    }


@pytest.fixture
def folder(run: Path, tmp_path: Path) -> Path:
    """A checkout in which the small demo ran, once more as asthma, with a dry Snakemake."""
    shutil.copytree(REPOSITORY / "config", tmp_path / "config")
    (tmp_path / "results").mkdir()
    for name, source in (("cohort", "cohort"), ("demo", "demo"), ("asthma", "demo")):
        (tmp_path / "results" / name).symlink_to(run / "results" / source)
    for log in (run / "logs").glob("*/demo*.log"):
        copy = tmp_path / "logs" / log.parent.name / log.name.replace("demo", "asthma")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(log, copy)
    for number in range(1, 23):
        for place in (f"given/cohort/chr{number}", f"data/ukb/chr{number}", "given/other/cohort"):
            for ending in ("bed", "bim", "fam"):
                write(tmp_path / f"{place}.{ending}", " ")
    for table in ("given/cohort/phenotypes.tsv", "data/ukb/phenotypes.tsv", "data/ukb/ukb_rel.dat"):
        write(tmp_path / table, " ")
    dry = f'#!/bin/sh\nexec "{sys.executable}" -m snakemake "$@" --dry-run '
    write(
        tmp_path / ".venv/bin/snakemake", f"{dry}--snakefile {REPOSITORY}/workflow/Snakefile\n"
    ).chmod(0o755)
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def see(command: list[str], folder: Path) -> None:
    """Run a command of a page, which must succeed."""
    paths = {"PYTHONPATH": f"{REPOSITORY}/workflow/scripts"}
    finished = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env=os.environ | paths
    )
    assert finished.returncode == 0, f"{command[-1]}\n{finished.stdout}{finished.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_commands_are_known(page: Path) -> None:
    languages = {language for _, language, _ in BLOCK.findall(page.read_text())}
    assert languages <= LANGUAGES | ({""} if page == README else set())
    for command in [
        *inline(page),
        *(one for text in blocks(page, "", "sh") for one in commands(text)),
    ]:
        if command in RUN_ELSEWHERE:
            assert (REPOSITORY / RUN_ELSEWHERE[command]).exists()
        elif command.startswith(UNTESTED):
            assert "ot tested" in page.read_text(), f"{page.name} does not say so: {command}"
        else:
            assert command.startswith((".venv/bin/snakemake ", *READERS)), command


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if blocks(page, "sh", "python")],
    ids=lambda page: str(page.relative_to(REPOSITORY)),
)
def test_commands_run(page: Path, folder: Path) -> None:
    for name, text in (settings(README, folder) | settings(page, folder)).items():
        write(folder / name, text)
    has_plink = shutil.which("plink2") is not None
    if has_plink:
        cohort = str(folder / "results/cohort/simulated/cohort")
        see(["plink2", "--bfile", cohort, "--export", "vcf", "bgz", "--out", "cohort"], folder)
        shutil.copy(folder / "cohort.vcf.gz", folder / "chr1.vcf.gz")
    for text in blocks(page, "sh"):
        for command in commands(text):
            if command in RUN_ELSEWHERE or command.startswith(UNTESTED):
                continue
            if command.startswith("plink2") and not has_plink:
                break  # what follows in the block reads its output
            see(["bash", "-c", command.replace("/data/", f"{folder}/given/")], folder)
    for text in blocks(page, "python"):
        see([sys.executable, "-c", text], folder)
