"""Reads CSV files as they come, dirt included, and knows at which physical line each row starts.

A row that cannot be read becomes a `BrokenRow`, never an exception and never silence; only a file that is no CSV file
at all is refused whole (`FileRefused`).
"""

from __future__ import annotations

import codecs
import csv
import re
import threading
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from operator import attrgetter
from typing import IO, TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from infolens.ingest.regular_rows import RegularRows

MAX_FIELD = 131_072
"""Characters of one field: the csv module's own default. It also bounds how far a stray quote can reach."""

MAX_RECORD = 16 << 20
"""Bytes of one record. It bounds memory, and how far a stray quote can reach over short fields."""

MAX_RECORD_LINES = 16_384
"""Physical lines of one record: one book chapter in short lines, and for the same two reasons."""

BLOCK_BYTES = 1 << 20
"""Bytes read and taken apart at a time: enough for what each block costs by itself, few enough to find memory that was
used before."""

MAX_BLOCK_LINES = 8192
"""Physical lines of one block of rows, so that very short rows do not become very many objects at once."""

_OPEN = "unexpected end of data"
_TOO_LONG = "record too long"
"""What the csv module says of an open quote, and what we say beside it."""

_ASCII = bytes(range(0x80))
_UNKNOWN = b"\x81\x8d\x8f\x90\x9d"
"""Bytes that Windows-1252 leaves open."""

_BEYOND_ASCII = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
"""A character of UTF-8 that takes several bytes (Unicode 16, table 3-7)."""


class FileRefused(ValueError):  # noqa: N818 - it is an answer about a file, not a fault of the program
    """A file that cannot be taken at all, with the reason and the limit in words."""

    def __init__(self, reason: str) -> None:
        """Keep the `reason`."""
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Row:
    """One CSV row as read."""

    line: int
    """Physical line (1-based) at which the row starts; a row with quoted newlines covers several."""
    fields: tuple[str, ...]


@dataclass(frozen=True)
class BrokenRow:
    """Text that the CSV rules make no row of."""

    line: int
    reason: str
    raw: str
    """Its first physical line as it was, without the line end; of a line longer than MAX_RECORD the beginning."""


class Block(Protocol):
    """Some rows, in the order of the file."""

    @property
    def rows(self) -> list[list[str]]:
        """The fields of each row."""

    @property
    def lines(self) -> list[int]:
        """Physical line at which each row starts, counted from 0 where the reader started."""

    @property
    def broken(self) -> list[BrokenRow]:
        """Lines in the same count."""


@dataclass(frozen=True)
class RowBlock:
    """Rows as `csv.reader` gives them, and what it could not read among them; a `Block`."""

    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    broken: list[BrokenRow] = field(default_factory=list)


class SectionReader:
    r"""Reads the records of one section of a file once, in blocks; memory is bounded by a block and MAX_RECORD.

    Quotes are read strictly (RFC 4180). A record that breaks the rules gives up its first physical line only: a stray
    quote must not swallow the rows below it. The lines that it had swallowed are then read each by itself: a record
    that began on one of them and went on over its end would be inside quotes there just as the broken one was, and
    run into the same fault. So no line is read more than twice, however many quotes are wrong.

    Lines end with `\n`, `\r\n` or `\r`; blank lines are no rows. Text is UTF-8; a byte that is none is taken as
    Windows-1252, and what that does not know, or is NUL, becomes U+FFFD.

    The records, their lines and the counts do not depend on how the bytes arrive or how many are taken at a time.
    """

    def __init__(  # noqa: PLR0913 - a range of a content, and how to take it apart
        self,
        content: IO[bytes],
        delimiter: str,
        start: int = 0,
        stop: int | None = None,
        *,
        block_bytes: int = BLOCK_BYTES,
        quicker: Callable[[bytes, str, int, int | None], RegularRows | None] | None = None,
    ) -> None:
        """Prepare to read.

        Args:
            content: bytes as `file_format.open_content` gives them, standing at `start`, where a record starts.
            delimiter: one character.
            start: offset in the whole content; at 0 a byte-order mark is skipped.
            stop: records (and blank lines) that start before this offset are read; None: all.
            block_bytes: how many bytes to take apart at a time.
            quicker: `infolens.ingest.regular_rows.regular_rows`, where there is numpy: reads what it can.
        """
        self._content = content
        self._delimiter = delimiter
        self._stop = stop
        self._block_bytes = block_bytes
        self._quicker = quicker
        self._pending = b""
        """What was read and is not yet made records; begins where a record starts, at offset `end`."""
        self._drained = False
        self.end = start
        """Offset of the first record or blank line that starts at or after `stop`, else the end of the content."""
        self.lines = 0
        """Physical lines of the records read."""
        self.repaired = 0
        """Bytes of Windows-1252 amid UTF-8."""
        self.replaced = 0
        """Bytes that became U+FFFD."""
        self.ended_inside = False
        """Whether the content ended inside an open quote: with more bytes the outcome might differ."""

    def __iter__(self) -> Iterator[Block]:
        """Read on; `end`, `ended_inside` and the counts hold once this is through.

        Raises:
            FileRefused: as the content does.
        """
        if self.end == 0:
            self._skip_mark()
        size = self._block_bytes
        while self._stop is None or self.end < self._stop:
            self._read_on(size)
            if not self._pending:
                return
            before = self.end
            cut = _whole_lines(self._pending, final=self._drained)
            if cut:
                yield from self._take(cut)
            elif len(self._pending.rstrip(b"\r")) > MAX_RECORD:
                yield self._give_up_line()
            size = self._block_bytes
            if cut and self.end == before:  # a record is begun anew each time: reading twice as much keeps that linear
                size = max(size, min(len(self._pending), MAX_RECORD + 1 - len(self._pending)))

    def _skip_mark(self) -> None:
        while len(self._pending) < len(codecs.BOM_UTF8) and codecs.BOM_UTF8.startswith(self._pending):
            self._read_on(len(codecs.BOM_UTF8) - len(self._pending))
            if self._drained:
                return
        if self._pending.startswith(codecs.BOM_UTF8):
            self._pending = self._pending[len(codecs.BOM_UTF8) :]
            self.end = len(codecs.BOM_UTF8)

    def _read_on(self, size: int) -> None:
        if self._drained:
            return
        data = self._content.read(size)
        self._drained = not data
        self._pending = self._pending + data if self._pending else data

    def _take(self, cut: int) -> Iterator[Block]:
        """Make records of the bytes pending, of which the first `cut` are whole lines; the rest stays pending."""
        quick = self._quickly()
        if quick:
            if quick.block.lines:
                yield quick.block
            return
        data, tail = self._pending[:cut], self._pending[cut:]
        self._pending = b""  # let go at once what is held twice: lines may be long
        pieces = data.splitlines(keepends=True)
        texts, repaired, replaced = _decoded(data, pieces)
        del data
        chunk = _Chunk(pieces, texts, self.lines, self._delimiter, len(tail))
        limit = len(pieces)
        if self._stop is not None and self.end + cut > self._stop:
            limit = _index_from(pieces, self._stop - self.end)
        at = 0
        while at < limit and not chunk.starved:
            csv.field_size_limit(MAX_FIELD)  # process-wide, hence stated whenever somebody else may have had a turn
            block, at = chunk.block(at, limit, final=self._drained and not tail)
            if block.rows or block.broken:
                yield block
        self.ended_inside |= chunk.ended_inside
        self.lines += at
        self.repaired += repaired
        self.replaced += replaced
        taken = cut
        if at < len(pieces):  # these lines are read again, then or by the next section
            left = b"".join(pieces[at:])
            taken -= len(left)
            _, repaired, replaced = _decoded(left, pieces[at:])
            self.repaired -= repaired
            self.replaced -= replaced
            tail = left + tail
        self.end += taken
        self._pending = tail

    def _quickly(self) -> RegularRows | None:
        """Take the regular records at the beginning of the bytes pending, if there are any."""
        if self._quicker is None:
            return None
        stop = None if self._stop is None else self._stop - self.end
        found = self._quicker(self._pending, self._delimiter, self.lines, stop)
        if found:
            self._pending = self._pending[found.size :]
            self.end += found.size
            self.lines += found.line_count
            self.repaired += found.repaired
            self.replaced += found.replaced
        return found

    def _give_up_line(self) -> RowBlock:
        """Keep the beginning of a line that is longer than a record may be, and read over the rest of it."""
        found = _line_end(self._pending)
        head = _beginning(self._pending[: found[0]] if found else self._pending)
        (text,), repaired, replaced = _decoded(head, [head])
        block = RowBlock(broken=[BrokenRow(self.lines, _too_long(), text)])
        while found is None and not self._drained:
            keep = len(self._pending) - self._pending.endswith(b"\r")
            self.end += keep
            self._pending = self._pending[keep:]
            self._read_on(self._block_bytes)
            found = _line_end(self._pending)
        over = found[1] if found else len(self._pending)
        self.end += over
        self._pending = self._pending[over:]
        self.lines += 1
        self.repaired += repaired
        self.replaced += replaced
        return block


class _Chunk:
    """Whole lines in memory, and the records on them."""

    def __init__(self, pieces: Sequence[bytes], texts: Sequence[str], first: int, delimiter: str, beyond: int) -> None:
        """Take lines, raw and decoded, the number of the first, and how many bytes are known to follow the last."""
        self._texts = texts
        self._first = first
        self._delimiter = delimiter
        self._beyond = beyond
        self._ends: Sequence[int] | None = None
        """Where each line begins, and where the next begins after all; only where a record may be too long."""
        if len(pieces) >= MAX_RECORD_LINES or sum(map(len, pieces)) + beyond > MAX_RECORD:
            self._ends = list(accumulate(map(len, pieces), initial=0))
        self.starved = False
        """Whether more lines must be known to finish a record."""
        self.ended_inside = False

    def block(self, at: int, limit: int, *, final: bool) -> tuple[RowBlock, int]:
        """Read some records from line `at` on that start before line `limit`.

        Returns:
            The rows, and the line at which the next record starts.
        """
        block = RowBlock()
        rows, lines = block.rows, block.lines
        upto, first, ends = min(limit, at + MAX_BLOCK_LINES), self._first, self._ends
        here = at
        while here < upto:
            base = here
            reader = self._reader(base)
            try:
                for fields in reader:
                    after = base + reader.line_num
                    if ends and (ends[after] - ends[here] > MAX_RECORD or after - here > MAX_RECORD_LINES):
                        raise csv.Error(_TOO_LONG)  # noqa: TRY301 - a fault like those of the module
                    if fields:
                        rows.append(fields)
                        lines.append(first + here)
                    here = after
                    if here >= upto:
                        break
            except csv.Error as error:
                here = self._after_fault(block, (here, base + reader.line_num - 1, limit), error, final=final)
                if self.starved:
                    break
        return block, here

    def _reader(self, at: int) -> Any:  # noqa: ANN401 - csv.reader's class has no public name before Python 3.13
        return csv.reader(
            map(self._texts.__getitem__, range(at, len(self._texts))), delimiter=self._delimiter, strict=True
        )

    def _after_fault(self, block: RowBlock, span: tuple[int, int, int], error: csv.Error, *, final: bool) -> int:
        """Give up a record and read what it had swallowed, unless lines that are not known yet may finish it.

        Args:
            block: takes the rows.
            span: the line where the record starts, the line of the fault, and the line before which to stop.
            error: the fault.
            final: whether the content ends with these lines.

        Returns:
            The line to go on at.
        """
        here, bad, limit = span
        reason, is_open = _reason(error), str(error) == _OPEN
        bad = len(self._texts) if is_open else bad
        reach = self._reach(here)
        if reach is not None and reach <= bad:
            bad, reason = reach, _too_long()
        elif is_open and not final:
            self.starved = True
            return here
        elif is_open:
            self.ended_inside = True
        block.broken.append(BrokenRow(self._first + here, reason, self._raw(here)))
        bad = min(bad, limit)
        for line in range(here + 1, bad):
            try:
                fields = next(csv.reader((self._texts[line],), delimiter=self._delimiter, strict=True))
            except csv.Error as fault:
                why = reason if str(fault) == _OPEN else _reason(fault)
                block.broken.append(BrokenRow(self._first + line, why, self._raw(line)))
            else:
                if fields:
                    block.rows.append(fields)
                    block.lines.append(self._first + line)
        return max(bad, here + 1)

    def _reach(self, here: int) -> int | None:
        """Give the line on which a record that starts at line `here` becomes too long; None: on none of these."""
        if self._ends is None:
            return None
        count = len(self._texts)
        reach = here + MAX_RECORD_LINES
        if self._ends[count] + self._beyond - self._ends[here] > MAX_RECORD:
            reach = min(reach, bisect_right(self._ends, self._ends[here] + MAX_RECORD) - 1)
        return reach if reach < count + (self._beyond > 0) else None

    def _raw(self, line: int) -> str:
        return self._texts[line].rstrip("\r\n")


def decoded_lines(data: bytes) -> list[str]:
    """Give the physical lines of some bytes, decoded as `SectionReader` does, with their line ends."""
    return _decoded(data, data.splitlines(keepends=True))[0]


def repaired_text(data: bytes) -> tuple[str, int, int]:
    """Decode whole lines as `SectionReader` does, but for NUL; gives how many bytes were repaired and replaced, too."""
    _tally.repaired = _tally.replaced = 0
    return data.decode("utf-8", _REPAIR), _tally.repaired, _tally.replaced


class _Tally(threading.local):
    """Counts what `_repair` did in this thread."""

    repaired = 0
    replaced = 0


_tally = _Tally()


def _repair(error: UnicodeError) -> tuple[str, int]:
    """Take bytes that are no UTF-8 as Windows-1252, up to the next character of UTF-8 that is not ASCII."""
    assert isinstance(error, UnicodeDecodeError)
    found = _BEYOND_ASCII.search(error.object, error.start)
    stop = found.start() if found else len(error.object)
    odd = error.object[error.start : stop]
    high = odd.translate(None, _ASCII)
    unknown = len(high) - len(high.translate(None, _UNKNOWN))
    _tally.replaced += unknown
    _tally.repaired += len(high) - unknown
    return odd.decode("cp1252", "replace"), stop


_REPAIR = "infolens.windows-1252"
codecs.register_error(_REPAIR, _repair)


def _decoded(data: bytes, pieces: Sequence[bytes]) -> tuple[list[str], int, int]:
    """Decode the pieces of `data`; gives how many bytes were repaired and replaced, too."""
    _tally.repaired = _tally.replaced = 0
    texts = [piece.decode("utf-8", _REPAIR) for piece in pieces]
    if b"\0" in data:
        _tally.replaced += data.count(b"\0")
        texts = [text.replace("\0", "\ufffd") for text in texts]
    return texts, _tally.repaired, _tally.replaced


def _whole_lines(pending: bytes, *, final: bool) -> int:
    """Give the length of the whole lines at the beginning, up to a line that is longer than a record may be."""
    cut = len(pending) if final else _last_line_end(pending)
    if len(pending) > MAX_RECORD:
        at = 0
        for piece in pending[:cut].splitlines(keepends=True):
            if len(piece) > MAX_RECORD and len(piece.rstrip(b"\r\n")) > MAX_RECORD:
                return at
            at += len(piece)
    return cut


def _last_line_end(pending: bytes) -> int:
    r"""Give where the last line ends; a `\r` at the very end may be half an end and does not count."""
    cut = pending.rfind(b"\n") + 1
    return max(cut, pending.rfind(b"\r", cut, max(len(pending) - 1, cut)) + 1)


def _line_end(pending: bytes) -> tuple[int, int] | None:
    """Give where the first line's text ends and where the next line begins; None: not known yet."""
    feed = pending.find(b"\n")
    back = pending.find(b"\r", 0, len(pending) if feed < 0 else feed)
    if back < 0:
        return None if feed < 0 else (feed, feed + 1)
    if back + 1 == len(pending):
        return None
    return back, back + 1 + (back + 1 == feed)


def _beginning(line: bytes) -> bytes:
    """Give the first MAX_RECORD bytes, not cut within a character."""
    cut = MAX_RECORD
    for back in range(1, min(4, cut + 1)):
        if line[cut - back] >= 0xC0:
            return line[: cut - back]
        if line[cut - back] < 0x80:
            break
    return line[:cut]


def _index_from(pieces: Sequence[bytes], offset: int) -> int:
    """Give the first piece that starts at or after an offset."""
    at = 0
    for index, piece in enumerate(pieces):
        if at >= offset:
            return index
        at += len(piece)
    return len(pieces)


def rows(content: IO[bytes], delimiter: str) -> Iterator[Row | BrokenRow]:
    """Read all rows of a content, the header included, in the order of the file; see `SectionReader`.

    Raises:
        FileRefused: as the content does.
    """
    for block in SectionReader(content, delimiter):
        found: list[Row | BrokenRow] = [
            Row(line + 1, tuple(row)) for line, row in zip(block.lines, block.rows, strict=True)
        ]
        if block.broken:
            found += (BrokenRow(row.line + 1, row.reason, row.raw) for row in block.broken)
            found.sort(key=attrgetter("line"))
        yield from found


def _too_long() -> str:
    return (
        f"the row goes on for more than {MAX_RECORD:,} bytes or {MAX_RECORD_LINES:,} lines, or a quote is never "
        "closed; only its beginning is kept"
    )


def _reason(error: csv.Error) -> str:
    text = str(error)
    if "field limit" in text:
        return f"a field has more than {MAX_FIELD:,} characters, or a quote is never closed"
    if "unexpected end of data" in text:
        return 'a quote (") is opened and never closed; inside a field write it twice ("")'
    if "expected after" in text:
        return 'a quoted field goes on after its closing quote ("); inside a field write it twice ("")'
    return f"is no CSV: {text}"
