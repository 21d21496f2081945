"""Jobs and whole runs that are killed at random moments resume and end with the bytes of an undisturbed run."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import psutil
from small_demo import command, configure, snakemake

KILLS = 25
PATIENCE = 2  # seconds to wait for a job of a rule that has not been killed yet
EVERYTHING = 5  # every fifth kill ends Snakemake and all its jobs, as a crash of the machine does


def find_jobs(process: subprocess.Popen) -> list[psutil.Process]:
    """Running scripts of the workflow."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
        return [child for child in children if child.cmdline()[-1:][0].endswith(".py")]
    except (psutil.NoSuchProcess, IndexError):
        return []


def name_of(job: psutil.Process) -> str:
    """The script that a job runs; empty after the job has ended."""
    try:
        return job.cmdline()[-1].split(".")[-2]
    except (psutil.NoSuchProcess, IndexError):
        return ""


def is_in(folder: Path, process: psutil.Process) -> bool:
    """Whether the command of a process names `folder`."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE and str(folder) in str(process.cmdline())
    except psutil.NoSuchProcess:
        return False


def disturb(folder: Path, rng: random.Random, everything: bool, killed: list[str]) -> str | None:
    """Start the run, kill a job at a random moment, and return its script; None if the run ended.

    Jobs of scripts that are not in `killed` are preferred, so that the kills are spread over the whole
    run and not only over its longest jobs.
    """
    process = subprocess.Popen(
        command(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait, begun = rng.uniform(0.2, 8), None
    while process.poll() is None:
        jobs = {job: name for job in find_jobs(process) if (name := name_of(job))}
        begun = begun or (time.monotonic() if jobs else None)
        over = time.monotonic() - begun - wait if begun else -1.0
        others = [job for job, name in jobs.items() if name not in killed]
        if over > 0 and (others or (jobs and over > PATIENCE)):
            job = rng.choice(others or list(jobs))
            name = jobs[job]
            if everything:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                job.kill()
            process.wait()
            return name
        time.sleep(0.02)
    return None


def test_a_run_killed_25_times_ends_with_the_same_bytes(run: Path, tmp_path: Path) -> None:
    configure(tmp_path)
    rng = random.Random(1)
    killed = []
    for number in range(1, KILLS + 1):
        name = disturb(tmp_path, rng, number % EVERYTHING == 0, killed)
        if name is None:
            break
        killed.append(name)
        if number % EVERYTHING == 0:
            assert snakemake(tmp_path, "--unlock").returncode == 0
    assert len(killed) == KILLS and len(set(killed)) >= 8  # spread over the run
    time.sleep(5)
    left = [process.cmdline() for process in psutil.process_iter() if is_in(tmp_path, process)]
    assert not left, left
    finished = snakemake(tmp_path)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    for place in ("synthetic", "model"):
        for path in sorted((run / "results/demo" / place).iterdir()):
            again = tmp_path / path.relative_to(run)
            if path.suffix != ".json":  # which contain times
                assert path.read_bytes() == again.read_bytes(), path
