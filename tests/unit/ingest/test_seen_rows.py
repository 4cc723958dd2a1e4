"""Unit tests of `infolens.ingest.seen_rows`."""

from __future__ import annotations

import hashlib
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


def test_many_sections_are_as_a_set():
    """However the rows come together, a set of them finds the same."""
    chance = random.Random(4)
    seen, known = SeenRows(), set()
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
