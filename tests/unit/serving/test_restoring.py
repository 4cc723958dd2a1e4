"""After a restore clients are made anew, where there is a snapshot and a runtime that knows of it."""

import sys
from types import ModuleType

import pytest

from infolens.aws import clients
from infolens.serving.restoring import forget_connections_after_restore

SNAPSHOT = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}


@pytest.fixture
def hooks(monkeypatch):
    """Lambda's runtime hooks; gives what was registered."""
    registered = []
    module = ModuleType("hooks_of_a_runtime")
    module.register_after_restore = registered.append
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return registered


def test_clients_are_forgotten(hooks, monkeypatch):
    """The next call makes a new client, with connections of its own."""
    monkeypatch.setattr(clients.boto3, "client", lambda service, config: object())
    clients.forget_clients()
    before = clients.client("s3"), clients.hurried_client("s3")
    assert forget_connections_after_restore(SNAPSHOT, "hooks_of_a_runtime")
    assert clients.client("s3") is before[0]
    (after_restore,) = hooks
    after_restore()
    assert clients.client("s3") is not before[0]
    assert clients.hurried_client("s3") is not before[1]
    clients.forget_clients()


@pytest.mark.parametrize("env", [{}, {"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}])
def test_no_snapshot(hooks, env):
    """Nothing is registered where nothing will be restored."""
    assert not forget_connections_after_restore(env, "hooks_of_a_runtime")
    assert hooks == []


def test_a_runtime_without_hooks():
    """Older runtimes know no SnapStart; the function starts all the same."""
    assert not forget_connections_after_restore(SNAPSHOT, "no_such_runtime_hooks")
