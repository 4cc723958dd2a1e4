"""Keeps what shares expensive parts on one worker: the tests of the embedded cloud together, and those of each file."""

from pathlib import Path

import pytest

E2E = Path(__file__).parent / "e2e"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """One embedded cloud serves all its tests, and the parts that a file has made serve all of its."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))


def group_of(item):
    """Name the tests that stay together; what is made for one task is of no use to another."""
    if item.path.is_relative_to(E2E):
        return "cloud"
    task = item.callspec.params.get("task", "") if hasattr(item, "callspec") else ""
    return f"{item.path.relative_to(E2E.parent).as_posix()} {task}"
