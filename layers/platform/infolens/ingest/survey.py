"""Looks at the beginning of a labelled file: its header, where the task's columns are in it, where its rows begin."""

from __future__ import annotations

import codecs
import io
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from infolens.contracts.task import RowRejected
from infolens.ingest.csv_reading import MAX_RECORD, FileRefused, SectionReader
from infolens.ingest.file_format import DELIMITER_LINE, MAX_COLUMNS, FileFormat
from infolens.rows.column_binding import column_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from infolens.contracts.task import Schema
    from infolens.ingest.csv_reading import Block

REJECT_COLUMNS = ("reject_line", "reject_column", "reject_reason")
"""First columns of a rejects file that we write."""

_FIRST_BYTES = 64 << 10
_NO_HEADER = "the file has no header; a header line and at least one row are needed"


@dataclass(frozen=True)
class Survey:
    """What has to be known of a file before any of its sections can be read."""

    format: FileFormat
    header: tuple[str, ...]
    """Cells of the header as they stand in the file."""
    positions: dict[str, int]
    """Field of the schema -> position in the header."""
    data_start: int
    """Offset in the content at which the first row starts."""
    data_lines: int
    """Physical lines before it."""
    reject_columns: tuple[int, ...] = ()
    """Positions of the columns that we had written before an editor's own: this is a rejects file, mended. They are no
    part of the rows, and our marks against formulas are taken off the others."""

    @property
    def own_header(self) -> tuple[str, ...]:
        """The editor's own columns."""
        return tuple(cell for at, cell in enumerate(self.header) if at not in self.reject_columns)

    def column(self, field: str) -> str:
        """Name a schema's field as the file calls it."""
        return self.header[self.positions[field]] if field in self.positions else field


def survey(content: IO[bytes], file_format: FileFormat, schema: Schema) -> Survey:
    """Read a content as far as its header and find the schema's columns in it.

    Args:
        content: as `file_format.open_content` gives it, at its beginning. It is read further than the header.
        file_format: what else that found.
        schema: of the task.

    Raises:
        FileRefused: there is no header, or a needed column is missing or given twice.
    """
    header, data_start, data_lines = _first_record(content, file_format.delimiter)
    ours = tuple(at for at, cell in enumerate(header) if column_name(cell) in REJECT_COLUMNS)
    if {column_name(header[at]) for at in ours} != set(REJECT_COLUMNS):
        ours = ()
    own = [at for at in range(len(header)) if at not in ours]
    try:
        bound = schema.bind([header[at] for at in own], labelled=True)
    except RowRejected as error:
        raise FileRefused(f"column {error.field}: {error.reason}") from error
    positions = {name: own[at] for name, at in bound.items()}
    return Survey(file_format, tuple(header), positions, data_start, data_lines, ours)


def binds_to(schema: Schema) -> Callable[[Sequence[str]], bool]:
    """Give the question whether a labelled file's header has the schema's columns, as `open_content` puts it."""

    def binds(header: Sequence[str]) -> bool:
        try:
            schema.bind(header, labelled=True)
        except RowRejected:
            return False
        return True

    return binds


def _first_record(content: IO[bytes], delimiter: str) -> tuple[list[str], int, int]:
    """Give the header, the offset behind it, and the physical lines up to there."""
    data = b""
    size = _FIRST_BYTES
    while True:
        more = _read(content, size - len(data))
        drained = len(data) + len(more) < size
        data += more
        start = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
        blank = data[start:]
        named = DELIMITER_LINE.match(blank)
        skipped = blank[: len(blank) - len(blank[named.end() if named else 0 :].lstrip(b"\r\n"))]
        start += len(skipped)
        if start < len(data):
            stream = io.BytesIO(data)
            # A header that follows the byte-order mark at once is read from 0, so that the reader takes the mark off.
            start = start if skipped else 0
            stream.seek(start)
            reader = SectionReader(stream, delimiter, start, max(start, len(codecs.BOM_UTF8)) + 1)
            blocks = list(reader)
            if drained or (reader.end < len(data) and not reader.ended_inside):
                before = len(skipped.splitlines()) + reader.lines
                return _header(blocks, before), reader.end, before
        elif drained:
            raise FileRefused(_NO_HEADER)
        size = min(size * 4, size + MAX_RECORD)


def _header(blocks: Sequence[Block], line: int) -> list[str]:
    for block in blocks:
        if block.broken:
            raise FileRefused(f"the header (line {line}) cannot be read: {block.broken[0].reason}")
        if len(block.rows[0]) > MAX_COLUMNS:
            raise FileRefused(f"the header has {len(block.rows[0]):,} columns, at most {MAX_COLUMNS:,} are read")
        return block.rows[0]
    raise FileRefused(_NO_HEADER)


def _read(content: IO[bytes], size: int) -> bytes:
    pieces = []
    while size and (piece := content.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
