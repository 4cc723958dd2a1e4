"""Reads CSV files as they come, dirt included, and knows at which physical line each row starts.

A row that cannot be read becomes a `BrokenRow`, never an exception and never silence; only a file that is no CSV file
at all is refused whole (`FileRefused`).
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections import deque
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_FIELD = 131_072
"""Characters of one field: the csv module's own default. It also bounds how far a stray quote can reach."""

MAX_LINE = 1_048_576
"""Characters of one physical line: eight of the longest fields. Only the beginning of a longer one is read."""

MAX_TEXT = 268_435_456
"""Characters of a whole file after unpacking. A file of 104 MB took 576 MB of memory; the function has 1769 MB, and a
clear refusal is better than three deaths for want of memory. It stops gzip bombs, too."""

EXTENSIONS = (".csv", ".csv.gz")

_SAMPLE = 4096
_PACKING_ERRORS = (EOFError, gzip.BadGzipFile, zlib.error)
_GZIP = b"\x1f\x8b"
_SIGNATURES = {
    b"PK\x03\x04": "a ZIP archive or an Office document such as .xlsx",
    b"\xd0\xcf\x11\xe0": "an old Office document such as .xls",
    b"%PDF": "a PDF document",
    b"PAR1": "a Parquet file",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"BZh": "a bzip2 archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"\xff\xfe": "UTF-16 text; save it as CSV UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as CSV UTF-8",
}
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f"))
_MAX_CONTROL_SHARE = 0.05
"""Random bytes hold 11 % of these; real text with control characters left in holds under 0.1 %."""
_FORGIVEN = 3
"""Controls that say nothing about a file of a few bytes."""

# What `surrogateescape` makes of bytes that are no UTF-8, and NUL, which no text needs.
_UNREADABLE = re.compile("[\x00\udc80-\udcff]")


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
    """The text as it was, without its line end."""


class Lines:
    """Physical lines of a decoded file, which can be given back; counts lines and replaced characters."""

    def __init__(self, text: IO[str]) -> None:
        """Take a text stream opened with `newline=""`, so that line ends stay as they are."""
        self._text = text
        self._again: deque[str] = deque()
        self._seen = 0
        self.taken: list[str] = []
        """Lines handed out since `forget`."""
        self.number = 0
        """Physical number of the line handed out last."""
        self.replaced = 0
        """Invalid bytes and NULs that became U+FFFD."""
        self.overlong: set[int] = set()
        """Numbers of lines cut at MAX_LINE."""

    def __iter__(self) -> Lines:
        """Iterate over the lines."""
        return self

    def __next__(self) -> str:
        """Hand out the next line; can go on after the end when lines have been given back."""
        line = self._again.popleft() if self._again else self._read()
        self.number += 1
        self.taken.append(line)
        return line

    def forget(self) -> None:
        """Begin a new row."""
        self.taken.clear()

    def give_back(self) -> None:
        """Hand out all taken lines but the first once more, and forget the first."""
        self._again.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1
        self.taken.clear()

    def _read(self) -> str:
        line = self._readline()
        if not line:
            raise StopIteration
        if len(line) == MAX_LINE and line[-1] not in "\r\n":
            self.overlong.add(self.number + 1)
            while (rest := self._readline()) and rest[-1] not in "\r\n":
                pass
        line, replaced = _UNREADABLE.subn("\ufffd", line)
        self.replaced += replaced
        return line

    def _readline(self) -> str:
        try:
            piece = self._text.readline(MAX_LINE)
        except _PACKING_ERRORS as error:  # errors of the connection are another matter and pass through
            raise _broken_packing(error) from error
        self._seen += len(piece)
        if self._seen > MAX_TEXT:
            raise FileRefused(f"the file has more than {MAX_TEXT:,} characters; split it into smaller ones")
        return piece


def open_lines(stream: IO[bytes], filename: str) -> Lines:
    """Open a file that claims to be CSV, plain or gzipped, UTF-8 with or without a byte-order mark.

    Raises:
        FileRefused: the name or the first bytes say that it is something else, or it is empty.
    """
    if not filename.lower().endswith(EXTENSIONS):
        raise FileRefused(f"{filename!r} is not a CSV file by its name; {' or '.join(EXTENSIONS)} is expected")
    packed = io.BufferedReader(cast("Any", stream))
    start = packed.peek(len(_GZIP))
    if not start:
        raise FileRefused("the file is empty (0 bytes); a header line and at least one row are needed")
    if not start.startswith(_GZIP) and filename.lower().endswith(".gz"):
        raise FileRefused(f"{filename!r} is not gzip, although its name says so")
    plain = io.BufferedReader(gzip.GzipFile(fileobj=packed)) if start.startswith(_GZIP) else packed
    try:
        sample = plain.peek(_SAMPLE)[:_SAMPLE]
    except _PACKING_ERRORS as error:
        raise _broken_packing(error) from error
    _refuse_binary(sample)
    return Lines(io.TextIOWrapper(plain, encoding="utf-8-sig", errors="surrogateescape", newline=""))


def rows(lines: Lines) -> Iterator[Row | BrokenRow]:
    """Read all rows, the header included; blank lines are no rows.

    Quotes are read strictly (RFC 4180). Where a quote opens a field and is not closed as it should be, only the first
    physical line is given up and reading starts again at the next: a stray quote must not swallow the rows below it.

    Raises:
        FileRefused: the file breaks off inside its gzip packing, or is too long.
    """
    csv.field_size_limit(MAX_FIELD)  # process-wide, hence stated at every use
    reader = csv.reader(lines, strict=True)
    while True:
        lines.forget()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            line, raw = lines.number - len(lines.taken) + 1, lines.taken[0].rstrip("\r\n")
            yield BrokenRow(line, _reason(error), raw)
            lines.give_back()
            continue
        line = lines.number - len(lines.taken) + 1
        if lines.overlong and not lines.overlong.isdisjoint(range(line, lines.number + 1)):
            reason = f"a line has more than {MAX_LINE:,} characters; its beginning is kept here"
            yield BrokenRow(line, reason, lines.taken[0].rstrip("\r\n"))
            lines.give_back()
        elif fields:
            yield Row(line, tuple(fields))


def _broken_packing(error: Exception) -> FileRefused:
    return FileRefused(f"the gzip packing is broken ({error}); upload the file again")


def _refuse_binary(sample: bytes) -> None:
    for signature, meaning in _SIGNATURES.items():
        if sample.startswith(signature):
            raise FileRefused(f"the file is not CSV text but {meaning}")
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if controls - _FORGIVEN > _MAX_CONTROL_SHARE * len(sample):
        share = f"{controls / len(sample):.1%} of its first bytes are control characters"
        raise FileRefused(f"the file is not CSV text: {share}, at most {_MAX_CONTROL_SHARE:.0%} may be")


def _reason(error: csv.Error) -> str:
    text = str(error)
    if "field limit" in text:
        return f"a field has more than {MAX_FIELD:,} characters, or a quote is never closed"
    if "unexpected end of data" in text:
        return 'a quote (") is opened and never closed; inside a field write it twice ("")'
    if "expected after" in text:
        return 'a quoted field goes on after its closing quote ("); inside a field write it twice ("")'
    return f"is no CSV: {text}"
