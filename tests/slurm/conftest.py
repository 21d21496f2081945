"""The cluster."""

from collections.abc import Iterator
from pathlib import Path

import cluster
import pytest


@pytest.fixture(scope="session", autouse=True)
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A one-node cluster; the tests are skipped with a reason where none can be started."""
    reason = cluster.why_not()
    if reason:
        pytest.skip(reason)
    base: Path = tmp_path_factory.mktemp("slurm")
    with cluster.running(base):
        yield
