"""Lists which rows a part has, in a form that can be searched and merged without reading the part.

The file is a header, a fan-out table as in git's pack index (how many rows have a digest whose first byte is at most
b), the columns of the rows one after the other, sorted by digest, and the names of the labels. So a range of digests
is five short reads, however large the file is, and a part that is in memory is searched as it lies.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from infolens.rows.few_texts import FewTexts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from infolens.ingest.near_duplicates import Sketches

    U64 = NDArray[np.uint64]
    U32 = NDArray[np.uint32]

BUCKETS = 256
"""Ranges of digests that can be read apart: one for each first byte."""

_MAGIC = b"infolix1"
_HEADER_BYTES = len(_MAGIC) + 4 * BUCKETS
_COLUMNS = (("hi", "<u8"), ("lo", "<u8"), ("sketch", "<u8"), ("label", "<u4"), ("line", "<u4"))
_ROW_BYTES = 32
_LABELS_NAMED = 1000
"""Labels kept with their names. A task whose labels are free text would fill the index with them."""


@dataclass(frozen=True)
class Digests:
    """Digests of some rows."""

    hi: U64
    """First 8 bytes of the digest, as a number."""
    lo: U64
    """The next 8 bytes: of 2**128 digests no two rows that differ will ever share one."""

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.hi)


@dataclass(frozen=True)
class IndexRecords(Digests):
    """Some rows of a part, sorted by digest, then by line."""

    sketch: Sketches
    """See `near_duplicates`; 0 for a row that has none."""
    label: U32
    """CRC-32 of the label."""
    line: U32
    """As in the part's column `line`."""

    def at(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> IndexRecords:
        """Take some of the rows."""
        return IndexRecords(self.hi[rows], self.lo[rows], self.sketch[rows], self.label[rows], self.line[rows])


class BrokenIndexError(ValueError):
    """Bytes that are no identity index."""


class IdentityIndex:
    """The rows of one part by digest, in memory or read by range."""

    def __init__(self, read: Callable[[int, int], bytes | memoryview]) -> None:
        """Take the way to read the file: `read(start, size)` gives `size` bytes, fewer where the file ends.

        Raises:
            BrokenIndexError: the file is something else.
        """
        self._read = read
        header = bytes(read(0, _HEADER_BYTES))
        if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
            raise BrokenIndexError("the file is no identity index")
        counts = np.frombuffer(header, "<u4", BUCKETS, len(_MAGIC))
        self._before = [0, *counts.tolist()]
        self._names: dict[int, str] | None = None

    @classmethod
    def of(cls, data: bytes) -> IdentityIndex:
        """Take a file that is in memory; its records are read where they lie."""
        view = memoryview(data)
        return cls(lambda start, size: view[start : start + size])

    @property
    def rows(self) -> int:
        """Rows of the part."""
        return int(self._before[-1])

    def records(self, low: int = 0, high: int = BUCKETS) -> IndexRecords:
        """Read the rows whose digest's first byte is at least `low` and below `high`."""
        first, last = self._before[low], self._before[high]
        columns = {}
        start = _HEADER_BYTES
        whole = self._read(start, self.rows * _ROW_BYTES) if last - first == self.rows else None
        for name, kind in _COLUMNS:
            width = int(kind[-1])
            if whole is not None:  # one read, where five would be short
                columns[name] = np.frombuffer(whole, kind, self.rows, start - _HEADER_BYTES)
            else:
                data = self._read(start + first * width, (last - first) * width) if last > first else b""
                columns[name] = np.frombuffer(data, kind)
            start += self.rows * width
        return IndexRecords(**columns)

    def label_name(self, crc: int) -> str:
        """Give the label with this checksum; "" when it has none, or is one of too many."""
        if self._names is None:
            tail = bytes(self._read(_HEADER_BYTES + self.rows * _ROW_BYTES, 1 << 30))
            self._names = {zlib.crc32(name.encode()): name for name in json.loads(tail)}
        return self._names.get(crc, "")

    def only(self, rows: NDArray[np.bool_]) -> bytes:
        """Write the index of the part that has only some rows: for each row of `records`, whether it has it."""
        kept = self.records().at(rows)
        present = set(np.unique(kept.label).tolist())
        self.label_name(0)
        return _file(kept, sorted(name for crc, name in (self._names or {}).items() if crc in present))


def index_bytes(
    digests: Sequence[bytes], labels: Sequence[str], lines: Sequence[int] | NDArray[np.int64], sketches: Sketches
) -> bytes:
    """Write the index of rows given in the order of their part.

    Args:
        digests: of the rows' identities, all 16 or all 32 bytes; the first 16 are used.
        labels: of the rows, "" for a task without labels.
        lines: as in the part.
        sketches: of the rows.
    """
    whole = _numbers(digests)
    few = FewTexts.of(labels)
    crcs = np.array([zlib.crc32(name.encode()) for name in few.names], "<u4")
    records = IndexRecords(
        whole.hi,
        whole.lo,
        np.asarray(sketches, "<u8"),
        crcs[few.codes],
        np.asarray(lines, "<u4"),
    )
    ascending = bool((records.line[1:] >= records.line[:-1]).all())
    order = order_of(records) if ascending else np.lexsort((records.line, records.lo, records.hi))
    return _file(records.at(order), sorted(few.counts()))


def copies_among(digests: Sequence[bytes]) -> NDArray[np.int64]:
    """Give the positions, ascending, of the digests that stand at an earlier one, too."""
    numbers = _numbers(digests)
    order = order_of(numbers)
    return np.sort(order[~is_first(Digests(numbers.hi[order], numbers.lo[order]))])


def _numbers(digests: Sequence[bytes]) -> Digests:
    width = len(digests[0]) // 8 if digests else 2
    whole = np.frombuffer(b"".join(digests), ">u8").reshape(-1, width)
    return Digests(whole[:, 0].astype("<u8"), whole[:, 1].astype("<u8"))


def is_first(records: Digests) -> NDArray[np.bool_]:
    """Say of each record whether no other with its digest stands before it."""
    first = np.ones(len(records), np.bool_)
    first[1:] = (records.hi[1:] != records.hi[:-1]) | (records.lo[1:] != records.lo[:-1])
    return first


def find(sought: Digests, among: Digests) -> NDArray[np.int64]:
    """Say where the digest of each record of `sought` stands first in the sorted `among`; -1 where it does not."""
    found = np.full(len(sought), -1, np.int64)
    at = np.searchsorted(among.hi, sought.hi)
    open_rows = np.flatnonzero(at < len(among))
    while open_rows.size:  # once, but for digests that share 8 bytes
        open_rows = open_rows[among.hi[at[open_rows]] == sought.hi[open_rows]]
        same = among.lo[at[open_rows]] == sought.lo[open_rows]
        found[open_rows[same]] = at[open_rows[same]]
        open_rows = open_rows[~same]
        at[open_rows] += 1
        open_rows = open_rows[at[open_rows] < len(among)]
    return found


def joined(records: Sequence[IndexRecords]) -> IndexRecords:
    """Put records behind each other."""
    columns = {name: np.concatenate([getattr(each, name) for each in records]) for name, _ in _COLUMNS}
    return IndexRecords(**columns)


def order_of(records: Digests) -> NDArray[np.int64]:
    """Say in which order some records are sorted by digest; equal ones stay in theirs."""
    order = _ascending(records.hi)
    hi, lo = records.hi[order], records.lo[order]
    if ((hi[1:] == hi[:-1]) & (lo[1:] < lo[:-1])).any():  # digests that share 8 bytes and no more: hardly ever
        return np.lexsort((records.lo, records.hi))
    return order


def _ascending(numbers: U64) -> NDArray[np.int64]:
    """Say in which order numbers ascend that their first bits tell apart: sorted with their places in the last bits."""
    last = (np.uint64(1) << np.uint64(len(numbers).bit_length())) - np.uint64(1)
    packed = np.sort((numbers & ~last) | np.arange(len(numbers), dtype=np.uint64))
    packed &= last
    order: NDArray[np.int64] = packed.view(np.int64)
    found = numbers[order]
    return np.argsort(numbers, kind="stable") if (found[1:] < found[:-1]).any() else order


def _file(records: IndexRecords, names: Sequence[str]) -> bytes:
    first_bytes = (records.hi >> np.uint64(56)).astype(np.int64)
    fan_out = np.cumsum(np.bincount(first_bytes, minlength=BUCKETS)).astype("<u4")
    columns = [getattr(records, name).astype(kind, copy=False).tobytes() for name, kind in _COLUMNS]
    tail = json.dumps(names[:_LABELS_NAMED], ensure_ascii=False).encode()
    return b"".join([_MAGIC, fan_out.tobytes(), *columns, tail])
