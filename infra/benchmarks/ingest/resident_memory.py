"""Watches what a process and all its children hold in memory, from outside, until they end (Linux)."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

EVERY = 0.05
"""Seconds between two looks."""

SHARED_EVERY = 10
"""Looks of which one asks what is shared, too: the kernel walks through all pages for that, and the watched wait."""

_PAGE = os.sysconf("SC_PAGE_SIZE")

_BLOCK = 512
"""Bytes of a block, as `stat` counts."""

_PROC = Path("/proc")


@dataclass(frozen=True)
class Held:
    """Megabytes (10^6 bytes), each summed over the processes of one moment, the highest of all moments.

    Files in memory (memfd) that the processes have open count once in each, though nobody has mapped them.
    """

    resident: float = 0.0
    """Rss: pages shared by two processes count twice."""
    proportional: float = 0.0
    """Pss: shared pages count once. Pages of mapped files are in both."""
    anonymous: float = 0.0
    """The part of Pss that is no file's and cannot be dropped when memory gets short."""

    def __add__(self, more: float) -> Held:
        """Add megabytes to each."""
        return Held(self.resident + more, self.proportional + more, self.anonymous + more)

    def highest(self, other: Held) -> Held:
        """Give the higher of each figure."""
        return Held(
            max(self.resident, other.resident),
            max(self.proportional, other.proportional),
            max(self.anonymous, other.anonymous),
        )


def held(pid: int, proc: Path = _PROC) -> Held:
    """Sum up what a process and its descendants hold now; those that have ended hold nothing."""
    sums = dict.fromkeys(("Rss", "Pss", "Pss_Anon"), 0)
    family = _family(pid, proc)
    for each in family:
        try:
            lines = (proc / str(each) / "smaps_rollup").read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            name, _, rest = line.partition(":")
            if name in sums:
                sums[name] += int(rest.split()[0])
    return Held(*(sums[name] * 1024 / 1e6 for name in ("Rss", "Pss", "Pss_Anon"))) + _in_files(family, proc)


def resident(pid: int, proc: Path = _PROC) -> Held:
    """Do the same for `Held.resident` alone, which the kernel has counted already."""
    pages = 0
    family = _family(pid, proc)
    for each in family:
        try:
            pages += int((proc / str(each) / "statm").read_text().split()[1])
        except (OSError, IndexError):
            continue
    return Held(pages * _PAGE / 1e6) + _in_files(family, proc)


def _in_files(family: Iterable[int], proc: Path) -> float:
    """Give the megabytes of all files in memory that some processes have open, each once."""
    found: dict[int, int] = {}
    for each in family:
        with contextlib.suppress(OSError):  # it has ended, or closed one
            for file in (proc / str(each) / "fd").iterdir():
                if str(file.readlink()).startswith("/memfd:"):
                    facts = file.stat()
                    found[facts.st_ino] = facts.st_blocks * _BLOCK
    return sum(found.values()) / 1e6


def _family(pid: int, proc: Path) -> list[int]:
    family = [pid]
    for one in family:  # grows while it is walked
        try:
            tasks = list((proc / str(one) / "task").iterdir())
        except OSError:
            continue
        for task in tasks:
            try:
                family += map(int, (task / "children").read_text().split())
            except OSError:
                continue
    return family


class Watch:
    """Context in which a process is watched; `peak` is complete when it has been left."""

    def __init__(self, pid: int) -> None:
        """Watch `pid` and what it starts."""
        self.peak = Held()
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, whatever happened."""
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        for number in itertools.count():
            if self._over.is_set():
                return
            look = resident if number % SHARED_EVERY else held
            self.peak = self.peak.highest(look(self._pid))
            self._over.wait(EVERY)
