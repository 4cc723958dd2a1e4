"""Reading CSV as simply as it can be written, with all bytes in memory: what `ingest.csv_reading` must agree with."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

import numpy as np

from infolens.ingest import csv_reading, regular_rows
from infolens.ingest.csv_reading import SectionReader
from infolens.ingest.regular_rows import ColumnBlock, RegularRows


@dataclass(frozen=True)
class Reading:
    """All that a reader says of some bytes."""

    records: list
    """(line from 0, fields) of a row, (line from 0, reason, raw) of a broken one."""
    lines: int
    repaired: int
    replaced: int


def decode(data: bytes) -> tuple[str, int, int]:
    """Decode byte by byte: UTF-8, else Windows-1252, else U+FFFD."""
    text, at, repaired, replaced = "", 0, 0, 0
    while at < len(data):
        for size in (1, 2, 3, 4):
            try:
                piece = data[at : at + size].decode()
                break
            except UnicodeDecodeError:
                continue
        else:
            size = 1
            try:
                piece = data[at : at + 1].decode("cp1252")
                repaired += 1
            except UnicodeDecodeError:
                piece = "\0"
        if piece == "\0":
            piece = "\ufffd"
            replaced += 1
        text += piece
        at += size
    return text, repaired, replaced


def reference(data: bytes, delimiter: str = ",") -> Reading:
    """Read strictly; a broken record costs its first physical line, and reading starts again at the next."""
    csv.field_size_limit(csv_reading.MAX_FIELD)
    pieces = data.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True)
    decoded = [decode(piece) for piece in pieces]
    texts = [text for text, _, _ in decoded]
    records, at = [], 0
    while at < len(texts):
        reader = csv.reader(texts[at:], delimiter=delimiter, strict=True)
        try:
            fields = next(reader)
        except csv.Error as error:
            records.append((at, csv_reading._reason(error), texts[at].rstrip("\r\n")))
            at += 1
            continue
        if fields:
            records.append((at, fields))
        at += reader.line_num
    return Reading(records, len(texts), sum(found[1] for found in decoded), sum(found[2] for found in decoded))


def records_of(reader: SectionReader) -> list:
    """Take all records of a section in the order of the file."""
    records = []
    for block in reader:
        assert len(block.rows) == len(block.lines)
        if isinstance(block, ColumnBlock):
            assert_columns(block)
        records += zip(block.lines, block.rows, strict=True)
        records += ((row.line, row.reason, row.raw) for row in block.broken)
    return sorted(records, key=lambda record: record[0])


def assert_columns(block: ColumnBlock) -> None:
    """Check that the columns of a block hold what its rows do."""
    widths = block.widths
    assert widths.tolist() == [*map(len, block.rows)]
    for width in {*widths.tolist()}:
        rows = np.flatnonzero(widths == width)
        columns = [list(block.column(rows, number)) for number in range(width)]
        assert [list(row) for row in zip(*columns, strict=True)] == [block.rows[at] for at in rows.tolist()]


class Trickle(io.BytesIO):
    """Bytes that arrive a few at a time, as over a bad connection."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self._most = most

    def read(self, size: int | None = -1) -> bytes:
        """Give at most so many."""
        return super().read(self._most if size is None or size < 0 else min(size, self._most))


def reading(data: bytes, delimiter: str = ",", *, block_bytes: int = 1 << 20, most: int = 1 << 20) -> Reading:
    """Read with the product's reader, with the help of arrays and without."""
    found = []
    for quicker in (None, at_any_cost):
        reader = SectionReader(Trickle(data, most), delimiter, block_bytes=block_bytes, quicker=quicker)
        records = records_of(reader)
        assert reader.end == len(data)
        counts = (reader.lines, reader.repaired, reader.replaced)
        found.append((Reading(records, *counts), state_of(reader)))
    assert found[0] == found[1]
    return found[0][0]


def at_any_cost(raw: bytes, delimiter: str, first_line: int, stop: int | None) -> RegularRows | None:
    """Give regular rows however short their fields are, and however many quotes are doubled."""
    usual = regular_rows.BYTES_PER_FIELD, regular_rows.BYTES_PER_DOUBLED
    regular_rows.BYTES_PER_FIELD = regular_rows.BYTES_PER_DOUBLED = 1
    try:
        return regular_rows.regular_rows(raw, delimiter, first_line, stop)
    finally:
        regular_rows.BYTES_PER_FIELD, regular_rows.BYTES_PER_DOUBLED = usual


def state_of(reader: SectionReader) -> tuple[int, int, int, int, bool]:
    """Give all that a reader says beside its records."""
    return reader.end, reader.lines, reader.repaired, reader.replaced, reader.ended_inside


def reading_by_sections(data: bytes, size: int, delimiter: str = ",", *, block_bytes: int = 1 << 20) -> Reading:
    """Read section by section, each from where the one before ended, and number the lines through."""
    records, start, lines, repaired, replaced, number = [], 0, 0, 0, 0, 0
    while number == 0 or number * size < len(data):
        number += 1
        reader, other = (
            SectionReader(
                io.BytesIO(data[start:]), delimiter, start, number * size, block_bytes=block_bytes, quicker=quicker
            )
            for quicker in (None, at_any_cost)
        )
        found = records_of(reader)
        assert records_of(other) == found
        assert state_of(other) == state_of(reader)
        records += ((lines + line, *rest) for line, *rest in found)
        start, lines = reader.end, lines + reader.lines
        repaired, replaced = repaired + reader.repaired, replaced + reader.replaced
    assert start == len(data)
    return Reading(records, lines, repaired, replaced)


def assert_every_line_is_accounted_for(data: bytes, found: Reading) -> None:
    """Check that each line starts a row, is blank, is broken, or lies within the row above it."""
    starts = [record[0] for record in found.records]
    assert starts == sorted(set(starts))
    lines = data.removeprefix(b"\xef\xbb\xbf").splitlines()
    assert found.lines == len(lines)
    ends = [*starts[1:], len(lines)] if starts else []
    assert not any(lines[: starts[0] if starts else len(lines)])
    for (line, *rest), end in zip(found.records, ends, strict=True):
        within = lines[line + 1 : end]
        if any(within):
            assert len(rest) == 1
            assert sum(field.count("\n") + field.count("\r") for field in rest[0]) > 0
