"""The cluster, and the small demo of the integration tests."""

from collections.abc import Iterator
from pathlib import Path

import cluster
import pytest


@pytest.fixture(scope="session", autouse=True)
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cluster of one node, or a skip that says why there is none."""
    reason = cluster.why_not()
    if reason:
        pytest.skip(reason)
    base: Path = tmp_path_factory.mktemp("slurm")
    with cluster.running(base):
        yield
