"""Unit tests of `infolens.rows.split`."""

from __future__ import annotations

import collections
import hashlib

import pytest

from infolens.rows.split import (
    digest_of,
    position_at,
    position_of,
    salted_digests,
    split_at,
    split_of,
)
from infolens.rows.text_blocks import splits_of_digests


@pytest.mark.parametrize(
    ("position", "split"),
    [
        (0.0, "test"),
        (0.0999999, "test"),
        (0.1, "validation"),
        (0.1999999, "validation"),
        (0.2, "train"),
        (0.999, "train"),
    ],
)
def test_limits(position, split):
    """A tenth is test, the next tenth validation, and a limit itself belongs to the upper side."""
    assert split_at(position) == split


def test_position_is_the_salted_hash():
    """The position is spelled out in the contract, so that any other program finds the same splits."""
    expected = int.from_bytes(hashlib.sha256(b"infolens-split-1" + "Café".encode()).digest()[:8], "big") / 2**64
    assert position_of("Café") == expected


def test_digest_and_position_are_one_hash():
    """The digest of a row is the whole salted hash, and its position can be read from it."""
    assert digest_of("Caf\u00e9") == hashlib.sha256(b"infolens-split-1" + "Caf\u00e9".encode()).digest()
    assert position_at(digest_of("row 19")) == position_of("row 19")
    assert salted_digests(["Caf\u00e9".encode(), b""]) == [digest_of("Caf\u00e9"), digest_of("")]


@pytest.mark.parametrize("limit", [0.1, 0.2])
def test_split_of_a_digest_at_the_limits(limit):
    """A digest is compared as its position would be, to the last bit."""
    near = int(limit * 2**64)
    numbers = (0, *range(near - 3000, near + 3000, 7), 2**64 - 1)
    digests = [number.to_bytes(8, "big") + rest for number in numbers for rest in (bytes(24), b"\xff" * 24)]
    assert splits_of_digests(digests) == [split_at(position_at(digest)) for digest in digests]
    assert splits_of_digests([]) == []


def test_known_identities_never_move():
    """These rows were put into their splits once; a change here would leak trained rows into the test split."""
    assert [split_of(text) for text in ("a", "row 1", "row 19", "row 20", "row 22")] == [
        "train",
        "test",
        "validation",
        "test",
        "validation",
    ]


def test_shares():
    """Ten thousand rows fall into the splits within four standard deviations of 10, 10 and 80 %."""
    counts = collections.Counter(split_of(f"row {number}") for number in range(10_000))
    assert 880 < counts["test"] < 1120
    assert 880 < counts["validation"] < 1120
    assert counts.total() == 10_000
