"""Disk faults are recognised by their errno and have a code."""

import errno
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from snpgen.job import describe_disk_fault
from snpgen.messages import Code

FULL = "/dev/full"  # where every write fails as on a full disk
TABLE = pd.DataFrame({"x": np.arange(100_000)})


def write_arrays() -> None:
    with Path(FULL).open("wb") as file:
        np.savez(file, x=np.arange(100_000))


@pytest.mark.skipif(not Path(FULL).exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    "write",
    [
        lambda: TABLE.to_csv(FULL),
        lambda: TABLE.to_csv(FULL, compression="gzip"),
        lambda: Path(FULL).write_text("x" * 100_000),
        write_arrays,  # closing the archive raises a ValueError while ENOSPC is handled
    ],
    ids=["table", "gzip", "text", "arrays"],
)
def test_a_full_disk_is_recognised(write) -> None:
    with pytest.raises((OSError, ValueError)) as caught:
        write()
    assert describe_disk_fault(caught.value).startswith(f"[{Code.DISK_FULL}] ")


def test_the_errno_decides_and_a_known_file_is_named() -> None:
    assert describe_disk_fault(RuntimeError("No space left on device")) is None
    assert describe_disk_fault(OSError(errno.EIO, os.strerror(errno.ENOSPC))) is None
    named = OSError(errno.EROFS, os.strerror(errno.EROFS), "results/a.tsv")
    assert describe_disk_fault(named).startswith("[D02] results/a.tsv: ")
    assert describe_disk_fault(ValueError("no such thing")) is None
