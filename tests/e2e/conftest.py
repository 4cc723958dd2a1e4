"""One embedded cloud for all end-to-end tests of a run."""

import socket

import pytest

from cloud_parts import Cloud
from infolens_cli import cloud as cloud_process


def free_port():
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    """A running cloud on a free port, gone without trace when the tests end."""
    state_dir = tmp_path_factory.mktemp("cloud") / "state"
    # Jobs that ignore SIGTERM are killed after two seconds instead of SageMaker's 120.
    settings = {"SAGEMAKER_STOP_GRACE_SECONDS": "2"}
    running = cloud_process.start(state_dir, free_port(), settings=settings, limit_seconds=240)
    try:
        yield Cloud(running.endpoint_url, state_dir)
    finally:
        cloud_process.stop(state_dir)
