"""Settings of the environment that precede all imports, and the workflow run that tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_demo import BackgroundRun, configure_run

from snpgen.report.provenance import choose_numba_cache

# Waiting threads of torch spin by default, which takes minutes of CPU time from other processes.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
choose_numba_cache()  # of the workflow, so that numba compiles each function once for all tests


@pytest.fixture(scope="session", autouse=True)
def _background_run(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BackgroundRun | None]:
    """Start the shared run with the first test, if a later test needs it.

    The unit tests use one core; the run proceeds on the other.
    """
    if not any("run" in getattr(item, "fixturenames", ()) for item in request.session.items):
        yield None
        return
    with BackgroundRun(configure_run(tmp_path_factory.mktemp("run"))) as started:
        yield started


@pytest.fixture(scope="session")
def run(_background_run: BackgroundRun) -> Path:
    """A folder with the finished run of `configure_run`."""
    return _background_run.wait()
