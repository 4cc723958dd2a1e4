"""Unit tests of `infolens.ingest.identity_index`."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolens.ingest.identity_index import (
    BUCKETS,
    BrokenIndexError,
    Digests,
    IdentityIndex,
    copies_among,
    find,
    index_bytes,
    joined,
    order_of,
)


def digest(name) -> bytes:
    """Give any 32 bytes."""
    return hashlib.sha256(str(name).encode()).digest()


def index_of(names, labels=None) -> bytes:
    """Index rows on lines 1, 2, ..."""
    lines = list(range(1, len(names) + 1))
    sketches = np.arange(len(names), dtype=np.uint64) * np.uint64(1 << 40)
    return index_bytes([digest(name) for name in names], labels or ["cat"] * len(names), lines, sketches)


def test_records_are_sorted_and_whole():
    """Each row is there once, by digest, with its label, line and sketch."""
    index = IdentityIndex.of(index_of("abcdef", ["dog", "cat"] * 3))
    records = index.records()
    names = sorted("abcdef", key=digest)
    assert records.hi.tolist() == [int.from_bytes(digest(name)[:8], "big") for name in names]
    assert records.lo.tolist() == [int.from_bytes(digest(name)[8:16], "big") for name in names]
    assert records.line.tolist() == ["abcdef".index(name) + 1 for name in names]
    assert (records.sketch >> np.uint64(40)).tolist() == ["abcdef".index(name) for name in names]
    labels = [index.label_name(crc) for crc in records.label.tolist()]
    assert labels == [("dog", "cat")["abcdef".index(name) % 2] for name in names]
    assert index.label_name(1) == ""


def test_ranges_join_to_the_whole():
    """Read by range or at once, from memory or not: the same records."""
    data = index_of(range(500))
    asked = []

    def read(start, size):
        asked.append(size)
        return data[start : start + size]

    index = IdentityIndex(read)
    pieces = joined([index.records(low, low + 32) for low in range(0, BUCKETS, 32)])
    whole = IdentityIndex.of(data).records()
    for name in ("hi", "lo", "sketch", "label", "line"):
        assert getattr(pieces, name).tolist() == getattr(whole, name).tolist()
    assert max(asked[1:]) < 1000 < len(data)
    assert index.rows == len(whole) == 500
    asked.clear()
    assert index.records().lo.tolist() == whole.lo.tolist()
    assert len(asked) == 1


@given(st.lists(st.integers(0, 30)), st.lists(st.integers(0, 30), unique=True))
def test_find(sought, among):
    """Says where each digest stands, or that it does not."""
    held = IdentityIndex.of(index_of(among)).records()
    wanted = IdentityIndex.of(index_of(sought)).records()
    found = find(wanted, held)
    for at, place in enumerate(found.tolist()):
        name = sought[int(wanted.line[at]) - 1]
        assert (place >= 0) is (name in among)
        if place >= 0:
            assert among[int(held.line[place]) - 1] == name


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3))))
def test_order_of(pairs):
    """By both halves of the digest, equal ones as they stood; few different halves, so that many are shared."""
    records = Digests(*(np.array([pair[half] for pair in pairs], np.uint64) for half in (0, 1)))
    assert order_of(records).tolist() == sorted(range(len(pairs)), key=pairs.__getitem__)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9))))
def test_lines_may_come_in_any_order(rows):
    """Equal rows stand in the index by their lines, whether or not these ascended."""
    names, lines = [name for name, _ in rows], [line for _, line in rows]
    data = index_bytes([digest(name) for name in names], ["x"] * len(rows), lines, np.zeros(len(rows), np.uint64))
    records = IdentityIndex.of(data).records()
    assert records.line.tolist() == [line for _, line in sorted(rows, key=lambda row: (digest(row[0]), row[1]))]


def test_digests_that_share_their_first_half_are_told_apart():
    """The second 8 bytes decide."""
    rows = [b"\x01" * 8 + bytes([last]) * 24 for last in range(5)]
    held = IdentityIndex.of(index_bytes(rows[1:4], ["x"] * 3, [1, 2, 3], np.zeros(3, np.uint64))).records()
    wanted = IdentityIndex.of(index_bytes(rows, ["x"] * 5, [1, 2, 3, 4, 5], np.zeros(5, np.uint64))).records()
    assert find(wanted, held).tolist() == [-1, 0, 1, 2, -1]


def test_taking_rows_out_gives_the_index_of_the_others():
    """Byte for byte what an index of only these rows would be, names of labels included."""
    index = IdentityIndex.of(index_of("abcd", ["cat", "dog", "cat", "cat"]))
    few = index_bytes([digest("a"), digest("c")], ["cat", "cat"], [1, 3], np.array([0, 2 << 40], np.uint64))
    assert index.only(np.isin(index.records().line, [1, 3])) == few


def test_no_row_is_an_index_too():
    """A section may have rejects alone."""
    index = IdentityIndex.of(index_bytes([], [], [], np.zeros(0, np.uint64)))
    assert (index.rows, len(index.records())) == (0, 0)


@pytest.mark.parametrize("data", [b"", b"PAR1" * 400, index_of("ab")[:900]])
def test_other_bytes_are_refused(data):
    """What is no index is not searched."""
    with pytest.raises(BrokenIndexError):
        IdentityIndex.of(data)


@given(st.lists(st.integers(0, 5)))
def test_copies_are_those_with_an_equal_before_them(numbers):
    """Of equal digests the first is no copy, also where two share 8 bytes."""
    digests = [bytes([1] * 8 + [number] * 8) for number in numbers]
    assert copies_among(digests).tolist() == [at for at, each in enumerate(digests) if each in digests[:at]]
