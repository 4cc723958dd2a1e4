"""Runs writes beside the work that makes the next ones, since a store is slow to answer."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from types import TracebackType


class OverlappedWrites:
    """At the end of its block all writes are done, or the first error is raised; one thread writes at once."""

    def __init__(self, threads: int) -> None:
        """Take the number of writes under way at the same time; 1 makes each at its place."""
        self._pool = ThreadPoolExecutor(threads, "writes") if threads > 1 else None
        self._most = threads
        self._under_way: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def do(self, write: Callable[[], None]) -> None:
        """Make a write, now or beside what comes next; what it needs stays in memory until it is done."""
        if self._pool is None:
            write()
            return
        while len(self._under_way) >= self._most:
            self._under_way.popleft().result()
        self._under_way.append(self._pool.submit(write))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for all writes; an error of the block goes before one of theirs."""
        if self._pool is None:
            return
        self._pool.shutdown(wait=True)
        if error is None:
            for write in self._under_way:
                write.result()
