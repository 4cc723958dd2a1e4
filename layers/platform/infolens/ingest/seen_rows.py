"""Remembers which rows the earlier sections of a file have, so that the part of a later one is written without them.

Digests are held in sorted runs. Long ones lie in files without a name and are looked at through a window, so that the
memory for them is the same for any number of rows.
"""

from __future__ import annotations

import itertools
import mmap
import os
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from infolens.ingest.identity_index import Digests, find, is_first

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from infolens.ingest.identity_index import IndexRecords

ROWS = 1 << 26
"""Rows remembered: 1 GB on disk, and as much again while runs are put together. Copies of those beyond stay in the
parts as they are staged; merging takes them out."""

IN_MEMORY = 1 << 17
"""Rows of a run in memory: 2 MB; longer runs lie in files, and this many rows of them are looked at at a time."""

_WIDTH = 8


@dataclass(frozen=True)
class _Run(Digests):
    """Digests sorted by their first half, each once; digests that share it are in no order."""

    file: mmap.mmap | None = None
    """Where they lie when they are many."""

    def forget(self) -> None:
        """Let go of the pages that have been looked at; the file still has them."""
        if self.file:
            self.file.madvise(mmap.MADV_DONTNEED)

    def part(self, begin: int | None, end: int | None) -> Digests:
        """Give some of them."""
        return Digests(self.hi[begin:end], self.lo[begin:end])


class SeenRows:
    """Digests of the sections so far, in a few sorted runs, each at least twice as long as the next."""

    def __init__(self, limit: int = ROWS, in_memory: int = IN_MEMORY) -> None:
        """Begin before the first section; with the rows to be remembered, and those of a run that may be in memory."""
        self._limit = limit
        self._in_memory = in_memory
        self._runs: list[_Run] = []

    def add(self, records: IndexRecords) -> NDArray[np.uint32]:
        """Take the next section of the file.

        Returns:
            Lines, ascending, of the rows of its part that earlier sections have. None of a section that comes when
            too many rows are remembered, or the disk is full, or of those after it.
        """
        own = records.at(is_first(records))
        if sum(map(len, self._runs)) + len(own) > self._limit:
            self._limit = 0
            self._runs = []
            return np.zeros(0, np.uint32)
        there = np.zeros(len(own), np.bool_)
        for run in self._runs:
            there |= self._held_by(run, own)
        self._runs.append(_Run(own.hi[~there], own.lo[~there]))
        try:
            while len(self._runs) > 1 and len(self._runs[-2]) < 2 * len(self._runs[-1]):
                self._runs.append(self._together(self._runs.pop(), self._runs.pop()))
        except OSError:
            self._limit = 0
            self._runs = []
        return np.sort(own.line[there])

    def _held_by(self, run: _Run, own: Digests) -> NDArray[np.bool_]:
        """Say which of some sorted digests a run has."""
        there = np.zeros(len(own), np.bool_)
        for begin in range(0, len(run), self._in_memory):
            piece = run.part(begin, begin + self._in_memory)
            first = int(np.searchsorted(own.hi, piece.hi[0], "left"))
            last = int(np.searchsorted(own.hi, piece.hi[-1], "right"))
            there[first:last] |= find(Digests(own.hi[first:last], own.lo[first:last]), piece) >= 0
            run.forget()
        return there

    def _together(self, one: _Run, other: _Run) -> _Run:
        long, short = (one, other) if len(one) >= len(other) else (other, one)
        rows = len(long) + len(short)
        if rows <= self._in_memory:
            both = _inserted(long, short)
            return _Run(both.hi, both.lo)
        with tempfile.TemporaryFile() as file:
            os.posix_fallocate(file.fileno(), 0, 2 * _WIDTH * rows)  # or a full disk would end the process later
            run = _in_file(file.fileno(), rows)
        done = 0
        for piece in _merged(long, short, self._in_memory):
            end = done + len(piece)
            run.hi[done:end], run.lo[done:end] = piece.hi, piece.lo
            done = end
            for each in (run, long, short):
                each.forget()
        return run


def _in_file(number: int, rows: int) -> _Run:
    mapped = mmap.mmap(number, 2 * _WIDTH * rows)  # which keeps the file when it is closed
    halves = np.frombuffer(mapped, np.uint64).reshape(2, rows)
    return _Run(halves[0], halves[1], mapped)


def _merged(long: _Run, short: _Run, rows: int) -> Iterator[Digests]:
    """Merge two runs, as many rows of the longer one at a time."""
    places = range(0, len(long), rows)
    edges = [0, *(int(np.searchsorted(short.hi, long.hi[place])) for place in places[1:]), len(short)]
    for place, (begin, end) in zip(places, itertools.pairwise(edges), strict=True):
        yield _inserted(long.part(place, place + rows), short.part(begin, end))


def _inserted(many: Digests, few: Digests) -> Digests:
    at = np.searchsorted(many.hi, few.hi)  # `find` asks for no order among digests that share 8 bytes
    return Digests(np.insert(many.hi, at, few.hi), np.insert(many.lo, at, few.lo))
