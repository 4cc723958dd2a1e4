"""Unit tests of `infolens.ingest.seen_rows`."""

from __future__ import annotations

import errno
import hashlib
import os
import random

import numpy as np
import pytest

from infolens.ingest.identity_index import IdentityIndex, index_bytes
from infolens.ingest.seen_rows import SeenRows


def records(words, lines=None):
    """Index some rows; lines count from 1."""
    digests = [hashlib.sha256(word.encode()).digest() for word in words]
    lines = lines or range(1, len(words) + 1)
    return IdentityIndex.of(index_bytes(digests, [""] * len(words), list(lines), np.zeros(len(words)))).records()


def test_rows_of_earlier_sections_are_found_once():
    """The line is that of the row in the part: the first of its copies in the section."""
    seen = SeenRows()
    assert seen.add(records(["a", "b", "a"])).tolist() == []
    assert seen.add(records(["c", "b", "b", "a"])).tolist() == [2, 4]
    assert seen.add(records([])).tolist() == []
    assert seen.add(records(["d", "c", "d"])).tolist() == [2]


@pytest.mark.parametrize("in_memory", [1, 7, 100, 10_000])
def test_many_sections_are_as_a_set(in_memory):
    """However the rows come together, in memory or in files, a set of them finds the same."""
    chance = random.Random(4)
    seen, known = SeenRows(in_memory=in_memory), set()
    for _ in range(60):
        words = [str(chance.randrange(900)) for _ in range(chance.randrange(40))]
        first = {word: words.index(word) + 1 for word in words}
        assert seen.add(records(words)).tolist() == sorted(line for word, line in first.items() if word in known)
        known |= set(words)


@pytest.mark.parametrize(("limit", "found"), [(3, [2]), (2, [])])
def test_beyond_the_limit_nothing_is_said(limit, found):
    """From the section on with which too many rows would be remembered; small ones behind it are no exception."""
    seen = SeenRows(limit)
    seen.add(records(["a"]))
    assert seen.add(records(["b", "a"])).tolist() == found
    seen.add(records(["c", "d", "e", "f"]))
    assert seen.add(records(["a"])).tolist() == []


def test_digests_that_share_eight_bytes_are_told_apart_across_a_border_of_what_is_looked_at():
    """Two windows may both hold the half that is searched for; the right one of them is found in either."""

    def section(lows):
        return IdentityIndex.of(
            index_bytes(
                [b"\x07" * 8 + bytes([low]) * 8 for low in lows],
                [""] * len(lows),
                range(1, len(lows) + 1),
                np.zeros(len(lows)),
            )
        ).records()

    seen = SeenRows(in_memory=1)
    assert seen.add(section([1, 2])).tolist() == []
    assert seen.add(section([3, 2])).tolist() == [2]
    assert seen.add(section([4, 3, 2, 1])).tolist() == [2, 3, 4]


def test_what_many_rows_take_in_memory_is_let_go():
    """Of 40,000 rows, 640 kB, no more is held than of the runs that are short."""
    seen = SeenRows(in_memory=1000)
    for first in range(0, 40_000, 500):
        seen.add(records([str(number) for number in range(first, first + 500)]))
    held = [run for run in seen._runs if run.file is None]
    assert sum(map(len, held)) <= 2000 < sum(map(len, seen._runs))


def test_a_full_disk_ends_the_remembering_and_nothing_else(monkeypatch):
    """What was found until then is said; of later sections nothing, as beyond the limit."""
    seen = SeenRows(in_memory=2)
    seen.add(records(["a"]))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    assert seen.add(records(["b", "a", "c"])).tolist() == [2]
    assert seen.add(records(["a", "b"])).tolist() == []
