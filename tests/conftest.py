"""Environment variables that must be set before other imports, and the workflow run that tests share."""

import os
from pathlib import Path

import pytest
from filelock import FileLock
from small_demo import configure_run, snakemake

from snpgen.report.provenance import choose_numba_cache

# Two workers share the cores, so each uses one thread. By default, threads of torch use CPU time while they
# wait, which slows down other processes.
for name, value in (
    ("OMP_NUM_THREADS", "1"),
    ("OPENBLAS_NUM_THREADS", "1"),
    ("OMP_WAIT_POLICY", "passive"),
):
    os.environ.setdefault(name, value)
choose_numba_cache()  # the cache of the workflow, so that numba compiles each function only once


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the shared run first, so that one worker runs them while another runs unit tests."""
    items.sort(key=lambda item: item.path.name != "test_run.py")


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder with the finished run of `configure_run` and its recipe, which the workers share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "run"
    finished = folder / "finished"
    with FileLock(f"{folder}.lock"):
        if not finished.exists():
            executed = snakemake(configure_run(folder), "all", "recipe")
            assert executed.returncode == 0, executed.stderr[-5_000:]
            finished.touch()
    return folder
