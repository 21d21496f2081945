"""Faults of the disk in one sentence, in whatever words a library reports them."""

import errno
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from snpgen.job import describe_disk_fault

FULL = "/dev/full"  # where every write fails as on a full disk
TABLE = pd.DataFrame({"x": np.arange(100_000)})


@pytest.mark.skipif(not Path(FULL).exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    "write",
    [
        lambda: TABLE.to_csv(FULL),
        lambda: TABLE.to_csv(FULL, compression="gzip"),
        lambda: Path(FULL).write_text("x" * 100_000),
    ],
    ids=["table", "gzip", "text"],
)
def test_a_full_disk_has_one_sentence(write) -> None:
    with pytest.raises(OSError) as caught:
        write()
    assert describe_disk_fault(caught.value) == (
        "while writing an output: no space left on device: free some of the disk, and run again: "
        "what is finished stays, and nothing half-written is kept"
    )


def test_other_words_for_the_same_and_the_file_where_it_is_known() -> None:
    from_rust = RuntimeError("Error while serializing: I/O error: No space left on device (28)")
    assert "no space left on device: free some" in describe_disk_fault(from_rust)
    named = OSError(errno.EROFS, os.strerror(errno.EROFS), "results/a.tsv")
    assert describe_disk_fault(named).startswith("results/a.tsv: read-only file system: make it")
    assert describe_disk_fault(ValueError("no such thing")) is None
