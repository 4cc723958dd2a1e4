"""Unit tests of `infolens.ingest.file_format`."""

from __future__ import annotations

import gzip
import io
import json
import random
import re
import tracemalloc
import zipfile
import zlib

import pytest

from infolens.ingest import file_format
from infolens.ingest.csv_reading import FileRefused, rows
from infolens.ingest.file_format import FileFormat, names_delimiter, open_content

TABLE = 'id,text\r\n1,"naïve, “said”"\r\n2,plain\r\n'
FIELDS = [("id", "text"), ("1", "naïve, “said”"), ("2", "plain")]


def binds(header) -> bool:
    """The task needs a column `text`."""
    return "text" in [cell.strip().lower() for cell in header]


def opened(data: bytes, name: str = "rows.csv") -> tuple[list, FileFormat]:
    """Open and read everything."""
    content, found = open_content(io.BytesIO(data), name, binds)
    return [row.fields for row in rows(content, found.delimiter)], found


def refusal(data: bytes, name: str = "rows.csv") -> str:
    """Open and read; gives why the file is refused."""
    with pytest.raises(FileRefused) as refused:
        opened(data, name)
    return refused.value.reason


def gzipped(data):
    """Pack as gzip, the same bytes at any time: names of tests hold them."""
    return gzip.compress(data, mtime=0)


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Pack an archive."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", method) as writer:
        for name, data in members.items():
            writer.writestr(zipfile.ZipInfo(name), data, method)
    return archive.getvalue()


class Stream(io.RawIOBase):
    """A stream that cannot seek and gives a few bytes at a time, as a connection does."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self):
        """It can be read."""
        return True

    def readinto(self, buffer):
        """Give up to 1000 bytes."""
        piece = self._data.read(min(len(buffer), 1000))
        buffer[: len(piece)] = piece
        return len(piece)


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("cp1252", "utf-8"),
        ("utf-16", "utf-16-le"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_encodings(encoding, told):
    """UTF-8 with and without a mark, Windows-1252, and UTF-16 both ways with and without one, all come out right."""
    assert opened(TABLE.encode(encoding)) == (FIELDS, FileFormat("", told, ","))


def test_utf16_big_endian_with_a_mark():
    """As an old Macintosh writes it."""
    assert opened(b"\xfe\xff" + TABLE.encode("utf-16-be")) == (FIELDS, FileFormat("", "utf-16-be", ","))


def test_content_keeps_the_mark_of_utf8_and_loses_that_of_utf16():
    """Offsets of a plain file's content are those of the object."""
    assert open_content(io.BytesIO(TABLE.encode("utf-8-sig")), "a.csv", binds)[0].read() == TABLE.encode("utf-8-sig")
    assert open_content(io.BytesIO(TABLE.encode("utf-16")), "a.csv", binds)[0].read() == TABLE.encode()


def test_broken_utf16_is_replaced_and_counted():
    """Half a character, and half a unit at the end, become one byte each that the reader replaces and counts."""
    data = "text\nx".encode("utf-16") + b"\x00\xd8" + "y😀\n".encode("utf-16-le") + b"z"
    content, _ = open_content(io.BytesIO(data), "a.csv", binds)
    assert content.read() == b"text\nx\x81" + "y😀\n".encode() + b"\x81"


def test_utf16_across_the_sample():
    """A long file in UTF-16 is turned into UTF-8 as a stream, whatever character lies where it is cut."""
    table = "text\n" + "naïve 😀 words\n" * 40_000
    content, _ = open_content(Stream(b"\xff\xfe" + table.encode("utf-16-le")), "a.csv", binds)
    assert content.read() == table.encode()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.txt", "A.CSV"])
def test_delimiters(delimiter, name):
    """The delimiter is told by the content, not by the name."""
    data = f'id{delimiter}text\n1{delimiter}"a, b; c | d\te"\n'.encode()
    assert opened(data, name) == ([("id", "text"), ("1", "a, b; c | d\te")], FileFormat("", "utf-8", delimiter))


def test_header_that_has_the_columns_decides():
    """Commas in every text do not make commas the delimiter."""
    data = b"id;text\n1;one, two, three\n2;four, five, six\n"
    assert opened(data)[1].delimiter == ";"
    assert opened(b"a,b;text\n1,2;x\n")[1].delimiter == ";"


@pytest.mark.parametrize(
    ("data", "delimiter"),
    [
        (b"id;words\n1;one, two\n2;three, four\n", ";"),
        (b"id\twords\n1\tone\n", "\t"),
        (b"words\none, two\n", ","),
        (b"a;b;c|d\n1;2;3\n4;5;6\n", ";"),
    ],
)
def test_without_the_columns_likeness_decides(data, delimiter):
    """A header that lacks a column is still parted where its rows are, so that the refusal can name its columns."""
    assert opened(data)[1].delimiter == delimiter


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line", ["sep={}\r\n", "SEP={}\n", '"sep={}"\n'])
def test_the_first_line_may_name_the_delimiter(delimiter, line):
    """What Excel is told by it holds here too, even where another delimiter would make a better table."""
    data = f"{line.format(delimiter)}id{delimiter}text\n".encode() + b"a,b;c|d\te\n" * 9
    assert opened(data)[1].delimiter == delimiter


@pytest.mark.parametrize("first", ["sep=^", "sep=s", "sep=:"])
def test_another_named_delimiter_is_refused(first):
    """The reason names it; no other one is guessed."""
    with pytest.raises(FileRefused, match=f"'{re.escape(first[4:])}' stands between the fields"):
        opened(f"{first}\nid,text\n1,x\n".encode())


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        (["sep=", ""], True),
        (["SEP=", ""], True),
        (["sep=;"], True),
        (["sep=", "", ""], False),
        (["sep=", "text"], False),
        (["sep="], False),
        ([], False),
    ],
)
def test_a_record_that_names_the_delimiter(fields, named):
    """It is the whole record, as it is read with that delimiter."""
    assert names_delimiter(fields) is named


def test_single_column():
    """A file of one column has no delimiter to tell; a comma is taken, even if each text has semicolons."""
    assert opened(b"text\none; two\nthree; four\n") == (
        [("text",), ("one; two",), ("three; four",)],
        FileFormat("", "utf-8", ","),
    )


def test_blank_lines_before_the_header():
    """They do not hide it."""
    assert opened(b"\n\r\nid;text\n1;x\n")[1].delimiter == ";"


@pytest.mark.parametrize(
    ("data", "name", "packing"),
    [
        (gzipped(TABLE.encode()), "a.csv.gz", "gzip"),
        (gzipped(TABLE.encode()), "a.csv", "gzip"),
        (gzipped(TABLE[:20].encode()) + gzipped(TABLE[20:].encode()) + b"\0" * 99, "a.tsv.gz", "gzip"),
        (TABLE.encode(), "a.csv.gz", ""),
        (zipped({"a.csv": TABLE.encode()}), "a.zip", "zip"),
        (zipped({"a.csv": TABLE.encode()}, zipfile.ZIP_STORED), "a.csv.zip", "zip"),
        (zipped({"a.csv": TABLE.encode()}, zipfile.ZIP_BZIP2), "a.csv", "zip"),
        (zipped({"a.csv": TABLE.encode()}, zipfile.ZIP_LZMA), "a.zip", "zip"),
        (zipped({"a.txt": TABLE.encode()}), "a.zip", "zip"),
        (
            zipped(
                {
                    "data/": b"",
                    "data/a.csv": TABLE.encode(),
                    "__MACOSX/data/._a.csv": b"\0\5",
                    "data/._a.csv": b"\0",
                    ".DS_Store": b"",
                    "read me.txt": b"by",
                }
            ),
            "a.zip",
            "zip",
        ),
    ],
)
@pytest.mark.parametrize("source", [io.BytesIO, Stream])
def test_packings(data, name, packing, source):
    """What a file is its bytes say, not its name; what macOS adds is no CSV file; some streams cannot seek."""
    content, found = open_content(source(data), name, binds)
    assert [row.fields for row in rows(content, found.delimiter)] == FIELDS
    assert found == FileFormat(packing, "utf-8", ",")
    assert found.splittable == (not packing)


def test_packed_utf16():
    """Unpacking comes first."""
    assert opened(gzipped(TABLE.encode("utf-16")), "a.csv.gz") == (FIELDS, FileFormat("gzip", "utf-16-le", ","))
    assert not FileFormat("", "utf-16-le", ",").splittable
    assert FileFormat("", "utf-8-sig", ",").splittable


def noise(size: int, seed: int) -> bytes:
    """Random bytes."""
    return random.Random(seed).randbytes(size)


def encrypted() -> bytes:
    """An archive whose member says that it is encrypted."""
    data = bytearray(zipped({"a.csv": TABLE.encode()}))
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(signature) + offset] |= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b"", "rows.csv", "the file is empty (0 bytes)"),
        (gzipped(b""), "rows.csv.gz", "the file is empty (0 bytes)"),
        (zipped({"a.csv": b""}), "rows.zip", "the file is empty (0 bytes)"),
        (gzipped(gzipped(TABLE.encode())), "rows.csv.gz", "a gzip file within another packing"),
        (gzipped(zipped({"a.csv": TABLE.encode()})), "rows.csv.gz", "a ZIP archive or an Office document within"),
        (b"a,b\n", "rows.xlsx", "'rows.xlsx' is not a CSV file by its name"),
        (b"a,b\n", "rows", "not a CSV file by its name"),
        (b"a,b\n", "rows.gz", "not a CSV file by its name"),
        (zipped({"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"}), "rows.csv", "an Office document"),
        (zipped({"mimetype": b"application/vnd.oasis"}), "rows.csv", "an OpenDocument file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "rows.csv", ".xls"),
        (b"%PDF-1.7\n%\xe2\xe3", "rows.csv", "PDF"),
        (b"PAR1\x15\x04", "rows.csv", "Parquet"),
        (b"\x89PNG\r\n\x1a\n", "rows.csv", "PNG"),
        (b"\xff\xd8\xff\xe0", "rows.csv", "JPEG"),
        (b"<!DOCTYPE html>\n<html><body>Not found</body></html>", "rows.csv", "an HTML page"),
        (b"  <HTML><head>", "rows.csv", "an HTML page"),
        (b'<?xml version="1.0"?><rows/>', "rows.csv", "an XML document"),
        (b"<rows><row/></rows>", "rows.csv", "an XML document"),
        (json.dumps([{"text": "a"}]).encode(), "rows.csv", "a JSON document"),
        (b'{"text": "a"}\n{"text": "b"}\n', "rows.csv", "a JSON document"),
        ("[1, 2]".encode("utf-16"), "rows.csv", "a JSON document"),
        ("text,label\n".encode("utf-32"), "rows.csv", "UTF-32 text; save it as CSV UTF-8"),
        (noise(2000, 1), "rows.csv", "control characters, at most 5% may be"),
        (gzipped(noise(2000, 2)), "rows.csv.gz", "control characters"),
        (zipped({"a.csv": noise(2000, 3)}), "rows.zip", "control characters"),
        (b"\0" * 5000, "rows.csv", "control characters"),
        (zipped({"a.csv": b"x", "b/c.TSV": b"y", "d.txt": b""}), "rows.zip", "holds 2 CSV files (a.csv, b/c.TSV)"),
        (zipped({"a.txt": b"x", "b.txt": b"y"}), "rows.zip", "holds 2 CSV files (a.txt, b.txt)"),
        (zipped({"a.json": b"{}", "b/": b""}), "rows.zip", "holds no CSV file (a.json)"),
        (zipped({}), "rows.zip", "holds no CSV file"),
        (encrypted(), "rows.zip", "'a.csv' in the ZIP archive is encrypted; pack it without a password"),
        (zipped({"a.csv": TABLE.encode()})[:-30], "rows.zip", "the zip packing is broken"),
        (b"PK\3\4 and nothing else", "rows.csv", "the zip packing is broken"),
        (b"," * 1_000_000 + b"\n", "rows.csv", "the header has more than 4,096 columns"),
        (b"," * 1_000_000, "rows.csv", "the header has more than 4,096 columns"),
    ],
)
def test_what_is_no_csv_is_refused(data, name, reason):
    """Empty and foreign files, and archives without exactly one CSV file, are refused, and the reason says why."""
    assert reason in refusal(data, name)


@pytest.mark.parametrize("start", ["<text>,text", "{,text", "[text],text", "{id},text", "-,text"])
def test_header_with_the_columns_is_believed(start):
    """What begins like markup and has the needed columns is a table all the same."""
    assert opened(f"{start}\n1,2\n".encode())[0][1] == ("1", "2")


@pytest.mark.parametrize(("columns", "taken"), [(4096, True), (4097, False)])
def test_limit_of_columns(columns, taken):
    """A header of the limit is taken, one column more is refused."""
    data = b",".join([b"text", *[b"c"] * (columns - 1)]) + b"\n"
    assert (len(opened(data)[0][0]) == columns) if taken else ("4,096 columns" in refusal(data))


@pytest.mark.parametrize("cut", [12, 200, -1])
def test_gzip_that_breaks_off(cut):
    """It is refused with a reason, not read in part."""
    packed = gzipped(b"text\n" + b"".join(b"%d\n" % (number * 7919 % 10007) for number in range(500)))
    assert "the gzip packing is broken" in refusal(packed[:cut], "rows.csv.gz")


def test_broken_bytes_within_a_packing():
    """A wrong check sum is found at the latest when the last row was read; foreign bytes behind gzip are no rows."""
    table = b"text\n" + noise(200_000, 4).hex().encode()
    packed, archive = bytearray(gzipped(table)), bytearray(zipped({"a.csv": table}))
    packed[len(packed) // 2] ^= 1
    archive[len(archive) // 2] ^= 1
    assert "the gzip packing is broken" in refusal(bytes(packed), "rows.csv.gz")
    assert "the zip packing is broken" in refusal(bytes(archive), "rows.zip")
    assert "the gzip packing is broken" in refusal(gzipped(b"text\n") + b"more", "rows.csv.gz")


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 9, 99]
)
def test_archive_that_names_another_method(method):
    """Bytes that the named method cannot have made, or a method that nobody knows, are refused."""
    archive = bytearray(zipped({"a.csv": TABLE.encode() * 20}))
    for signature, offset in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        archive[archive.index(signature) + offset] = method
    if method == zipfile.ZIP_DEFLATED:
        assert len(opened(bytes(archive), "rows.zip")[0]) == 60
    else:
        assert "the zip packing is broken" in refusal(bytes(archive), "rows.zip")


@pytest.mark.parametrize(("limit", "taken"), [(500_005, True), (500_004, False)])
def test_bombs(monkeypatch, limit, taken):
    """What comes out of a packing is limited, whatever small file it comes out of."""
    monkeypatch.setattr(file_format, "MAX_UNPACKED", limit)
    table = b"text\n" + b"\n" * 500_000
    for data, name in ((gzipped(table), "a.csv.gz"), (zipped({"a.csv": table}), "a.zip")):
        if taken:
            assert len(opened(data, name)[0]) == 1
        else:
            assert f"more than {limit:,} bytes come out" in refusal(data, name)


def test_opening_takes_little_memory():
    """A header that never ends, packed small, is told by its beginning."""
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join([*(packer.compress(b"x" * 1_000_000) for _ in range(50)), packer.flush()])
    tracemalloc.start()
    open_content(io.BytesIO(bomb), "a.csv.gz", binds)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def test_text_with_a_few_control_characters_is_read():
    """Control characters left in a text are dirt, not a binary file."""
    data = b"text\n" + b"a plain sentence of words\x0b and then many more of them\x1a\n" * 20
    assert len(opened(data)[0]) == 21


def test_errors_of_the_connection_pass_through():
    """A broken connection is not the file's fault: it must not be refused, but read again later."""

    class Dropped(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, buffer):
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        open_content(Dropped(), "rows.csv", binds)
