"""Unit tests of `infolens.ingest.record_starts`."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csv_reference import records_of, reference
from infolens.ingest.csv_reading import SectionReader
from infolens.ingest.record_starts import guess_record_start

ROW = b'17,"A title, with ""quotes""","Some text\r\n\r\nof three lines, and, commas",Sports\r\n'
PLAIN = b"18,Title,Text,Business\r\n"
TABLE = (ROW + PLAIN + ROW) * 5


def test_every_offset_of_a_table():
    """Wherever a window begins in well-made rows, the next record's start is found."""
    starts = [line for line in range(len(TABLE)) if TABLE[line - 1 : line] == b"\n" and TABLE[line : line + 1] == b"1"]
    for at in range(1, len(ROW + PLAIN + ROW + PLAIN)):
        following = next(start for start in starts if start >= at)
        assert guess_record_start(TABLE[at - 1 :], ",", 4) == following - at + 1, TABLE[at - 1 : at + 9]


def test_window_that_ends_within_a_record():
    """The last record of a window, cut somewhere, says nothing against a place."""
    for end in range(len(ROW) * 3, len(TABLE)):
        assert guess_record_start(TABLE[5:end], ",", 4) == len(ROW) - 5


def test_one_column_of_quoted_texts():
    """Where every line has the right width, the quotes tell."""
    table = b'"first\nsecond\nthird"\n' * 20
    assert guess_record_start(table[3:], ",", 1) == 18
    assert guess_record_start(table[17:], ",", 1) == 4


def test_dirt_does_not_move_the_place():
    """Ragged rows and stray quotes below a place do not outweigh the rows that are well."""
    table = ROW * 3 + b"1,2\n" + PLAIN + b'3,"a"b,c,d\n' + ROW * 3
    assert guess_record_start(table[len(ROW) + 30 :], ",", 4) == len(ROW) - 30


def test_blank_line_counts_as_a_start():
    """Sections count blank lines outside quotes as the reader does."""
    assert guess_record_start(b"x\n\n" + PLAIN * 3, ",", 4) == 2


def test_line_end_of_two_bytes_is_not_parted():
    """A window may begin or end between the two."""
    assert guess_record_start(b"\r\n" + PLAIN * 3, ",", 4) == 2
    assert guess_record_start(b"\n" + PLAIN * 3, ",", 4) == 1
    assert guess_record_start(b"x\r", ",", 4) is None


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("delimiter", [b",", b";", b"\t", b"|"])
def test_delimiters_and_line_ends(delimiter, end):
    """All that a file may have."""
    row = delimiter.join([b"1", b'"two' + end + b'lines"', b"3"]) + end
    assert guess_record_start((row * 9)[5:], delimiter.decode(), 3) == len(row) - 5


@pytest.mark.parametrize("window", [b"", b"no line end at all", b'"a\nb\nc', b"the last line only\n"])
def test_no_place(window):
    """Where no record starts, nothing is guessed."""
    assert guess_record_start(window, ",", 3) is None


def chained(data: bytes, size: int, columns: int) -> tuple[list, int]:
    """Read sections from guessed places, and again where the section before ended elsewhere; counts those."""
    records, lines, end, again = [], 0, 0, 0
    for number in range(-(-len(data) // size) or 1):
        start, stop = 0, (number + 1) * size
        if number:
            guess = guess_record_start(data[number * size - 1 :], ",", columns)
            start = len(data) if guess is None else number * size - 1 + guess
        reader = SectionReader(io.BytesIO(data[start:]), ",", start, stop)
        found = records_of(reader)
        if start != end:
            again += 1
            reader = SectionReader(io.BytesIO(data[end:]), ",", end, stop)
            found = records_of(reader)
        records += ((lines + line, *rest) for line, *rest in found)
        lines, end = lines + reader.lines, reader.end
    return records, again


def test_sections_of_a_table_are_guessed_right():
    """In a table without dirt no section is read twice."""
    records, again = chained(TABLE * 20, 333, 4)
    assert records == reference(TABLE * 20).records
    assert again == 0


@given(
    data=st.lists(
        st.sampled_from([ROW, PLAIN, b'5,"a"b,c,d\n', b'6,"open\n', b"\n", b'a","b\n', b"\xe9\r"]), max_size=12
    ).map(b"".join),
    size=st.integers(1, 200),
)
@settings(max_examples=300, deadline=None)
def test_wrong_guesses_cost_time_only(data, size):
    """Whatever is guessed, what is read in the end is what one pass reads."""
    assert chained(data, size, 4)[0] == reference(data).records
