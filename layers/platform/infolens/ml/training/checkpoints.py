"""Keeps the state of an interrupted training run in the folder that outlives its job."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, cast

import torch

if TYPE_CHECKING:
    from pathlib import Path


class Checkpoints:
    """One state, replaced after each epoch; a state of another run, profile or seed is passed over."""

    def __init__(self, directory: Path | None, key: str) -> None:
        """Take the folder (None keeps nothing) and what tells this run from others."""
        self._key = hashlib.sha256(key.encode()).hexdigest()
        # Named by it: the trainings of a tuning job share one folder.
        self._path = None if directory is None else directory / f"{self._key[:16]}.pt"

    def write(self, state: dict[str, Any]) -> None:
        """Replace the state; a job that is killed meanwhile leaves the old one."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(".unfinished")
        torch.save(state | {"key": self._key}, unfinished)
        unfinished.replace(self._path)

    def read(self, device: str) -> dict[str, Any] | None:
        """Give the state with its tensors on `device`, or None when there is none of this run."""
        if self._path is None or not self._path.is_file():
            return None
        # weights_only: a bucket that others write to must not be able to run code here.
        state = cast("dict[str, Any]", torch.load(self._path, map_location=device, weights_only=True))
        return state if state.get("key") == self._key else None
