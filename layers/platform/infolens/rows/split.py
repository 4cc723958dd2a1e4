"""Puts each row into train, validation or test by what it says, so that a row never changes sides between datasets."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SALT = b"infolens-split-1"
"""Never change it: rows that a champion was trained on would move into the test split."""

SPLITS = ("train", "validation", "test")

BY_TIME = "by_time"
"""Split of a row that stands for itself only together with others (a crash among the crashes of its day): the task's
`examples.py` cuts what is made of such rows by time."""

_TEST_BELOW = 0.1
_VALIDATION_BELOW = 0.2


def digest_of(identity: str) -> bytes:
    """Give the salted sha256 of a row's identity, 32 bytes: its name among all rows, and its place in the splits."""
    return hashlib.sha256(SALT + identity.encode()).digest()


def salted_digests(identities: Iterable[bytes | memoryview]) -> list[bytes]:
    """Give the digests of identities that are UTF-8 already."""
    salted = hashlib.sha256(SALT)
    digests: list[bytes] = []
    for identity in identities:
        digest = salted.copy()  # quicker than to look up the algorithm for each row
        digest.update(identity)
        digests.append(digest.digest())
    return digests


def position_of(identity: str) -> float:
    """Place a row's identity in [0, 1), evenly and for ever: the first 8 bytes of its digest over 2**64."""
    return position_at(digest_of(identity))


def position_at(digest: bytes) -> float:
    """Give the position of the row with this digest."""
    return int.from_bytes(digest[:8], "big") / 2**64


def split_at(position: float) -> str:
    """Name the split of a position: 10 % test, 10 % validation, the rest train."""
    if position < _TEST_BELOW:
        return "test"
    return "validation" if position < _VALIDATION_BELOW else "train"


def split_of(identity: str) -> str:
    """Name the split of a row by its identity; equal identities always share a split."""
    return split_at(position_of(identity))


def _first_digest(position: float) -> bytes:
    """Give the first 8 bytes of the least digest whose position is not below `position` (less than a quarter)."""
    return bisect_left(range(2**62), position, key=lambda number: number / 2**64).to_bytes(8, "big")


TEST_END = _first_digest(_TEST_BELOW)
VALIDATION_END = _first_digest(_VALIDATION_BELOW)
"""First 8 bytes of the digests from which on a row is not for testing, and not for validation either."""
