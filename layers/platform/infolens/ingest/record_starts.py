"""Guesses where a CSV record starts in bytes from the middle of a file, so that sections can be read at the same time.

A guess may be wrong: whether a place lies inside quotes only the bytes before it say for certain. Who uses a guess
compares it with where the section before it ended (speculative parsing: Ge et al., "Speculative Distributed CSV Data
Parsing for Big Data Analytics", SIGMOD 2019).
"""

from __future__ import annotations

import csv
import re
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

from infolens.ingest.csv_reading import MAX_FIELD, decoded_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MAX_BAD = 100
"""Records that look wrong before a place is given up: neither dirt nor a wrong place needs more to show."""


def guess_record_start(window: bytes, delimiter: str, columns: int) -> int | None:
    """Find the first place in a window where a record (or a blank line outside quotes) seems to start.

    The window begins outside quotes or inside: both are tried, and that is believed after which fewer records break
    RFC 4180 or have another width than the header. Inside taken for outside shows as quotes that open where they
    should close.

    Args:
        window: bytes of the content, some records long and better some hundred. To find a start at or after an
            offset, begin the window one byte before it.
        delimiter: one character.
        columns: fields of the header.

    Returns:
        An offset in the window, at least 1, or None where no record seems to start.
    """
    csv.field_size_limit(MAX_FIELD)  # process-wide, hence stated at every use
    whole = max(window.rfind(b"\n"), window.rfind(b"\r", 0, max(len(window) - 1, 0))) + 1
    pieces = window[:whole].splitlines(keepends=True)
    lines = decoded_lines(window[:whole])
    places = sorted({place for place in _places(lines, delimiter) if place < len(lines)})
    if not places:
        return None
    best = min(places, key=lambda place: _bad_records(lines, place, delimiter, columns))
    return list(accumulate(map(len, pieces), initial=0))[best]


def _places(lines: Sequence[str], delimiter: str) -> Iterator[int]:
    """Give the lines at which the first whole record starts if the window begins outside or inside quotes."""
    if not lines:
        return
    # A window that begins with a quote may begin in the middle of a doubled one.
    for before in ("", '"', '""')[: 3 if lines[0].startswith('"') else 2]:
        reader = csv.reader((before + lines[0], *lines[1:]), delimiter=delimiter, strict=True)
        try:
            next(reader)
        except csv.Error:
            if not before and reader.line_num < len(lines):
                yield 1  # a stray quote costs its line only; one that is open at the end tells nothing
        else:
            yield reader.line_num


def _bad_records(lines: Sequence[str], place: int, delimiter: str, columns: int) -> int:
    """Count the records from a line on that are not as they should be; the last, which may be cut, does not count."""
    record = _record(delimiter)
    bad = 0
    while place < len(lines) and bad < _MAX_BAD:
        base = place
        reader = csv.reader(map(lines.__getitem__, range(base, len(lines))), delimiter=delimiter, strict=True)
        try:
            for fields in reader:
                after = base + reader.line_num
                bad += bool(fields) and not (len(fields) == columns and record.fullmatch("".join(lines[place:after])))
                place = after
        except csv.Error:
            if base + reader.line_num == len(lines):
                return bad
            place += 1
            bad += 1
    return bad


@lru_cache(maxsize=8)
def _record(delimiter: str) -> re.Pattern[str]:
    """Give a record to the letter of RFC 4180: quotes stand around a field, or doubled within one, nowhere else."""
    plain = rf'[^"{re.escape(delimiter)}\r\n]*+'
    field = rf'(?:"(?:[^"]++|"")*+"|{plain})'
    return re.compile(rf"{field}(?:{re.escape(delimiter)}{field})*+(?:\r\n|\n|\r)?")
