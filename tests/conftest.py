"""Says which tests share a worker and which groups begin first, and takes the clock out of the property tests."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent
E2E = TESTS / "e2e"
SLOWEST_FIRST = ("loop", "ingest", "cloud", "ingest_commands", "training", "rollout", "api", "observing", "batch")
"""Folders of e2e, by how long they take; one that is not named here comes first, for nobody knows how long it takes."""

KINDS = ("e2e", "integration", "contract", "unit")
"""From the tests that wait much to those that only compute: the last groups are short, and workers end together."""

# A busy machine is no fault of the code: neither the time of one example nor that of making them fails a test.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keep together what shares expensive parts, and hand the longest groups out first."""
    items.sort(key=lambda item: turn_of(item.path))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))


def turn_of(path):
    """Where the group of a file stands in the queue; files with the same turn keep their order."""
    kind, folder = path.relative_to(TESTS).parts[:2]
    turn = KINDS.index(kind)
    return turn, SLOWEST_FIRST.index(folder) if turn == 0 and folder in SLOWEST_FIRST else -1


def group_of(item):
    """Name the tests that stay together: a folder of e2e, or a file's tests of one task.

    Each worker has an embedded cloud of its own, started by its first test that needs one; what a file of e2e has
    deployed there serves the tests of that file only, so its folder may run on any worker. What is made for one task is
    of no use to another.
    """
    if item.path.is_relative_to(E2E):
        return f"cloud {item.path.relative_to(E2E).parts[0]}"
    task = item.callspec.params.get("task", "") if hasattr(item, "callspec") else ""
    return f"{item.path.relative_to(TESTS).as_posix()} {task}"
