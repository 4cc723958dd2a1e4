"""Unit tests of `infolens.ingest.csv_reading`."""

from __future__ import annotations

import contextlib
import io
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csv_reference import (
    Trickle,
    assert_every_line_is_accounted_for,
    reading,
    reading_by_sections,
    records_of,
    reference,
)
from infolens.ingest import csv_reading
from infolens.ingest.csv_reading import BrokenRow, FileRefused, Row, SectionReader, rows

DIRT = st.lists(
    st.sampled_from(
        [
            *[b'"', b",", b"\n", b"\r\n", b"\r", b"a", b'""', b'a","b\n', b'"x\ny",', b"\xef\xbb\xbf"],
            *[b"\xc3\xa9", b"\xe9", b"\x81", b"\0", b"\xe2\x82", b"\xe2\x82\xac", b"\xf0\x9f\x98\x80", b"\xed\xa0\x80"],
        ]
    ),
    max_size=40,
).map(b"".join)


def read(data: bytes, delimiter: str = ",") -> list[Row | BrokenRow]:
    """Read everything."""
    return list(rows(io.BytesIO(data), delimiter))


def section(data: bytes, start: int = 0, stop: int | None = None) -> tuple[list, SectionReader]:
    """Read a section; gives its records and the reader, which knows where it ended."""
    reader = SectionReader(io.BytesIO(data[start:]), ",", start, stop)
    return records_of(reader), reader


def test_rows_carry_the_physical_line_at_which_they_start():
    """A quoted newline makes a row longer, and the rows below it still have their line in the file."""
    assert read(b'a,b\r\n"one\ntwo\nthree",x\r\n\r\nlast,y') == [
        Row(1, ("a", "b")),
        Row(2, ("one\ntwo\nthree", "x")),
        Row(6, ("last", "y")),
    ]


def test_byte_order_mark_is_no_part_of_the_header():
    """Excel's UTF-8 files begin with a mark that must not end up in the first column's name."""
    assert read("\ufefftext,label\n".encode()) == [Row(1, ("text", "label"))]


def test_byte_order_mark_inside_a_file_is_text():
    """Only the beginning of the content has a mark; a section that starts further down has none."""
    assert records_of(SectionReader(io.BytesIO("\ufeffa,b\n".encode()), ",", 7)) == [(0, ["\ufeffa", "b"])]


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\n\r\n\r"])
def test_no_row(data):
    """Nothing, a mark alone and blank lines hold no row, and all of it is consumed."""
    records, reader = section(data)
    assert records == []
    assert reader.end == len(data)


def test_header_only():
    """A header without rows is one row."""
    assert read(b"text,label") == read(b"text,label\n") == [Row(1, ("text", "label"))]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(delimiter):
    """Every delimiter parts fields; the others are text, and quotes protect it."""
    others = ",;\t|".replace(delimiter, "")
    data = f'a{delimiter}"b{delimiter}c"{delimiter}{others}\n'.encode()
    assert read(data, delimiter) == [Row(1, ("a", f"b{delimiter}c", others))]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(end):
    """All three kinds end a line; inside quotes they stay as they are; blank lines are counted and are no rows."""
    data = f'a,b{end}{end}"c{end}d",e{end}f,g'.encode()
    assert read(data) == [Row(1, ("a", "b")), Row(3, (f"c{end}d", "e")), Row(5, ("f", "g"))]


def test_no_other_character_ends_a_line():
    """Unicode's own line ends, form feeds and separators are text."""
    odd = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
    assert read(f"a{odd}b,c\nd,e\n".encode()) == [Row(1, (f"a{odd}b", "c")), Row(2, ("d", "e"))]


def test_doubled_quotes():
    """A doubled quote in a quoted field is one quote; in a plain field quotes are text."""
    assert read(b'"say ""hi""","""",5" pipe,""\n') == [Row(1, ('say "hi"', '"', '5" pipe', ""))]


def test_ragged_rows_are_given_through():
    """How wide a row must be is not this module's to judge."""
    assert [len(row.fields) for row in read(b"a,b,c\n1\n1,2,3,4\n,,\n")] == [3, 1, 4, 3]


@pytest.mark.parametrize(
    ("data", "text", "repaired", "replaced"),
    [
        ("naïve €".encode(), "naïve €", 0, 0),
        ("naïve “quoted” €".encode("cp1252"), "naïve “quoted” €", 4, 0),
        ("naïve ".encode() + "naïve".encode("cp1252"), "naïve naïve", 1, 0),
        ("naïve ".encode("cp1252") + "naïve".encode(), "naïve naïve", 1, 0),
        (b"a\x81\x8d\x8f\x90\x9db", "a\ufffd\ufffd\ufffd\ufffd\ufffdb", 0, 5),
        (b"a\0b\0", "a\ufffdb\ufffd", 0, 2),
        (b"cut \xe2\x82", "cut â\u201a", 2, 0),
        (b"\xff\xfe\xc0\x80", "ÿþÀ€", 4, 0),
    ],
)
def test_every_byte_that_is_no_utf8_is_taken_as_windows_1252_and_counted(data, text, repaired, replaced):
    """UTF-8, Windows-1252 and files that mix them come out right; what neither knows, and NUL, becomes U+FFFD."""
    records, reader = section(b"x," + data + b"\n")
    assert records == [(0, ["x", text])]
    assert (reader.repaired, reader.replaced) == (repaired, replaced)


def test_stray_quote_costs_one_line_only():
    """A quote that is closed too early breaks its own line; all the rows below it are read."""
    found = read(b'h,i\n1,"open\n2,two\n3,"three"\n4,four\n')
    assert [row.line for row in found] == [1, 2, 3, 4, 5]
    assert found[1] == BrokenRow(2, found[1].reason, '1,"open')
    assert "closing quote" in found[1].reason
    assert found[2:] == [Row(3, ("2", "two")), Row(4, ("3", "three")), Row(5, ("4", "four"))]


def test_quote_that_is_never_closed_costs_one_line_only():
    """At the end of the file the same holds: the swallowed rows are read again."""
    found = read(b'h,i\n1,"open\n2,two\n3,three')
    assert [row.line for row in found] == [1, 2, 3, 4]
    assert isinstance(found[1], BrokenRow)
    assert "never closed" in found[1].reason
    assert found[3] == Row(4, ("3", "three"))


def test_swallowed_line_that_opens_a_quote_itself_breaks_for_the_same_reason():
    """Lines that look well only inside the wrong quotes are each given up, and reading goes on below the fault."""
    found = read(b'"a\na","b\na","b\n"x"y\nok\n')
    assert [type(row).__name__ for row in found] == ["BrokenRow"] * 4 + ["Row"]
    assert len({row.reason for row in found[:4]}) == 1
    assert [row.raw for row in found[:4]] == ['"a', 'a","b', 'a","b', '"x"y']


@pytest.mark.parametrize("last", [b'3,"cut of', b"3,cut of", b'3,"cut\nof'])
def test_truncated_last_line(last):
    """A file that breaks off loses at most its last line, and says whether it ended inside a quote."""
    records, reader = section(b"a,b\n1,2\n" + last)
    assert records[:2] == [(0, ["a", "b"]), (1, ["1", "2"])]
    assert reader.ended_inside == (b'"' in last)
    assert reader.lines == 3 + last.count(b"\n")


@pytest.mark.parametrize(("length", "kind"), [(csv_reading.MAX_FIELD, Row), (csv_reading.MAX_FIELD + 1, BrokenRow)])
def test_field_limit(length, kind):
    """A field of the limit is read, one character more breaks its row and names the limit."""
    found = read(b"h\n" + b"x" * length + b"\nok\n")
    assert isinstance(found[1], kind)
    assert found[2] == Row(3, ("ok",))
    if kind is BrokenRow:
        assert "131,072" in found[1].reason
        assert len(found[1].raw) == length


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_field_of_10_mb(quote):
    """It is rejected with its whole text; the rows around it are read."""
    found = read(b"a,b\n1," + quote + b"x" * 10_000_000 + quote + b"\n2,3\n")
    assert [row.line for row in found] == [1, 2, 3]
    assert "131,072 characters" in found[1].reason
    assert len(found[1].raw) == 10_000_002 + 2 * len(quote)
    assert found[2] == Row(3, ("2", "3"))


def test_row_of_a_million_columns():
    """It is a row like any other here; whoever knows the header rejects it."""
    found = read(b"a,b\n" + b"," * 999_999 + b"\n1,2\n")
    assert [len(row.fields) for row in found] == [2, 1_000_000, 2]


@pytest.mark.parametrize("block_bytes", [7, 1000, 1 << 20])
@pytest.mark.parametrize(("lines", "kind"), [(4, Row), (5, BrokenRow)])
def test_record_that_goes_on_over_too_many_lines(monkeypatch, block_bytes, lines, kind):
    """A record of the limit is read; one line more breaks it and gives its other lines back."""
    monkeypatch.setattr(csv_reading, "MAX_RECORD_LINES", 4)
    data = b'h\n"' + b"x\n" * (lines - 1) + b'"\nok\n'
    records = records_of(SectionReader(io.BytesIO(data), ",", block_bytes=block_bytes))
    assert (len(records[1]) == 2) == (kind is Row)
    if kind is BrokenRow:
        assert "4 lines" in records[1][1]
        assert records[2:4] == [(2, ["x"]), (3, ["x"])]
    assert records[-1] == (lines + 1, ["ok"])


@pytest.mark.parametrize("block_bytes", [7, 1000, 1 << 20])
@pytest.mark.parametrize(("length", "kind"), [(20, Row), (21, BrokenRow)])
def test_record_of_too_many_bytes(monkeypatch, block_bytes, length, kind):
    """The same holds for the bytes of a record, its line ends counted; its first line is kept whole."""
    monkeypatch.setattr(csv_reading, "MAX_RECORD", 20)
    data = b'h\n"12345678\n' + b"9" * (length - 12) + b'"\nok\n'
    records = records_of(SectionReader(io.BytesIO(data), ",", block_bytes=block_bytes))
    assert (len(records[1]) == 2) == (kind is Row)
    if kind is BrokenRow:
        assert "20 bytes" in records[1][1]
        assert records[1][2] == '"12345678'
    assert records[-1] == (3, ["ok"])


@pytest.mark.parametrize("block_bytes", [1, 7, 1000])
@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n", b""])
def test_endless_line(monkeypatch, block_bytes, end):
    """Of a line longer than a record may be only the beginning is kept, not cut within a character."""
    monkeypatch.setattr(csv_reading, "MAX_RECORD", 20)
    data = b"h\r\n" + b"x" * 19 + "é".encode() * 50 + end + b"ok" * bool(end)
    reader = SectionReader(io.BytesIO(data), ",", block_bytes=block_bytes)
    records = records_of(reader)
    assert records[0] == (0, ["h"])
    assert records[1][2] == "x" * 19
    assert "only its beginning is kept" in records[1][1]
    assert records[2:] == ([(2, ["ok"])] if end else [])
    assert (reader.repaired, reader.replaced, reader.end) == (0, 0, len(data))


@pytest.mark.parametrize("block_bytes", [1, 7, 1000])
def test_endless_line_inside_quotes(monkeypatch, block_bytes):
    """A quote left open before it does not swallow the rows behind it."""
    monkeypatch.setattr(csv_reading, "MAX_RECORD", 20)
    data = b'h\n1,"a\n2\n' + b"z" * 100 + b'"\nok\n'
    records = records_of(SectionReader(io.BytesIO(data), ",", block_bytes=block_bytes))
    assert [record[0] for record in records] == [0, 1, 2, 3, 4]
    assert [len(record) for record in records] == [2, 3, 2, 3, 2]


@given(data=DIRT, block_bytes=st.integers(1, 20), most=st.integers(1, 20))
@settings(max_examples=600, deadline=None)
def test_any_bytes_read_as_the_reference_reads_them(data, block_bytes, most):
    """Records, lines and counts are those of the simplest reader, however the bytes arrive and are taken apart."""
    assert reading(data, block_bytes=block_bytes, most=most) == reference(data)


@given(data=DIRT, size=st.integers(1, 30), block_bytes=st.integers(1, 40))
@settings(max_examples=600, deadline=None)
def test_sections_hold_together_what_the_file_holds(data, size, block_bytes):
    """Wherever a file is cut into sections, each record is in exactly one of them, with its line and its counts."""
    assert reading_by_sections(data, size, block_bytes=block_bytes) == reference(data)


@contextlib.contextmanager
def small_limits():
    """Limits that short texts reach."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_reading, "MAX_FIELD", 6)
        patch.setattr(csv_reading, "MAX_RECORD", 12)
        patch.setattr(csv_reading, "MAX_RECORD_LINES", 3)
        patch.setattr(csv_reading, "MAX_BLOCK_LINES", 2)
        yield


@given(data=DIRT, block_bytes=st.integers(1, 20), most=st.integers(1, 20))
@settings(max_examples=600, deadline=None)
def test_limits_do_not_depend_on_how_bytes_arrive(data, block_bytes, most):
    """Where fields and records reach their limits, too, the outcome is that of all bytes at once."""
    with small_limits():
        assert reading(data, block_bytes=block_bytes, most=most) == reading(data)


@given(data=DIRT)
@settings(max_examples=300, deadline=None)
def test_every_line_is_accounted_for(data):
    """A line starts a row, is blank, is broken, or lies within the row above it: none is lost, none comes twice."""
    with small_limits():
        assert_every_line_is_accounted_for(data, reading(data))


def test_sections_start_where_the_one_before_ended():
    """A record belongs to the section in which its first byte lies, however far it reaches."""
    data = b'a,b\n"long\nrow",x\nc,d\n'
    assert section(data, 0, 4)[0] == [(0, ["a", "b"])]
    assert section(data, 0, 4)[1].end == 4
    first, reader = section(data, 0, 5)
    assert first == [(0, ["a", "b"]), (1, ["long\nrow", "x"])]
    assert (reader.end, reader.lines) == (17, 3)
    assert section(data, 17, 10)[0] == []
    assert section(data, 17, 10)[1].end == 17
    assert section(data, 17, 20)[0] == [(0, ["c", "d"])]


def test_fault_behind_the_stop_takes_no_line_from_the_next_section():
    """A quote that is open over the stop costs its own line; the lines behind the stop are read by the next section."""
    data = b'"a\nb\nc\n"x"y\nd\n'
    first, reader = section(data, 0, 5)
    assert [record[0] for record in first] == [0, 1]
    assert (reader.end, reader.lines, reader.ended_inside) == (5, 2, False)
    assert [record[0] for record in section(data, 5, None)[0]] == [0, 1, 2]


def test_blank_lines_belong_to_sections_like_records():
    """Else two sections could differ about where the next begins."""
    data = b"a\n\n\nb\n"
    assert section(data, 0, 2)[1].end == 2
    assert section(data, 0, 3)[1].end == 3
    assert section(data, 3, 4)[0] == []
    assert section(data, 3, 4)[1].lines == 1


def test_ended_inside_only_when_more_bytes_could_matter():
    """A quote that is open at the end of the bytes might be closed behind it; a fault before the end is final."""
    assert section(b'a\n"b\nc\n')[1].ended_inside
    assert not section(b'a\n"b\nc"x\n')[1].ended_inside
    assert not section(b'a\n"b"\n')[1].ended_inside


def test_errors_of_the_content_pass_through():
    """A broken connection is not the file's fault, and a refusal of the content is one of the file."""

    class Broken(io.BytesIO):
        error: Exception = ConnectionResetError()

        def read(self, size=-1):
            raise self.error

    with pytest.raises(ConnectionResetError):
        list(rows(Broken(), ","))
    broken = Broken()
    broken.error = FileRefused("the gzip packing is broken")
    with pytest.raises(FileRefused, match="gzip packing"):
        list(rows(broken, ","))


def test_memory_does_not_grow_with_the_file():
    """Four times the rows take the same memory, a few blocks."""
    peaks = []
    for megabytes in (2, 8):
        content = Trickle(b'1,"some text\nof two lines, ""quoted""",label\n' * (megabytes * 23_000), 1 << 30)
        tracemalloc.start()
        for block in SectionReader(content, ","):
            assert len(block.rows) <= csv_reading.MAX_BLOCK_LINES
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2
    assert peaks[1] < 24 << 20


@pytest.mark.timeout(60)
@pytest.mark.parametrize("line", [b'a","b\n', b'"\n', b'"a\n', b',"\n', b'"a"b\n'])
def test_wrong_quotes_everywhere_take_linear_time(line):
    """No file makes the reader read its lines over and over: a million wrong lines are through in seconds."""
    data = line * 200_000
    assert reading(data).lines == 200_000
