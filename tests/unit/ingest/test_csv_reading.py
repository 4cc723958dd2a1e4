"""Unit tests of `infolens.ingest.csv_reading`."""

from __future__ import annotations

import gzip
import io
import random

import pytest

from infolens.ingest import csv_reading
from infolens.ingest.csv_reading import BrokenRow, FileRefused, Row, open_lines


def read(data: bytes, name: str = "rows.csv"):
    """Read everything; gives the rows and the lines that know what was replaced."""
    lines = open_lines(io.BytesIO(data), name)
    return list(csv_reading.rows(lines)), lines


def test_rows_carry_the_physical_line_at_which_they_start():
    """A quoted newline makes a row longer, and the rows below it still have their line in the file."""
    rows, _ = read(b'a,b\r\n"one\ntwo\nthree",x\r\n\r\nlast,y')
    assert rows == [Row(1, ("a", "b")), Row(2, ("one\ntwo\nthree", "x")), Row(6, ("last", "y"))]


def test_byte_order_mark_is_no_part_of_the_header():
    """Excel's UTF-8 files begin with a mark that must not end up in the first column's name."""
    assert read("\ufefftext,label\n".encode())[0] == [Row(1, ("text", "label"))]


def test_invalid_bytes_and_nul_are_replaced_and_counted():
    """A few broken bytes do not cost the row: each becomes U+FFFD."""
    rows, lines = read(b"caf\xe9,a\x00b\nna\xc3\xafve,\xff\xfe\n")
    assert rows == [Row(1, ("caf\ufffd", "a\ufffdb")), Row(2, ("naïve", "\ufffd\ufffd"))]
    assert lines.replaced == 4


def test_stray_quote_costs_one_line_only():
    """A quote that is closed too early breaks its own line; all the rows below it are read."""
    rows, _ = read(b'h,i\n1,"open\n2,two\n3,"three"\n4,four\n')
    assert [row.line for row in rows] == [1, 2, 3, 4, 5]
    assert rows[1] == BrokenRow(2, rows[1].reason, '1,"open')
    assert "closing quote" in rows[1].reason
    assert rows[2:] == [Row(3, ("2", "two")), Row(4, ("3", "three")), Row(5, ("4", "four"))]


def test_quote_that_is_never_closed_costs_one_line_only():
    """At the end of the file the same holds: the swallowed rows are read again."""
    rows, _ = read(b'h,i\n1,"open\n2,two\n3,three')
    assert [row.line for row in rows] == [1, 2, 3, 4]
    assert isinstance(rows[1], BrokenRow)
    assert "never closed" in rows[1].reason
    assert rows[3] == Row(4, ("3", "three"))


def test_two_stray_quotes():
    """Reading again works more than once."""
    rows, _ = read(b'h\n"a"b\n"c"d\nok\n')
    assert [type(row).__name__ for row in rows] == ["Row", "BrokenRow", "BrokenRow", "Row"]


@pytest.mark.parametrize(("length", "kind"), [(csv_reading.MAX_FIELD, Row), (csv_reading.MAX_FIELD + 1, BrokenRow)])
def test_field_limit(length, kind):
    """A field of the limit is read, one character more breaks its row and names the limit."""
    rows, _ = read(b"h\n" + b"x" * length + b"\nok\n")
    assert isinstance(rows[1], kind)
    assert rows[2] == Row(3, ("ok",))
    if kind is BrokenRow:
        assert "131,072" in rows[1].reason
        assert len(rows[1].raw) == length


def test_line_limit():
    """A line past the limit is rejected with its beginning, however its fields would have looked."""
    field = b"y" * 100_000
    rows, _ = read(b"h\n" + b",".join([field] * 12) + b"\nok\n")
    assert isinstance(rows[1], BrokenRow)
    assert "1,048,576" in rows[1].reason
    assert len(rows[1].raw) == csv_reading.MAX_LINE
    assert rows[2] == Row(3, ("ok",))


def test_line_limit_inside_quotes():
    """A quote left open by the cut does not swallow the next rows."""
    rows, _ = read(b'h,i\n"' + b"z" * 130_000 + b'",' * 9 + b'"' + b"q" * 1_100_000 + b'"\nok,1\n')
    assert isinstance(rows[1], BrokenRow)
    assert rows[2:] == [Row(3, ("ok", "1"))]


def test_text_limit(monkeypatch):
    """A file that unpacks to more than the limit is refused while it is being read."""
    monkeypatch.setattr(csv_reading, "MAX_TEXT", 1000)
    packed = gzip.compress(b"h\n" + b"x\n" * 10_000)
    with pytest.raises(FileRefused, match="more than 1,000 characters"):
        read(packed, "bomb.csv.gz")


def test_gzip_is_unpacked_whatever_its_name():
    """Both a .csv.gz and a .csv that was stored gzipped are read."""
    packed = gzip.compress(b"a,b\n1,2\n")
    assert read(packed, "rows.csv.gz")[0] == read(packed, "rows.CSV")[0] == [Row(1, ("a", "b")), Row(2, ("1", "2"))]


@pytest.mark.parametrize("cut", [12, 200])
def test_broken_gzip_is_refused(cut):
    """A gzip file that breaks off is refused with a reason, not read in part."""
    rng = random.Random(7)
    packed = gzip.compress("".join(f"{rng.random()}\n" for _ in range(500)).encode())
    with pytest.raises(FileRefused, match="gzip packing is broken"):
        read(packed[:cut], "rows.csv.gz")


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b"", "rows.csv", "empty"),
        (b"a,b\n", "rows.xlsx", "'rows.xlsx' is not a CSV file by its name; .csv or .csv.gz is expected"),
        (b"a,b\n", "rows", "not a CSV file by its name"),
        (b"a,b\n", "rows.csv.gz", "not gzip"),
        (b"PK\x03\x04\x14\x00\x06\x00", "rows.csv", "Office"),
        (b"%PDF-1.7", "rows.csv", "PDF"),
        (b"PAR1\x15\x04", "rows.csv", "Parquet"),
        ("text,label\n".encode("utf-16"), "rows.csv", "UTF-16"),
        ("text,label\n".encode("utf-16-le"), "rows.csv", "control characters, at most 5% may be"),
        (random.Random(1).randbytes(2000), "rows.csv", "control characters"),
        (gzip.compress(random.Random(2).randbytes(2000)), "rows.csv.gz", "control characters"),
    ],
)
def test_what_is_no_csv_is_refused(data, name, reason):
    """Empty and binary files and wrong names are refused whole, and the reason says what they are."""
    with pytest.raises(FileRefused) as refused:
        read(data, name)
    assert reason in refused.value.reason


def test_text_with_a_few_control_characters_is_read():
    """Control characters left in a text are dirt, not a binary file."""
    assert len(read(b"text\n" + b"a plain sentence of words\x0b and then many more of them\x1a\n" * 20)[0]) == 21


def test_errors_of_the_connection_pass_through():
    """A broken connection is not the file's fault: it must not be refused, but read again later."""

    class Dropped(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, buffer):
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        open_lines(Dropped(), "rows.csv")
