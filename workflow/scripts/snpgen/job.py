"""What every job needs: a log, one clear sentence on bad input, seeds and a device."""

import errno
import hashlib
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import TextIO

import numpy as np

from snpgen.messages import InputError

log = logging.getLogger("snpgen")

_AGAIN = "and run again: what is finished stays, and nothing half-written is kept"
_ADVICE = {  # what to do, by the errno of a disk error
    errno.ENOSPC: f"free some of the disk, {_AGAIN}",
    errno.EDQUOT: f"free some of your quota, {_AGAIN}",
    errno.EROFS: f"make it writable, or put results/ elsewhere, {_AGAIN}",
    errno.EACCES: f"set its permissions, {_AGAIN}",
}


class Stopped(Exception):
    """The job was told to stop, and did so cleanly. The message is one sentence."""


@contextmanager
def stop_signals() -> Iterator[list[str]]:
    """Names of the signals to stop that arrive inside: SIGTERM and SIGUSR1, which kill otherwise.

    A cluster sends them ahead of the time limit and when another job takes the machine.
    """
    arrived: list[str] = []

    def note(number: int, _frame: FrameType | None) -> None:
        arrived.append(signal.Signals(number).name)

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGUSR1)}
    try:
        yield arrived
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def start_log(path: str) -> None:
    """Send everything this process prints (child processes and C libraries too) to `path`.

    To be called before torch is imported, whose threads it tells to wait without spinning.
    Progress goes to the console as well if that is a terminal, as it is when jobs run locally.
    An `InputError` or `Stopped` that nobody catches ends the log with its sentence alone, a fault of
    the disk the console too; any other exception ends the log with its traceback.
    """
    # Threads of torch that wait spin otherwise: six times slower where others use the cores, too.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    console = os.fdopen(os.dup(2), "w")
    sys.excepthook = partial(_report_exception, console)
    first = os.environ.get("LOCAL_RANK", "0") == "0"  # of several processes that train together
    begin = os.O_TRUNC if first else os.O_APPEND
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | begin, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    log.setLevel(logging.INFO if first else logging.WARNING)
    if console.isatty():
        _show_progress(console, path)


def _show_progress(console: TextIO, path: str) -> None:
    """Show progress on the console too, in whole lines: other jobs and Snakemake write there as well."""
    name = Path(path).with_suffix("").as_posix().removeprefix("logs/")
    handler = logging.StreamHandler(console)
    handler.setFormatter(logging.Formatter(f"[%(asctime)s] {name}: %(message)s", "%H:%M:%S"))
    logging.getLogger("snpgen.progress").addHandler(handler)


def describe_disk_fault(error: BaseException) -> str | None:
    """Describe a full or unwritable disk in one sentence, by errno; None for any other error.

    The errors that led to `error` are searched too: closing a file that could not be written often
    raises an error of its own.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _ADVICE:
            words = os.strerror(cause.errno)
            place = cause.filename or "while writing an output"
            return f"{place}: {words[0].lower()}{words[1:]}: {_ADVICE[cause.errno]}"
        cause = cause.__cause__ or cause.__context__
    return None


def _report_exception(
    console: TextIO,
    kind: type[BaseException],
    error: BaseException,
    traceback: TracebackType | None,
) -> None:
    if issubclass(kind, InputError | Stopped):
        print(f"Error: {error}", file=sys.stderr)
    elif fault := describe_disk_fault(error):
        print(f"Error: {fault}", file=console, flush=True)  # the log may be on the same disk
        print(f"Error: {fault}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


def derive_seed(seed: int, *names: str) -> int:
    """A seed (31 bits) for one purpose, fixed by the seed of the config and the purpose's names."""
    digest = hashlib.sha256("/".join([str(seed), *names]).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def draw_secret(seed: int, data: np.ndarray | bytes, *names: str) -> np.random.Generator:
    """Random numbers for one purpose that nobody can repeat who lacks `data`, even with the seed."""
    digest = hashlib.sha256(data if isinstance(data, bytes) else data.tobytes())
    digest.update("/".join([str(seed), *names]).encode())
    return np.random.default_rng(int.from_bytes(digest.digest(), "big"))
