"""What has to be made anew in an environment that comes from a snapshot (SnapStart).

Weights, sessions and the bundle on the disk are meant to be in the snapshot. Connections are dead in it: clients are
forgotten. Nothing of ours is unique to a process: ids come with the request, and answers use no randomness; Lambda's
runtime reads fresh credentials by itself.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from infolens.aws.clients import forget_clients
from infolens.serving.billing import SNAP_START

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_HOOKS = "snapshot_restore_py"
"""Comes with Lambda's runtimes from python3.12 on, which are those that SnapStart takes."""


def forget_connections_after_restore(env: Mapping[str, str], hooks: str = _HOOKS) -> bool:
    """Register what follows a restore, where the environment will be a snapshot; say whether that was done.

    Args:
        env: the environment; AWS_LAMBDA_INITIALIZATION_TYPE says how it comes to be.
        hooks: module of Lambda's runtime hooks.
    """
    if env.get("AWS_LAMBDA_INITIALIZATION_TYPE") != SNAP_START:
        return False
    try:
        register: Callable[[Callable[[], None]], object] = importlib.import_module(hooks).register_after_restore
    except ImportError:
        return False  # another runtime: without hooks there is no SnapStart either
    register(forget_clients)
    return True
