"""Disk faults are recognised by their errno and have a code; matrix products use one thread."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import snpgen
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


def test_matrix_products_of_a_job_use_one_thread(tmp_path: Path) -> None:
    """Their rounding errors depend on the number of threads, which Snakemake sets to that of the rule."""
    script = """
from snpgen.job import start_log
start_log("job.log")
import numpy as np, scipy.linalg, threadpoolctl
found = threadpoolctl.threadpool_info()
print(*(library["num_threads"] for library in found if library["user_api"] == "blas"))
"""
    environment = {"PYTHONPATH": str(Path(snpgen.__file__).parents[1]), "OPENBLAS_NUM_THREADS": "2"}
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, check=True)
    threads = (tmp_path / "job.log").read_text().split()
    assert threads and set(threads) == {"1"}
