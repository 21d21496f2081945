"""Progress of jobs in the console of a local run: two jobs at once, on a terminal and on none."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from small_demo import REPOSITORY

SNAKEFILE = """
rule all:
    input: expand("{name}.txt", name=["one", "two"])

rule wait:
    output: "{name}.txt"
    log: "logs/wait/{name}.log"
    script: "wait.py"
"""
SCRIPT = f"""
import sys
sys.path.append("{REPOSITORY}/workflow/scripts")
from snpgen.job import start_log
start_log(snakemake.log[0])
import time
from pathlib import Path
from snpgen import progress
progress._SECONDS = progress._SHARE = progress._MIN_SECONDS = 0.0
for _ in progress.track(range(50), "naps"):
    time.sleep(0.01)
Path(snakemake.output[0]).touch()
"""


def run(folder: Path, console: int) -> subprocess.Popen:
    (folder / "Snakefile").write_text(SNAKEFILE)
    (folder / "wait.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "snakemake", "--cores", "2"]
    return subprocess.Popen(command, cwd=folder, stdout=console, stderr=console)


def read(descriptor: int) -> str:
    """All that is written until the last writer has closed it."""
    parts = []
    while True:
        try:
            part = os.read(descriptor, 10_000)
        except OSError:  # how a terminal ends
            part = b""
        if not part:
            return b"".join(parts).decode()
        parts.append(part)


def test_two_jobs_at_once_write_whole_lines_on_a_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = run(tmp_path, theirs)
    os.close(theirs)
    shown = read(ours)
    assert process.wait() == 0, shown
    line = r"\[\d\d:\d\d:\d\d\] wait/(one|two): (\d+) of 50 naps (\(\d+ %\)|in \d+ s), .*"
    lines = [one for one in shown.splitlines() if "naps" in one]
    parsed = [re.fullmatch(line, one) for one in lines]
    assert all(parsed), lines
    for name in ("one", "two"):
        assert [int(one[2]) for one in parsed if one[1] == name] == list(range(1, 51))


def test_without_a_terminal_the_log_alone_has_them(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    process = run(tmp_path, theirs)
    os.close(theirs)
    shown = read(ours)
    assert process.wait() == 0, shown
    assert "naps" not in shown
    assert (tmp_path / "logs/wait/one.log").read_text().count("of 50 naps") == 50
