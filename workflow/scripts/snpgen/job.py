"""What every job needs: a log, one clear sentence on bad input, seeds and a device."""

import hashlib
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

log = logging.getLogger("snpgen")


class InputError(Exception):
    """Bad input. The message is one sentence: the file, the line or id, what is wrong, what to do."""


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

    An `InputError` or `Stopped` that nobody catches ends the log with its sentence alone; any
    other exception with its traceback.
    """
    first = os.environ.get("LOCAL_RANK", "0") == "0"  # of several processes that train together
    begin = os.O_TRUNC if first else os.O_APPEND
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | begin, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    log.setLevel(logging.INFO if first else logging.WARNING)
    sys.excepthook = _report_exception


def _report_exception(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if issubclass(kind, InputError | Stopped):
        print(f"Error: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


def derive_seed(seed: int, *names: str) -> int:
    """A seed (31 bits) for one purpose, fixed by the seed of the config and the purpose's names."""
    digest = hashlib.sha256("/".join([str(seed), *names]).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
