"""Keeps identity indexes of parts in memory between uploads: parts never change, so each is read once per process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.ingest.identity_index import IdentityIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Read = Callable[[str], bytes]
    ReadRange = Callable[[str, int, int], bytes]

MEMORY_BYTES = 192 << 20
"""At 32 bytes a row, a dataset of six million rows; what goes beyond is read by ranges at every upload."""


class IdentityIndexes:
    """Indexes by object key, up to a number of bytes."""

    def __init__(self, limit: int = MEMORY_BYTES) -> None:
        """Start empty."""
        self._limit = limit
        self._held: dict[str, bytes] = {}

    def of(self, keys: Sequence[str], read: Read, read_range: ReadRange) -> list[IdentityIndex]:
        """Give the indexes of some objects, in order.

        Args:
            keys: objects of one dataset.
            read: reads a whole object.
            read_range: reads bytes of an object by key, start and size.
        """
        wanted = set(keys)
        return [self._one(key, wanted, read, read_range) for key in keys]

    @property
    def size(self) -> int:
        """Bytes held."""
        return sum(map(len, self._held.values()))

    def _one(self, key: str, wanted: Iterable[str], read: Read, read_range: ReadRange) -> IdentityIndex:
        if key not in self._held:
            if self.size >= self._limit:
                # What this dataset does not need goes; what it needs stays, or the next upload would find none of it.
                self._held = {name: data for name, data in self._held.items() if name in wanted}
            if self.size >= self._limit:
                return IdentityIndex(lambda start, size: read_range(key, start, size))
            self._held[key] = read(key)
        return IdentityIndex.of(self._held[key])
