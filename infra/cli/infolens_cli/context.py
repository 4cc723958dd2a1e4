"""Decides which cloud a command talks to: the one that was chosen, else this checkout's own embedded one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

CHECKOUT = Path(__file__).resolve().parents[3]
"""Root of the checkout that this package was installed from."""

DEFAULT_STACK = "infolens"
DEFAULT_REGION = "us-east-1"
DEFAULT_PORT = 4566

_CHOICES = ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
"""Variables by which a person or a CI job says which account is meant."""

_LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Target:
    """Where a command works."""

    stack: str
    """CloudFormation stack; its outputs name everything else."""
    region: str
    endpoint: str
    """URL of an embedded cloud; "" is AWS itself."""

    @property
    def embedded(self) -> bool:
        """Whether it is a cloud on this machine."""
        return bool(self.endpoint) and urlsplit(self.endpoint).hostname in _LOCAL_HOSTS

    @property
    def words(self) -> str:
        """The target as a person would say it."""
        where = f"embedded cloud at {self.endpoint}" if self.embedded else self.endpoint or f"AWS in {self.region}"
        return f"{where}, stack {self.stack}"


def state_dir(env: Mapping[str, str]) -> Path:
    """Folder with the state of this checkout's embedded cloud (`INFOLENS_STATE_DIR` moves it)."""
    return Path(env.get("INFOLENS_STATE_DIR") or CHECKOUT / ".infolens" / "cloud")


def choose(env: Mapping[str, str], running: str, stack: str = "") -> Target:
    """Choose the target from the environment.

    Args:
        env: Environment variables.
        running: Endpoint of this checkout's embedded cloud, "" when it does not run.
        stack: Name that was asked for on the command line; "" takes `INFOLENS_STACK`.
    """
    endpoint = env.get("AWS_ENDPOINT_URL", "")
    if not endpoint and not any(env.get(name) for name in _CHOICES):
        endpoint = running
    return Target(
        stack=stack or env.get("INFOLENS_STACK") or DEFAULT_STACK,
        region=env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or DEFAULT_REGION,
        endpoint=endpoint,
    )


def variables(target: Target, env: Mapping[str, str]) -> dict[str, str]:
    """Variables that point this process, and SAM, at the target.

    An embedded cloud takes any key pair, but botocore insists on having one.
    """
    chosen = {"AWS_DEFAULT_REGION": target.region, "AWS_REGION": target.region}
    if target.endpoint:
        chosen["AWS_ENDPOINT_URL"] = target.endpoint
    if target.embedded and not any(env.get(name) for name in _CHOICES):
        chosen |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    return chosen


def enter(target: Target, env: MutableMapping[str, str] = os.environ) -> None:
    """Point the adapters of this process at the target; they read nothing but the environment."""
    env.update(variables(target, env))
