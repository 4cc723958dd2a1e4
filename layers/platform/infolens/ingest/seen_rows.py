"""Remembers which rows the earlier sections of a file have, so that the part of a later one is written without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from infolens.ingest.identity_index import Digests, find, is_first

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from infolens.ingest.identity_index import IndexRecords

ROWS = 2_000_000
"""Rows remembered: 32 MB. Copies of those beyond stay in the parts as they are staged; merging takes them out."""


class SeenRows:
    """Digests of the sections so far, in a few sorted runs, each at least twice as long as the next."""

    def __init__(self, limit: int = ROWS) -> None:
        """Begin before the first section."""
        self._limit = limit
        self._runs: list[Digests] = []

    def add(self, records: IndexRecords) -> NDArray[np.uint32]:
        """Take the next section of the file.

        Returns:
            Lines, ascending, of the rows of its part that earlier sections have. None of a section that comes when
            too many rows are remembered, or of those after it.
        """
        own = records.at(is_first(records))
        if sum(map(len, self._runs)) + len(own) > self._limit:
            self._limit = 0
            self._runs = []
            return np.zeros(0, np.uint32)
        there = np.zeros(len(own), np.bool_)
        for run in self._runs:
            there |= find(own, run) >= 0
        self._runs.append(Digests(own.hi[~there], own.lo[~there]))
        while len(self._runs) > 1 and len(self._runs[-2]) < 2 * len(self._runs[-1]):
            self._runs.append(_together(self._runs.pop(), self._runs.pop()))
        return np.sort(own.line[there])


def _together(one: Digests, other: Digests) -> Digests:
    at = np.searchsorted(one.hi, other.hi)  # `find` asks for no order among digests that share 8 bytes
    return Digests(np.insert(one.hi, at, other.hi), np.insert(one.lo, at, other.lo))
