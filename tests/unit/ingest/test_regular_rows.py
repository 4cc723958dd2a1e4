"""Unit tests of `infolens.ingest.regular_rows`; that it agrees with `csv.reader` is tested with that reader."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from csv_reference import assert_columns, at_any_cost
from infolens.ingest import csv_reading
from infolens.ingest.regular_rows import regular_rows
from infolens.rows.compiled import infolens_rows

pytestmark = pytest.mark.skipif(infolens_rows is None, reason="`make setup` builds the compiled code on Linux alone")


def test_fields_lines_and_size():
    """Quotes go, doubled ones become one, lines are counted; what is not whole is left."""
    found = at_any_cost(b'"a\r\n,""b""",\xc3\xa9\r\n\r\n"",x,y\r\n"c', ",", 7, None)
    assert found.block.rows == [['a\r\n,"b"', "é"], ["", "x", "y"]]
    assert (found.block.lines, found.size, found.line_count) == ([7, 10], 26, 4)
    assert found.block.widths.tolist() == [2, 3]
    assert_columns(found.block)


@pytest.mark.parametrize("bad", [b'a"b,c\n', b'"a"b,c\n', b'a, "b"\n', b"a\rb,c\n", b'"a\n'])
def test_what_is_not_regular_is_left(bad):
    """Rows above it are taken, but above a mere carriage return, which changes the count of lines."""
    found = at_any_cost(b'1,"2"\n' + bad, ",", 0, None)
    assert (found.size if found else 0) == (0 if b"\r" in bad else 6)
    assert at_any_cost(bad, ",", 0, None) is None


@pytest.mark.parametrize(("stop", "size"), [(0, 0), (1, 4), (4, 4), (5, 8), (None, 12)])
def test_records_that_start_at_the_stop_are_left(stop, size):
    """They are the next section's, whatever of the bytes before became longer or shorter."""
    found = at_any_cost(b"\xe9,\0\n\xe9,b\n\xe9,c\n", ",", 0, stop)
    assert (found.size if found else 0) == size
    if found:
        assert (found.repaired, found.replaced) == (size // 4, 1)
        assert found.block.rows[0] == ["é", "\ufffd"]


@pytest.mark.parametrize("rows", [1, 3, 40])
@pytest.mark.parametrize("bad", [b"\xe9", b"\x81", b"\0", b"\xe9\x81\xc3"])
def test_sizes_are_those_of_the_raw_bytes(bad, rows):
    """Each stop within rows that become longer, few or many of them, leaves what begins there and nothing else."""
    pair = b"a," + bad + b"\nplain,b\n"
    raw = pair * rows
    begins = sorted({start + len(pair) * row for row in range(rows) for start in (0, len(bad) + 3)})
    for stop in [*range(len(raw) + 1), None]:
        found = at_any_cost(raw, ",", 0, stop)
        later = [begin for begin in begins if stop is not None and begin >= stop]
        assert (found.size if found else 0) == (later[0] if later else len(raw))


@pytest.mark.parametrize("limit", ["MAX_BLOCK_LINES", "MAX_RECORD_LINES", "MAX_RECORD", "MAX_FIELD"])
def test_limits_are_left_to_the_other_way(monkeypatch, limit):
    """Where one may be reached nothing is taken."""
    data = b"a,b\nc,d\n"
    assert at_any_cost(data, ",", 0, None)
    monkeypatch.setattr(csv_reading, limit, 2)
    assert at_any_cost(data, ",", 0, None) is None


@pytest.mark.parametrize(("length", "taken"), [(48, True), (47, False)])
def test_short_fields_are_left(length, taken):
    """For them `csv.reader` is quicker."""
    data = b"a," + b"b" * (length - 3) + b"\n"
    assert (regular_rows(data, ",", 0, None) is not None) == taken


@pytest.mark.parametrize("rows", [3, 200])
def test_bytes_that_are_no_utf8(rows):
    """They are repaired row by row while they are few, and all at once when they are many; each is counted."""
    found = at_any_cost(b"caf\xe9,\x81\nplain,row\n" * rows, ",", 0, None)
    assert found.block.rows == [["café", "\ufffd"], ["plain", "row"]] * rows
    assert (found.repaired, found.replaced) == (rows, rows)


def is_utf8(data):
    """Ask Python."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def fault_in(data, at=0):
    """The place of the first byte that is no UTF-8; None without one."""
    found = infolens_rows.bad_place(np.frombuffer(data, np.uint8).ctypes.data, at, len(data))
    return found if found < len(data) else None


_EDGES = (0x41, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF)


@pytest.mark.parametrize("before", [0, 30, 64])
def test_faults_are_found_where_python_finds_some(before):
    """All bytes at the edges of their kinds, up to four together, among others, at the end of what is looked at."""
    few = [bytes(some) for length in (1, 2, 3) for some in itertools.product(_EDGES, repeat=length)]
    chance = random.Random(4)
    many = [bytes(chance.choices(_EDGES, k=chance.randrange(4, 9))) for _ in range(20_000)]
    right = ["\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff".encode()]
    for data in [*few, *many, *right]:
        assert (fault_in(b"x" * before + data) is None) is is_utf8(data), data


def test_each_line_with_a_fault_is_told():
    """The place lies in the line, so that no other has to be decoded again; among whole characters as among faults."""
    chance = random.Random(5)
    pieces = [*(bytes([byte]) for byte in _EDGES), *(each.encode() for each in "aé\u07ff\u0800€\ud7ff\U0001f600")]
    lines = [b"".join(chance.choices(pieces, k=chance.randrange(5))) for _ in range(20_000)]
    data = b"\n".join(lines) + b"\n"
    found, at = [], 0
    while (fault := fault_in(data, at)) is not None:
        found.append(data.count(b"\n", 0, fault))
        at = data.index(b"\n", fault) + 1
    assert found == [at for at, line in enumerate(lines) if not is_utf8(line)]


@pytest.mark.parametrize("size", [1, 31, 32, 33, 100])
def test_marks_anywhere(size):
    """Quotes, line ends and delimiters are found wherever they lie among others."""
    data = b'"' + b"x" * size + b'""",' + b"y" * size + b',"\n,"\r\n' + b"z" * size + b",,\n"
    found = at_any_cost(data, ",", 0, None)
    assert found.block.rows == [["x" * size + '"', "y" * size, "\n,"], ["z" * size, "", ""]]
    assert_columns(found.block)


def test_without_the_library(monkeypatch):
    """Where it was not built, all is left to the other way."""
    monkeypatch.setattr("infolens.ingest.regular_rows.infolens_rows", None)
    assert at_any_cost(b"a,b\n", ",", 0, None) is None
