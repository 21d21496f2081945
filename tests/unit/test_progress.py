"""Lines of progress: content, frequency, and output on a terminal."""

import os
import pty
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path

import pytest

from snpgen.progress import Meter, describe_seconds, track

ROOT = Path(__file__).parents[2]
JOB = """
import snpgen.progress
from snpgen.job import log, start_log
start_log("{log}")
snpgen.progress._SECONDS = snpgen.progress._SHARE = snpgen.progress._MIN_SECONDS = 0.0
meter = snpgen.progress.Meter(4, "steps")
for _ in range(4):
    meter.add()
log.info("a line that is no progress")
"""


@pytest.fixture
def lines(caplog):
    """Lines logged so far."""
    caplog.set_level("INFO", "snpgen")
    return lambda: [record.message for record in caplog.records]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_rate_and_time_left_by_hand(lines) -> None:
    clock = Clock()
    meter = Meter(24_000, "variants", clock=clock)
    clock.now += 9.9
    meter.add(5_000)
    assert lines() == []  # too soon
    clock.now += 2.6
    meter.add(1_000)  # 6,000 in 12.5 s, 18,000 left
    assert lines() == ["6,000 of 24,000 variants (25 %), 480 per second, 38 s left"]
    clock.now += 9
    meter.add(6_000)
    assert len(lines()) == 1
    clock.now += 978.5
    meter.add(12_000)
    assert lines()[1:] == ["24,000 of 24,000 variants in 17 min, 24 per second"]


def test_steps_of_an_earlier_run_count_for_the_share_but_not_for_the_rate(lines) -> None:
    clock = Clock()
    meter = Meter(400, "steps", 200, clock)
    clock.now += 20
    meter.add(10)
    assert lines() == ["210 of 400 steps (52 %), 0.5 per second, 6 min left"]


def test_a_slow_beginning_is_forgotten(lines) -> None:
    clock = Clock()
    meter = Meter(1_000, "steps", clock=clock)
    for seconds in (100, *[2] * 40):
        clock.now += seconds
        meter.add()
    assert lines()[0] == "1 of 1,000 steps (0 %), 0.01 per second, 28 h left"
    assert lines()[-1].endswith("0.5 per second, 32 min left") and len(lines()) == 9


def test_without_progress_the_remaining_time_is_unknown(lines) -> None:
    clock = Clock()
    meter = Meter(10, "blocks", clock=clock)
    clock.now += 11
    meter.add(0)
    assert lines() == ["0 of 10 blocks (0 %), 0 per second, unknown time left"]


def test_a_long_job_logs_less_often_and_a_short_one_nothing(lines) -> None:
    clock = Clock()
    meter = Meter(36_000, "steps", clock=clock)
    times = []
    for _ in range(35_999):  # ten hours
        clock.now += 1
        before = len(lines())
        meter.add()
        times += [clock.now - 100] * (len(lines()) - before)
    gaps = [after - before for before, after in pairwise(times)]
    assert times[0] == 10 and gaps[0] == 10 and gaps == sorted(gaps)
    assert all(gap <= max(10, 0.05 * at) + 1 for gap, at in zip(gaps, times, strict=False))
    before = len(lines())
    for _ in track(range(100), "cohorts"):
        pass
    assert len(lines()) == before


def test_units_of_all_threads_are_counted(lines) -> None:
    meter = Meter(80_000, "samples")
    threads = [
        threading.Thread(target=lambda: [meter.add() for _ in range(10_000)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert meter.done == 80_000


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (99, "99 s"), (100, "2 min"), (5_900, "98 min"), (6_000, "1.7 h")]
    + [(35_900, "10 h"), (86_400, "24 h"), (432_000, "5 days")],
)
def test_times_in_words(seconds: float, words: str) -> None:
    assert describe_seconds(seconds) == words


def run_job(folder: Path, console: int) -> list[str]:
    """Lines of the log of a job whose standard error is `console`."""
    (folder / "logs").mkdir()
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow/scripts")}
    code = JOB.format(log="logs/train_vae/demo.log")
    (folder / "logs/train_vae").mkdir()
    command = [sys.executable, "-c", code]
    subprocess.run(command, stderr=console, cwd=folder, env=environment, check=True)
    return (folder / "logs/train_vae/demo.log").read_text().splitlines()


def test_a_terminal_shows_whole_lines_with_the_name_of_the_job(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    log = run_job(tmp_path, theirs)
    shown = os.read(ours, 10_000).decode().splitlines()
    os.close(ours), os.close(theirs)
    assert len(log) == 5 and "no progress" in log[-1]
    assert len(shown) == 4
    for line, logged in zip(shown, log, strict=False):
        assert line[0] == "[" and line[9:].startswith("] train_vae/demo: ")
        assert line.split(": ", 1)[1] == logged.split(" ", 1)[1]
    assert shown[0].split(": ", 1)[1].startswith("1 of 4 steps (25 %), ")


def test_a_pipe_shows_nothing_and_the_log_has_all_lines(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    log = run_job(tmp_path, theirs)
    os.close(theirs)
    assert os.read(ours, 10_000) == b""
    os.close(ours)
    assert len(log) == 5 and "4 of 4 steps" in log[3]
