"""Functions that every job needs: log, error messages, signals and seeds."""

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

from snpgen.messages import Code, InputError, format_message

log = logging.getLogger("snpgen")

_FREE = "Free space and run again: finished files are kept"
_PERMIT = "Set the permissions and run again"
_DISK_FAULTS = {  # by errno: code, fault and remedy
    errno.ENOSPC: (Code.DISK_FULL, "no space is left on the disk", _FREE),
    errno.EDQUOT: (Code.DISK_FULL, "the disk quota is used up", _FREE),
    errno.EROFS: (Code.NOT_WRITABLE, "the file system is read-only", _PERMIT),
    errno.EACCES: (Code.NOT_WRITABLE, "permission was denied", _PERMIT),
}


class Stopped(Exception):
    """A signal stopped the job, and its files are in a consistent state. The message has the code D03."""


@contextmanager
def stop_signals() -> Iterator[list[str]]:
    """Context in which SIGTERM and SIGUSR1 do not end the process; yields the list of their names.

    A cluster sends these signals before the time limit, or before it preempts a job.
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
    """Redirect all output of this process, of its children and of C libraries to the file `path`.

    Call it before NumPy and torch are imported, because it sets how they use threads. Progress is also shown on the
    console if the console is a terminal. An `InputError` or `Stopped` ends the log with its message. A disk
    fault ends the log with its message, which is also shown on the console. Any other exception ends the log
    with its traceback.
    """
    # By default, threads of torch use CPU time while they wait. If other jobs share the cores, this is six
    # times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # Rounding errors of matrix products depend on the number of threads of OpenBLAS, Accelerate or MKL. The
    # number of other threads of MKL is not set, because torch uses as many.
    os.environ.update(
        OPENBLAS_NUM_THREADS="1",
        VECLIB_MAXIMUM_THREADS="1",
        MKL_DOMAIN_NUM_THREADS="MKL_DOMAIN_BLAS=1",
    )
    console = os.fdopen(os.dup(2), "w")
    sys.excepthook = partial(_report_exception, console)
    first = os.environ.get("LOCAL_RANK", "0") == "0"  # the first training process
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
    """Also show progress on the console, in whole lines, because other jobs write to it at the same time."""
    name = Path(path).with_suffix("").as_posix().removeprefix("logs/")
    handler = logging.StreamHandler(console)
    handler.setFormatter(logging.Formatter(f"[%(asctime)s] {name}: %(message)s", "%H:%M:%S"))
    logging.getLogger("snpgen.progress").addHandler(handler)


def describe_disk_fault(error: BaseException) -> str | None:
    """Return the message for a full or unwritable disk, or None for any other error.

    The causes of `error` are searched too, because closing a file after a failed write often raises
    another error.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _DISK_FAULTS:
            code, what, remedy = _DISK_FAULTS[cause.errno]
            place = str(cause.filename or "")
            return format_message(code, place, what if place else what.capitalize(), remedy)
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
        print(f"Error: {fault}", file=console, flush=True)  # the log may be on the faulty disk
        print(f"Error: {fault}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


def derive_seed(seed: int, *names: str) -> int:
    """Derive the seed (31 bits) for the purpose `names` from the configured seed."""
    digest = hashlib.sha256("/".join([str(seed), *names]).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
