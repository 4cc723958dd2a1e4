"""Keeps what was read some seconds ago, so that a question on every request is asked of AWS once in a while."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

V = TypeVar("V")


class Recent(Generic[V]):
    """What a key was read as; read anew when it is older than `seconds`. Threads may ask at the same time."""

    def __init__(self, read: Callable[[str], V], seconds: float, clock: Callable[[], float]) -> None:
        """Take what reads a key, how long that holds, and a clock in seconds, rising."""
        self._read = read
        self._seconds = seconds
        self._clock = clock
        self._seen: dict[str, tuple[float, V]] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> V:
        """Give what the key was read as; raises whatever reading raises, and then keeps nothing."""
        with self._lock:
            seen = self._seen.get(key)
        if seen is not None and self._clock() - seen[0] < self._seconds:
            return seen[1]
        # Two threads may read at once: each finds the truth, and a lock held while AWS answers would make both wait.
        asked_at = self._clock()
        value = self._read(key)
        with self._lock:
            self._seen[key] = (asked_at, value)
        return value
