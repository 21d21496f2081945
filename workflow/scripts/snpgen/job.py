"""What every job needs: a log, one clear sentence on bad input, seeds and a device."""

import hashlib
import logging
import os
import sys
from types import TracebackType

log = logging.getLogger("snpgen")


class InputError(Exception):
    """Bad input. The message is one sentence: the file, the line or id, what is wrong, what to do."""


def start_log(path: str) -> None:
    """Send everything this process prints (child processes and C libraries too) to `path`.

    An `InputError` that nobody catches ends the log with its sentence alone; any other
    exception with its traceback.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    log.setLevel(logging.INFO)
    sys.excepthook = _report_exception


def _report_exception(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if issubclass(kind, InputError):
        print(f"Error: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


def derive_seed(seed: int, *names: str) -> int:
    """A seed (31 bits) for one purpose, fixed by the seed of the config and the purpose's names."""
    digest = hashlib.sha256("/".join([str(seed), *names]).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
