"""Finds out what kind of file was dropped and gives its content as a stream: unpacked, in UTF-8, with its delimiter.

It does not read rows; `csv_reading` does. What is no CSV file at all is refused with a reason (`FileRefused`).
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import lzma
import re
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

from infolens.ingest.csv_reading import MAX_FIELD, FileRefused, decoded_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from typing_extensions import Buffer

ENDINGS = (".csv", ".tsv", ".txt")
PACKINGS = (".gz", ".zip")

EXTENSIONS = (*ENDINGS, *(ending + packing for ending in ENDINGS for packing in PACKINGS), ".zip")
"""What a file's name may end with."""

DELIMITERS = (",", ";", "\t", "|")

MAX_COLUMNS = 4096
"""Columns of a header. Wide tables of sensors have hundreds; a million is a text that somebody broke up by mistake."""

MAX_UNPACKED = 8 << 30
"""Bytes of content after unpacking. A gzip bomb of 8 MB could otherwise keep a function busy until it is killed."""

DELIMITER_LINE = re.compile(rb'(?P<quote>"?)sep=(?P<delimiter>[^\r\n])(?P=quote)(?:\r\n|\r|\n|\Z)', re.IGNORECASE)
"""A first line by which Excel is told the delimiter, as in `sep=;`. It is a line of the file, but no header."""

SAMPLE_BYTES = 256 << 10
"""Beginning of the content by which encoding and delimiter are told."""

_BUFFER_BYTES = 1 << 20
_SPOOL_BYTES = 8 << 20
_PACKING_ERRORS = (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError)
_ARCHIVE_ERRORS = (*_PACKING_ERRORS, RuntimeError, ValueError, OverflowError, struct.error)
"""What zipfile says of wrong numbers and names, too."""
_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the second is an archive without members
_OFFICE = {"[Content_Types].xml": "an Office document such as .xlsx", "mimetype": "an OpenDocument file such as .ods"}
_SIGNATURES = {
    b"\x1f\x8b": "a gzip file within another packing; pack it once",
    b"PK\x03\x04": "a ZIP archive or an Office document within another packing; pack it once",
    b"\xd0\xcf\x11\xe0": "an old Office document such as .xls",
    b"%PDF": "a PDF document",
    b"{\\rtf": "an RTF document",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"Obj\x01": "an Avro file",
    b"SQLite format 3": "an SQLite database",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"BZh": "a bzip2 archive",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"\xff\xfe\x00\x00": "UTF-32 text; save it as CSV UTF-8",
    b"\x00\x00\xfe\xff": "UTF-32 text; save it as CSV UTF-8",
}
_MARKUP = (
    (re.compile(rb"<(!doctype\s+html|html|head|body|table|script)\b", re.IGNORECASE), "an HTML page"),
    (re.compile(rb"<(\?xml|!doctype|!--|[a-z][\w:.-]*[\s/>])", re.IGNORECASE), "an XML document"),
    (re.compile(rb'\{\s*("|\}|$)|\[\s*([\[{"\]]|-?\d|true\b|false\b|null\b|$)'), "a JSON document"),
)
"""What a text may be that is no table, and how it begins. A header that has the needed columns is believed first."""

_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f"))
_MAX_CONTROL_SHARE = 0.05
"""Random bytes hold 11 % of these; real text with control characters left in holds under 0.1 %."""
_FORGIVEN = 3
"""Controls that say nothing about a file of a few bytes."""

_MIN_NULS = 0.3
_MAX_NULS = 0.05
"""Shares of NUL among the one and the other byte of each pair: Latin text in UTF-16 has nearly all and none."""

_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}

_UNPAIRED = "infolens.unpaired"
codecs.register_error(_UNPAIRED, lambda error: ("\udc81", cast("UnicodeDecodeError", error).end))
"""Half a character of UTF-16 becomes the byte 0x81, which neither UTF-8 nor Windows-1252 knows: the reader of rows
replaces and counts it like any other byte that says nothing."""


@dataclass(frozen=True)
class FileFormat:
    """How a file is packed, encoded and delimited."""

    packing: str
    """"" | "gzip" | "zip"."""
    encoding: str
    """"utf-8" | "utf-8-sig" | "utf-16-le" | "utf-16-be". Windows-1252 is told byte by byte, hence not here."""
    delimiter: str
    """One of DELIMITERS."""

    @property
    def splittable(self) -> bool:
        """Whether byte ranges of the object are byte ranges of the content."""
        return not self.packing and not self.encoding.startswith("utf-16")


class _Bytes(Protocol):
    """What is needed of a stream."""

    def read(self, size: int = -1, /) -> bytes:
        """Give up to `size` bytes; none at the end."""


def open_content(
    stream: IO[bytes], filename: str, binds: Callable[[Sequence[str]], bool]
) -> tuple[IO[bytes], FileFormat]:
    """Open a file that claims to be CSV.

    Args:
        stream: the file as it was dropped, at its beginning; read once, from beginning to end, but for ZIP archives,
            which are read by seeking (or are spooled into a temporary file where the stream cannot seek).
        filename: its name; the ending must be one of EXTENSIONS. What the file is, its first bytes say.
        binds: whether a header has the columns that the task needs.

    Returns:
        The content, at its beginning, and the format. The content is UTF-8, or bytes beside it that are Windows-1252,
        a byte-order mark of UTF-8 still in place; UTF-16 is turned into UTF-8 without a mark.

    Raises:
        FileRefused: the name or the first bytes say that it is something else, it is empty or has too many columns.
            The content raises it, too, when it is read: the packing is broken, or more comes out than MAX_UNPACKED.
    """
    name = filename.lower()
    if not name.endswith(EXTENSIONS):
        raise FileRefused(
            f"{filename!r} is not a CSV file by its name; .csv, .tsv or .txt is expected, also packed as .gz or .zip"
        )
    content, packing = _unpacked(stream)
    sample = _read_fully(content, SAMPLE_BYTES)
    if not sample:
        raise FileRefused("the file is empty (0 bytes); a header line and at least one row are needed")
    _refuse_binary_kinds(sample)
    encoding, mark = _encoding(sample)
    body: _Bytes = _Chained(sample, content)
    if encoding.startswith("utf-16"):
        body.read(mark)
        body = _Transcoded(body, encoding)
        sample = _read_fully(body, SAMPLE_BYTES)
        body = _Chained(sample, body)
    text = sample.removeprefix(codecs.BOM_UTF8)
    _refuse_controls(text)
    delimiter = _delimiter(text, name, binds, whole=len(sample) < SAMPLE_BYTES)
    return _as_stream(body), FileFormat(packing, encoding, delimiter)


class _Chained:
    """The beginning of a stream that was read already, then the rest of it."""

    def __init__(self, head: bytes, rest: _Bytes) -> None:
        self._head = memoryview(head)
        self._rest = rest

    def read(self, size: int = -1, /) -> bytes:
        """Give up to `size` bytes."""
        if not self._head:
            return self._rest.read(size)
        size = len(self._head) if size < 0 else size
        given, self._head = bytes(self._head[:size]), self._head[size:]
        return given


class _Unpacked:
    """What comes out of a packing: its errors are refusals, and so is too much."""

    def __init__(self, packed: IO[bytes], packing: str) -> None:
        self._packed = packed
        self._packing = packing
        self._given = 0

    def read(self, size: int = -1, /) -> bytes:
        """Give up to `size` bytes.

        Raises:
            FileRefused: the packing is broken or encrypted, or more comes out of it than MAX_UNPACKED.
        """
        try:
            data = self._packed.read(size)
        except (*_PACKING_ERRORS, OSError) as error:
            if not _is_of_packing(error):  # of the connection: another matter
                raise
            raise FileRefused(f"the {self._packing} packing is broken ({error}); upload the file again") from error
        self._given += len(data)
        if self._given > MAX_UNPACKED:
            raise FileRefused(
                f"more than {MAX_UNPACKED:,} bytes come out of the {self._packing} packing; split the file"
            )
        return data


def _is_of_packing(error: Exception) -> bool:
    """Tell broken packing from a broken connection: bz2 has no error of its own, but one without a number."""
    return isinstance(error, _PACKING_ERRORS) or (type(error) is OSError and error.errno is None)


class _Transcoded:
    """UTF-16 as UTF-8."""

    def __init__(self, source: _Bytes, encoding: str) -> None:
        self._source = source
        self._decoder = codecs.getincrementaldecoder(encoding)(_UNPAIRED)

    def read(self, size: int = -1, /) -> bytes:
        """Give some bytes; `size` is about how many are read of the source."""
        while True:
            data = self._source.read(size if size < 0 else max(size & ~1, 2))
            text = self._decoder.decode(data, not data)
            if text or not data:
                return text.encode("utf-8", "surrogateescape")


class _Stream(io.RawIOBase):
    """A `_Bytes` as a raw stream."""

    def __init__(self, source: _Bytes) -> None:
        self._source = source
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """Say that bytes can be read."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Fill the buffer as far as bytes are there; 0 is the end."""
        view = memoryview(buffer)
        if not self._left:
            self._left = memoryview(self._source.read(len(view)))
        given = min(len(view), len(self._left))
        view[:given] = self._left[:given]
        self._left = self._left[given:]
        return given


def _as_stream(source: _Bytes) -> IO[bytes]:
    return io.BufferedReader(_Stream(source), _BUFFER_BYTES)


def _read_fully(source: _Bytes, size: int) -> bytes:
    """Read `size` bytes, fewer only at the end."""
    pieces, missing = [], size
    while missing > 0 and (piece := source.read(missing)):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def _unpacked(stream: IO[bytes]) -> tuple[_Bytes, str]:
    start = _read_fully(stream, len(_ZIP[0]))
    if start.startswith(_GZIP):
        packed = cast("IO[bytes]", gzip.GzipFile(fileobj=cast("Any", _as_stream(_Chained(start, stream)))))
        return _Unpacked(packed, "gzip"), "gzip"
    if start in _ZIP:
        return _Unpacked(_zip_member(_seekable(start, stream)), "zip"), "zip"
    return _Chained(start, stream), ""


def _seekable(start: bytes, stream: IO[bytes]) -> IO[bytes]:
    if stream.seekable():
        stream.seek(0)
        return stream
    spool = tempfile.SpooledTemporaryFile(_SPOOL_BYTES)  # noqa: SIM115 - it lives as long as the content is read
    shutil.copyfileobj(_Chained(start, stream), spool, _BUFFER_BYTES)
    spool.seek(0)
    return cast("IO[bytes]", spool)


def _zip_member(stream: IO[bytes]) -> IO[bytes]:
    """Open the one CSV file of an archive."""
    try:
        archive = zipfile.ZipFile(stream)
        return archive.open(_only_table(archive.infolist()))
    except FileRefused:
        raise
    except _ARCHIVE_ERRORS as error:
        raise FileRefused(f"the zip packing is broken ({error}); upload the file again") from error


def _only_table(infos: Sequence[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    """Choose the one CSV file among the members of an archive."""
    for mark, meaning in _OFFICE.items():
        if infos and infos[0].filename == mark:
            raise FileRefused(f"the file is not CSV text but {meaning}; save it as CSV")
    files = [info for info in infos if not info.is_dir() and not _is_clutter(info.filename)]
    tables = [info for info in files if info.filename.lower().endswith((".csv", ".tsv"))]
    tables = tables or [info for info in files if info.filename.lower().endswith(".txt")]
    if not tables:
        raise FileRefused(f"the ZIP archive holds no CSV file{_listed(files)}")
    if len(tables) > 1:
        raise FileRefused(
            f"the ZIP archive holds {len(tables)} CSV files{_listed(tables)}; pack one file into an archive"
        )
    if tables[0].flag_bits & 1:
        raise FileRefused(f"{tables[0].filename!r} in the ZIP archive is encrypted; pack it without a password")
    return tables[0]


def _is_clutter(name: str) -> bool:
    """Whether a name in an archive is what macOS adds by itself, or hidden."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith(".")


def _listed(infos: Sequence[zipfile.ZipInfo]) -> str:
    names = sorted(info.filename for info in infos)
    more = f", and {len(names) - 10} more" if len(names) > 10 else ""
    return f" ({', '.join(names[:10])}{more})" if names else ""


def _encoding(sample: bytes) -> tuple[str, int]:
    """Tell the encoding and the length of its byte-order mark."""
    if sample.startswith(codecs.BOM_UTF8):
        return "utf-8-sig", 3
    for mark, encoding in _UTF16.items():
        if sample.startswith(mark):
            return encoding, 2
    pairs = max(len(sample) // 2, 1)
    even, odd = sample[::2].count(0) / pairs, sample[1::2].count(0) / pairs
    if odd >= _MIN_NULS and even <= _MAX_NULS:
        return "utf-16-le", 0
    if even >= _MIN_NULS and odd <= _MAX_NULS:
        return "utf-16-be", 0
    return "utf-8", 0


def _refuse_binary_kinds(sample: bytes) -> None:
    for signature, meaning in _SIGNATURES.items():
        if sample.startswith(signature):
            raise FileRefused(f"the file is not CSV text but {meaning}")


def _refuse_controls(sample: bytes) -> None:
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if controls - _FORGIVEN > _MAX_CONTROL_SHARE * len(sample):
        share = f"{controls / len(sample):.1%} of its first bytes are control characters"
        raise FileRefused(f"the file is not CSV text: {share}, at most {_MAX_CONTROL_SHARE:.0%} may be")


def _delimiter(sample: bytes, name: str, binds: Callable[[Sequence[str]], bool], *, whole: bool) -> str:
    """Tell the delimiter: the named one, or that whose header has the needed columns and whose rows are alike."""
    if line := DELIMITER_LINE.match(sample):
        return _named(line["delimiter"].decode("utf-8", "replace"))
    if whole:
        lines = decoded_lines(sample)
    else:  # the last line is cut somewhere
        end = max(sample.rfind(b"\n"), sample.rfind(b"\r")) + 1
        lines = decoded_lines(sample[:end] or sample)
    first = ("\t",) if ".tsv" in name else ()
    order = dict.fromkeys((*first, *DELIMITERS))
    found = {delimiter: _widths(lines, delimiter) for delimiter in order}
    bound = [each for each in order if 0 < len(found[each][0]) <= MAX_COLUMNS and binds(found[each][0])]
    if not bound:
        _refuse_markup(sample)
    best: str = max(bound or order, key=lambda each: _likeness(*found[each]))
    if len(found[best][0]) > MAX_COLUMNS:
        raise FileRefused(f"the header has more than {MAX_COLUMNS:,} columns; is a line end missing behind it?")
    return best


def _named(delimiter: str) -> str:
    if delimiter not in DELIMITERS:
        raise FileRefused(
            f"the first line says that {delimiter!r} stands between the fields; "
            "only a comma, a semicolon, a tab or a bar may"
        )
    return delimiter


def names_delimiter(fields: Sequence[str]) -> bool:
    """Whether the fields of a first record are Excel's `sep=;`, as it is read with that delimiter."""
    text = fields[0].casefold() if fields else ""
    return (text == "sep=" and list(fields[1:]) == [""]) or (len(fields) == 1 and text[:4] == "sep=" and len(text) == 5)


def _widths(lines: Sequence[str], delimiter: str) -> tuple[list[str], Counter[int]]:
    """Give the header and how many rows of the sample have how many fields."""
    csv.field_size_limit(MAX_FIELD)
    header: list[str] = []
    widths: Counter[int] = Counter()
    try:
        for fields in csv.reader(lines, delimiter=delimiter, strict=True):
            if header and fields:
                widths[len(fields)] += 1
            header = header or fields
    except csv.Error:
        pass  # the rows so far say enough; in the wrong delimiter's eyes quotes are often wrong
    return header, widths


def _likeness(header: Sequence[str], widths: Counter[int]) -> tuple[float, int]:
    """Say how much a delimiter makes a table: share of rows as wide as the header, then the width."""
    if len(header) < 2:
        return 0.0, 0
    return (widths[len(header)] + 1) / (widths.total() + 1), len(header)


def _refuse_markup(sample: bytes) -> None:
    start = sample.lstrip()[:200]
    for beginning, meaning in _MARKUP:
        if beginning.match(start):
            raise FileRefused(f"the file is not CSV text but {meaning}")
