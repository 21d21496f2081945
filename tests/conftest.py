"""Where workers share the tests (-n 2), those that run the workflow go one after the other in one."""

import os
from pathlib import Path

import pytest

# Before torch is imported: its threads spin while they wait, and each worker has two.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.hookimpl(tryfirst=True)  # xdist looks at the marks in a hook of the same name
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One group for the integration tests, which share a run of the small demo."""
    for item in items:
        if Path(item.fspath).parent.name == "integration":
            item.add_marker(pytest.mark.xdist_group("workflow"))
