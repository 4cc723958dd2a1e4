"""Splits CSV into columns of bytes where nothing about it is unusual, in arrays and without a string for each field.

It gives exactly what `csv.reader` gives in its strict form, or nothing: `SectionReader` asks here first, and reads with
that module what is left. Records are regular as long as each quote opens a field, closes one or is doubled within one,
physical lines end with a line feed, and no limit is near.
"""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from infolens.ingest import csv_reading
from infolens.rows.byte_places import places_where
from infolens.rows.utf8_cells import Lying, Utf8Cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from infolens.ingest.csv_reading import BrokenRow

    Places = NDArray[np.intp]
    Bytes = NDArray[np.uint8]

_QUOTE, _FEED, _BACK = b'"\n\r'

BYTES_PER_FIELD = 24
"""On average, below which `csv.reader` is quicker."""

_REPLACEMENT = "\ufffd".encode()

_FIRST_BEYOND, _FIRST_LEAD, _FIRST_RIGHT_LEAD, _THREE_BYTES, _FOUR_BYTES, _BEYOND_LEADS = (
    0x80,
    0xC0,
    0xC2,
    0xE0,
    0xF0,
    0xF5,
)
_SECOND_BYTES = {0xE0: (0xA0, 0xBF), 0xED: (0x80, 0x9F), 0xF0: (0x90, 0xBF), 0xF4: (0x80, 0x8F)}
"""Of characters that could be written shorter, are half of another, or are none."""

_PIECE_BYTES = 64 << 10

_DENSE = 8
"""One byte in so many, from which on Arrow says of all bytes whether they are UTF-8 before the others are looked at."""

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
    if len(raw) > csv_reading.MAX_RECORD or b"\n" not in raw:
        return None
    data, repaired, replaced, shifts = _valid(raw)
    array = np.frombuffer(data, np.uint8)
    marks = _marks(array, ord(delimiter))
    most_lines = min(csv_reading.MAX_BLOCK_LINES, csv_reading.MAX_RECORD_LINES)
    if len(marks.feeds) >= most_lines or _lone_back(array, marks.feeds):
        return None
    ends, last_lines, delimiters = marks.ends, marks.last_lines, marks.delimiters
    if (len(delimiters) + len(ends)) * BYTES_PER_FIELD > len(data):
        return None
    irregular, doubled = _quotes(array, marks.quotes, ord(delimiter))
    count = int(np.searchsorted(ends, irregular))
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
    records, lines = _records(array, ends[:count], delimiters, doubled, lines)
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
    for bad in _bad_places(np.frombuffer(raw, np.uint8)):
        if bad < at:
            continue
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


def _bad_places(array: Bytes) -> list[int]:
    """Give places of bytes that are no UTF-8 (Unicode 16, table 3-7), ascending; one for each fault at least."""
    high = array >= _FIRST_BEYOND
    count = np.count_nonzero(high)
    if not count or (count * _DENSE > len(array) and _is_utf8(array)):
        return []
    beyond = places_where(high)
    # Three bytes that follow no other end what may be looked at behind the last one.
    held = np.concatenate([array[beyond], np.zeros(3, np.uint8)])
    last = len(held) - 3
    next_to = np.zeros(len(held), np.bool_)
    next_to[1:last] = np.diff(beyond) == 1
    follows = next_to & (held < _FIRST_LEAD)
    first, second = held[:last], held[1 : last + 1]
    width = (first >= _FIRST_LEAD).astype(np.uint8) + (first >= _THREE_BYTES) + (first >= _FOUR_BYTES)
    owed = np.zeros(len(held), np.bool_)
    bad = (first >= _BEYOND_LEADS) | ((first >= _FIRST_LEAD) & (first < _FIRST_RIGHT_LEAD))
    there = np.ones(last, np.bool_)
    for offset in (1, 2, 3):
        wants = width >= offset
        there &= follows[offset : last + offset]  # a byte further on is nobody's where one before it is missing
        bad |= wants & ~there
        owed[offset : last + offset] |= wants & there
    for lead, (least, most) in _SECOND_BYTES.items():
        these = first == lead
        bad |= these & ((second < least) | (second > most))
    bad |= (first < _FIRST_LEAD) & ~owed[:last]
    return beyond[bad].tolist() if bad.any() else []


def _is_utf8(array: Bytes) -> bool:
    edges = pa.py_buffer(np.array([0, len(array)], np.int32))
    try:
        pa.StringArray.from_buffers(1, edges, pa.py_buffer(array)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


@dataclass(frozen=True)
class _Marks:
    """Places of the bytes that CSV is made of, if no quote is irregular; ascending."""

    quotes: Places
    delimiters: Places
    """Those outside quotes."""
    ends: Places
    """Line feeds outside quotes."""
    last_lines: Places
    """The physical line that each of these ends, counted from 0."""
    feeds: Places
    """Line feeds, inside quotes too."""


def _marks(array: Bytes, delimiter: int) -> _Marks:
    places = places_where(_any_of(array, (_QUOTE, _FEED, delimiter)))
    kinds = array[places]
    quote = kinds == _QUOTE
    outside = ~np.logical_xor.accumulate(quote)
    line_ends = np.flatnonzero(kinds == _FEED)
    feeds = places[line_ends]
    last_lines = np.flatnonzero(outside[line_ends])
    delimiters = places.compress(outside & (kinds == delimiter))  # much quicker than to index with a mask
    return _Marks(places.compress(quote), delimiters, feeds[last_lines], last_lines, feeds)


def _any_of(array: Bytes, kinds: Sequence[int]) -> NDArray[np.bool_]:
    """Say of each byte whether it is one of some; piece by piece, so that what is compared stays in the cache."""
    found = np.empty(len(array), np.bool_)
    room = np.empty(min(_PIECE_BYTES, len(array)), np.bool_)
    for begin in range(0, len(array), _PIECE_BYTES):
        piece, here = array[begin : begin + _PIECE_BYTES], found[begin : begin + _PIECE_BYTES]
        same = room[: len(piece)]
        np.equal(piece, kinds[0], out=here)
        for kind in kinds[1:]:
            np.equal(piece, kind, out=same)
            np.logical_or(here, same, out=here)
    return found


def _lone_back(array: Bytes, feeds: Places) -> bool:
    r"""Say whether a line before the last line feed ends with a mere `\r`."""
    before = array[: feeds[-1]]
    pieces = (before[begin : begin + _PIECE_BYTES] for begin in range(0, len(before), _PIECE_BYTES))
    backs = sum(np.count_nonzero(piece == _BACK) for piece in pieces)
    return bool(backs != np.count_nonzero(array[feeds[feeds > 0] - 1] == _BACK))


def _quotes(array: Bytes, quotes: Places, delimiter: int) -> tuple[int, Places]:
    """Give the place of the first quote that is not regular (the end when all are), and of the doubled ones before."""
    opening, closing = quotes[0::2], quotes[1::2]
    doubled = np.zeros(len(opening), np.bool_)
    doubled[1:] = opening[1:] == closing[: len(opening) - 1] + 1
    before = array[opening - 1]
    regular = doubled | (before == delimiter) | (before == _FEED) | (opening == 0)
    bad = opening[~regular]
    irregular = int(bad[0]) if len(bad) else len(array)
    behind = array.take(closing + 1, mode="clip")
    regular = (behind == delimiter) | (behind == _FEED) | (behind == _BACK) | (behind == _QUOTE)
    bad = closing[~regular]
    if len(bad):
        irregular = min(irregular, int(bad[0]))
    return irregular, opening[doubled]


def _records(array: Bytes, ends: Places, delimiters: Places, doubled: Places, lines: Places) -> tuple[_Records, Places]:
    """Lay out the records that end at these line feeds, without blank lines -> them, and their lines."""
    begins = np.concatenate([[0], ends[:-1] + 1])
    ends = ends - ((array[ends - 1] == _BACK) & (ends > begins))
    held = ends > begins
    if not held.all():
        begins, ends, lines = begins[held], ends[held], lines[held]
    first = np.searchsorted(delimiters, begins)
    widths = np.searchsorted(delimiters, ends) - first + 1
    return _Records(begins, ends, widths, delimiters, first, doubled), lines
