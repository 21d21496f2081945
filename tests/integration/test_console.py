"""Progress of two concurrent jobs in the console of a local run, with and without a terminal."""

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
    """Read until all writers have closed."""
    parts = []
    while True:
        try:
            part = os.read(descriptor, 10_000)
        except OSError:  # end of a terminal
            part = b""
        if not part:
            return b"".join(parts).decode()
        parts.append(part)


def test_concurrent_jobs_write_whole_lines_to_a_terminal(tmp_path: Path) -> None:
    reader, writer = pty.openpty()
    process = run(tmp_path, writer)
    os.close(writer)
    shown = read(reader)
    assert process.wait() == 0, shown
    line = (
        r"\[\d\d:\d\d:\d\d\] wait/(one|two): (\d+) of 50 naps (?:\(\d+ %\)|in \d+ s), [^\r\n]*\r?\n"
    )
    matches = list(re.finditer(line, shown))  # Snakemake may leave its own line unfinished
    assert len(matches) == shown.count("naps")
    for name in ("one", "two"):
        assert [int(match[2]) for match in matches if match[1] == name] == list(range(1, 51))


def test_progress_is_in_the_log_only_without_a_terminal(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    process = run(tmp_path, writer)
    os.close(writer)
    shown = read(reader)
    assert process.wait() == 0, shown
    assert "naps" not in shown
    assert (tmp_path / "logs/wait/one.log").read_text().count("of 50 naps") == 50
