"""Splits CSV into columns of bytes where nothing about it is unusual, in arrays and without a string for each field.

It gives exactly what `csv.reader` gives in its strict form, or nothing: `SectionReader` asks here first, and reads with
that module what is left. Records are regular as long as each quote opens a field, closes one or is doubled within one,
physical lines end with a line feed, and no limit is near. Compiled code (layers/columnar/rows/split.cc, ADR 0026) finds
the marks; where it was not built, there is nothing here, and `csv.reader` reads all.
"""

from __future__ import annotations

import csv
import ctypes
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from infolens.ingest import csv_reading
from infolens.rows.byte_places import places_where
from infolens.rows.compiled import infolens_rows
from infolens.rows.utf8_cells import Lying, Utf8Cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from infolens.ingest.csv_reading import BrokenRow

    Places = NDArray[np.intp]

_QUOTE, _FEED, _BACK = b'"\n\r'

BYTES_PER_FIELD = 24
"""On average, below which `csv.reader` is quicker."""

_REPLACEMENT = "\ufffd".encode()

BYTES_PER_DOUBLED = 8
"""For each quote that stands for nothing, on average, below which `csv.reader` reads: their places need room."""

_BAD_LINES = 32
"""Lines of a block with bytes that are no UTF-8, from which on decoding all of them is quicker than finding each."""


@dataclass(frozen=True)
class _Records:
    """Where records and their fields are in some bytes; ascending."""

    begins: Places
    ends: Places
    """Where the last field of each ends, its closing quote included."""
    widths: Places
    """Number of fields of each."""
    delimiters: Places
    """Those that part fields."""
    first: Places
    """How many of them are before each record."""
    doubled: Places
    """The second of each two quotes that stand for one."""


class ColumnBlock:
    """Rows that lie in memory as they lay in the file, with the places of their fields; a `csv_reading.Block`."""

    def __init__(self, data: bytes, delimiter: str, lines: list[int], records: _Records) -> None:
        """Take rows of valid UTF-8 without NUL, and the physical line at which each starts."""
        self.lines = lines
        self.broken: list[BrokenRow] = []
        self._data = data
        self._delimiter = delimiter
        self._records = records

    @functools.cached_property
    def rows(self) -> list[list[str]]:
        """All fields as text."""
        return [self.row(at) for at in range(len(self.lines))]

    @property
    def widths(self) -> Places:
        """Number of fields of each row."""
        return self._records.widths

    def row(self, at: int) -> list[str]:
        """Give the fields of one row as text."""
        text = self._data[self._records.begins[at] : self._records.ends[at]].decode()
        if '"' not in text:
            return text.split(self._delimiter)
        csv.field_size_limit(csv_reading.MAX_FIELD)
        return next(csv.reader((text,), delimiter=self._delimiter, strict=True))

    def column(self, rows: Places, number: int) -> Utf8Cells:
        """Give one field of some rows, ascending, all of which have it."""
        if not len(rows):
            return Utf8Cells([])
        records, data = self._records, self._data
        after = records.first[rows] + number
        begins = records.begins[rows] if number == 0 else records.delimiters[after - 1] + 1
        ends = records.ends[rows]
        further = records.widths[rows] > number + 1
        ends[further] = records.delimiters[after[further]]
        quoted = np.frombuffer(data, np.uint8)[begins] == _QUOTE  # a field that is empty begins with what ends it
        begins = begins + quoted
        ends -= quoted
        owners = np.searchsorted(begins, records.doubled, "right") - 1
        doubled = records.doubled[(owners >= 0) & (records.doubled < ends.take(owners, mode="wrap"))]
        return Utf8Cells(Lying(data, begins, ends, doubled))


@dataclass(frozen=True)
class RegularRows:
    """The records at the beginning of some bytes."""

    block: ColumnBlock
    size: int
    """Bytes that the records and blank lines among them take up, as they were."""
    line_count: int
    repaired: int
    replaced: int


def regular_rows(raw: bytes, delimiter: str, first_line: int, stop: int | None) -> RegularRows | None:
    """Split the regular records at the beginning of some bytes.

    Args:
        raw: begins where a record starts.
        delimiter: one character.
        first_line: number of the first physical line.
        stop: records that start here in `raw`, or later, are left; None: none is.

    Returns:
        None when the first record is not regular, or not whole, or when another way is quicker.
    """
    if infolens_rows is None or len(raw) > csv_reading.MAX_RECORD or b"\n" not in raw:
        return None
    data, repaired, replaced, shifts = _valid(raw)
    marks = _marks(data, ord(delimiter))
    most_lines = min(csv_reading.MAX_BLOCK_LINES, csv_reading.MAX_RECORD_LINES)
    if marks is None or marks.feed_count >= most_lines:
        return None
    ends, last_lines = marks.ends, marks.last_lines
    count = len(ends)
    too_long = np.flatnonzero(np.diff(ends[:count], prepend=-1) > csv_reading.MAX_FIELD)
    if len(too_long):
        count = int(too_long[0])
    raw_ends = _raw_places(raw, ends, last_lines, shifts)
    if stop is not None and count:
        count = 1 + int(np.searchsorted(raw_ends[: count - 1], stop - 1)) if stop > 0 else 0
    if not count:
        return None
    size = int(raw_ends[count - 1]) + 1
    if repaired or replaced:
        _, repaired_left, replaced_left, _ = _valid(raw[size:])
        repaired -= repaired_left
        replaced -= replaced_left
    lines = np.concatenate([[0], last_lines[: count - 1] + 1]) + first_line
    records, lines = _records(data, ends[:count], marks, lines)
    block = ColumnBlock(data, delimiter, lines.tolist(), records)
    return RegularRows(block, size, int(last_lines[count - 1]) + 1, repaired, replaced)


def _raw_places(raw: bytes, ends: Places, last_lines: Places, shifts: list[tuple[int, int]] | None) -> Places:
    """Say where line feeds, at `ends` in the valid bytes, lie in the raw ones; arguments as `_marks`, `_valid` give."""
    if shifts is None:
        return places_where(np.frombuffer(raw, np.uint8) == _FEED)[last_lines]
    if not shifts:
        return ends
    table: Places = np.array([(0, 0), *shifts], np.intp)
    behind, shift = table[:, 0], table[:, 1]
    places: Places = ends - shift[np.searchsorted(behind, ends, "right") - 1]
    return places


def _valid(raw: bytes) -> tuple[bytes, int, int, list[tuple[int, int]] | None]:
    """Make bytes valid UTF-8 without NUL as `SectionReader` decodes lines.

    Returns:
        The bytes; how many it repaired; how many it replaced; and where in the valid bytes a repaired line ends, with
        how many bytes later than in the raw ones all lies from there on (None: unknown).
    """
    at, done, repaired = 0, 0, 0
    grown, shifts = 0, list[tuple[int, int]]()
    nulls = b"\0" in raw
    replaced = raw.count(b"\0") if nulls else 0
    whole = memoryview(raw)
    pieces: list[bytes | memoryview] = []
    address = np.frombuffer(raw, np.uint8).ctypes.data
    while (bad := infolens_rows.bad_place(address, at, len(raw))) < len(raw):
        begin = raw.rfind(b"\n", at, bad) + 1 or at
        few = len(pieces) < 2 * _BAD_LINES
        end = (raw.find(b"\n", bad) + 1 if few else 0) or len(raw)
        text, repaired_here, replaced_here = csv_reading.repaired_text(raw[begin:end])
        line = text.encode()
        pieces += (whole[done:begin], line)
        grown += len(line) - (end - begin)
        shifts.append((end + grown - 1, grown))
        repaired += repaired_here
        replaced += replaced_here
        done = at = end
    data = b"".join([*pieces, whole[done:]]) if pieces else raw
    if nulls:
        data = data.replace(b"\0", _REPLACEMENT)
    known = not nulls and len(pieces) <= 2 * _BAD_LINES  # beyond, lines were repaired together
    return data, repaired, replaced, shifts if known else None


@dataclass(frozen=True)
class _Marks:
    """Places of the bytes that CSV is made of, as far as each quote is regular; ascending."""

    delimiters: Places
    """Those outside quotes."""
    ends: Places
    """Line feeds outside quotes."""
    last_lines: Places
    """The physical line that each of these ends, counted from 0."""
    doubled: Places
    """The second of each two quotes that stand for one."""
    feed_count: int
    """Line feeds, inside quotes too."""


def _marks(data: bytes, delimiter: int) -> _Marks | None:
    r"""Find the marks; None where another way is quicker, or a line before the last line feed ends with a mere `\r`."""
    room, doubled_room = len(data) // BYTES_PER_FIELD + 1, len(data) // BYTES_PER_DOUBLED + 1
    delimiters, ends, last_lines = (np.empty(room, np.intp) for _ in range(3))
    doubled = np.empty(doubled_room, np.intp)
    places = [each.ctypes.data for each in (delimiters, ends, last_lines, doubled)]
    found = infolens_rows.Marks(*places, room, doubled_room)
    if not infolens_rows.marks(np.frombuffer(data, np.uint8).ctypes.data, len(data), delimiter, ctypes.byref(found)):
        return None
    delimiters, ends = delimiters[: found.delimiter_count], ends[: found.end_count]
    if (len(delimiters) + len(ends)) * BYTES_PER_FIELD > found.regular:
        return None
    return _Marks(delimiters, ends, last_lines[: len(ends)], doubled[: found.doubled_count], found.feed_count)


def _records(data: bytes, ends: Places, marks: _Marks, lines: Places) -> tuple[_Records, Places]:
    """Lay out the records that end at these line feeds, without blank lines -> them, and their lines."""
    array, delimiters = np.frombuffer(data, np.uint8), marks.delimiters
    begins = np.concatenate([[0], ends[:-1] + 1])
    ends = ends - ((array[ends - 1] == _BACK) & (ends > begins))
    held = ends > begins
    if not held.all():
        begins, ends, lines = begins[held], ends[held], lines[held]
    first = np.searchsorted(delimiters, begins)
    widths = np.searchsorted(delimiters, ends) - first + 1
    return _Records(begins, ends, widths, delimiters, first, marks.doubled), lines
