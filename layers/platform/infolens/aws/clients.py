"""Makes boto3 clients with the time-outs and retries that a Lambda function can afford."""

from __future__ import annotations

import functools
from typing import Any

import boto3
from botocore.config import Config

# The SDK's default connect time-out (60 s) and legacy retries outlive most callers; standard mode backs off.
_CONFIG = Config(connect_timeout=3, read_timeout=65, retries={"mode": "standard", "max_attempts": 4})


# A user waits: what does not answer at once is asked once more, and no longer.
_HURRIED = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})


@functools.cache
def hurried_client(service: str) -> Any:  # noqa: ANN401 - as `client`
    """Return this process's client for what is asked while a user waits."""
    return boto3.client(service, config=_HURRIED)


@functools.cache
def client(service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time; adapters narrow it
    """Return this process's client for `service`; region, credentials and endpoint come from the environment."""
    return boto3.client(service, config=_CONFIG)


def forget_clients() -> None:
    """Let the next call make new clients: those of a snapshot hold connections that the other end has long closed."""
    client.cache_clear()
    hurried_client.cache_clear()
