"""Finds texts that are almost the same, by sketches of 8 bytes: cheap to make, to keep and to compare.

A shingle is the 16 bytes of a text that begin at a word; one word in four begins one, chosen by its first two letters
(mod-sampling, Broder 1997). The sketch holds the last byte of the smallest hash of all
shingles under eight orders (MinHash; its last byte alone: b-bit minwise hashing, Li and Koenig 2010): two
texts agree in a byte with a chance that equals the share of shingles they have in common. Two texts count as near
duplicates when at least six of the eight bytes are equal: of pairs with 95 % of shingles in common 99 % are found, with
90 % 96 %, with 80 % 80 %, with 50 % 14 %, with 20 % 0.1 %, and of pairs with nothing in common one in 10**13.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from infolens.rows.compiled import infolens_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sketches = NDArray[np.uint64]

EQUAL_BYTES = 6
"""Of eight, from which on two texts are near duplicates."""

MIN_SHINGLES = 5
"""A text with fewer (some 25 words) has no sketch: a headline shares its few words with many others."""

_SHINGLE = 16
_CHOOSING_BITS = 0b101
_BYTES = 8
_BANDS = 4
_SPACE = ord(" ")
_32_BITS, _64_BITS = (1 << 32) - 1, (1 << 64) - 1
_FOLD_CASE = 0x2020202020202020
_ODD = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)
_ORDERS = (1, 0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F, 0x165667B1, 0x9E3779B1, 0x2C1B3C6D, 0x297A2D39)
_FEW = 16_384
"""Rows up to which a table of their bands says quickly which rows of a large dataset may be like one of them."""
_FAR_BITS = 40
_FAR = (1 << _FAR_BITS) - 1


@dataclass(frozen=True)
class NearPairs:
    """Rows that have a near duplicate before them, ascending, each with the one that is most like it."""

    row: NDArray[np.int64]
    other: NDArray[np.int64]
    equal_bytes: NDArray[np.int64]


def sketches(text: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Sketches:
    """Sketch the texts of a column; 0 for a text of less than MIN_SHINGLES shingles.

    Args:
        text: UTF-8 bytes of all texts behind each other.
        offsets: where each text begins, and the end of the last; shape (texts + 1).
    """
    if infolens_rows is None:
        data = text.tobytes()
        edges = itertools.pairwise(offsets.tolist())
        return np.array([sketch_of(data[begin:end]) for begin, end in edges], np.uint64)
    offsets = np.ascontiguousarray(offsets, np.int64)
    out = np.empty(len(offsets) - 1, np.uint64)
    infolens_rows.sketches(text.ctypes.data, offsets.ctypes.data, len(out), out.ctypes.data)
    return out


def sketch_of(text: bytes) -> int:
    """Sketch one text: what the compiled code (sketch.cc) must give."""
    starts = [
        at
        for at in range(1, len(text) - _SHINGLE + 1)
        if text[at - 1] == _SPACE and not (text[at] ^ text[at + 1]) & _CHOOSING_BITS
    ]
    if len(starts) < MIN_SHINGLES:
        return 0
    hashes = [_hash_of(text[at : at + _SHINGLE]) for at in starts]
    return int.from_bytes(bytes(min(each * order & _32_BITS for each in hashes) & 0xFF for order in _ORDERS), "little")


def _hash_of(shingle: bytes) -> int:
    first, second = (int.from_bytes(half, "little") | _FOLD_CASE for half in (shingle[:8], shingle[8:]))
    mixed = first * _ODD[0] & _64_BITS
    mixed = ((mixed ^ mixed >> 29) + second) * _ODD[1] & _64_BITS
    return mixed >> 32


def perhaps_near(few: Sketches, many: Sketches) -> NDArray[np.int64]:
    """Say which of `many` can be near duplicates of one of `few`; all that have a sketch when `few` are not few."""
    if len(few) > _FEW:
        return np.flatnonzero(many)
    wanted, held = _bands(few), _bands(many)
    agreeing = np.zeros(len(many), np.uint8)
    for band in range(_BANDS):
        table = np.zeros(1 << 16, np.uint8)
        table[wanted[few != 0, band]] = 1
        agreeing += table[held[:, band]]
    # Two bytes may differ, so two of the four pairs of bytes agree at least.
    return np.flatnonzero((agreeing >= 2) & (many != 0))


def near_pairs(all_sketches: Sketches, since: int = 0) -> NearPairs:
    """Find the rows from `since` on that have a near duplicate before them.

    Rows that agree in two of the four pairs of bytes are compared with the first such row and with the one just
    before, so that ten thousand copies of one text cost ten thousand comparisons and no more.
    """
    best = np.zeros(len(all_sketches), np.int64)
    if infolens_rows is None:
        _compare_all(all_sketches.tolist(), since, best)
    else:
        held = np.ascontiguousarray(all_sketches, np.uint64)
        if not infolens_rows.near_rows(held.ctypes.data, len(held), since, EQUAL_BYTES, best.ctypes.data):
            raise MemoryError(f"to compare {len(held)} rows")
    found = np.flatnonzero(best)
    others = _FAR - (best[found] & _FAR)
    return NearPairs(found, others, best[found] >> _FAR_BITS)


def _compare_all(held: list[int], since: int, best: NDArray[np.int64]) -> None:
    """Compare as the compiled code (near.cc) does."""
    for one, other in itertools.combinations(range(0, 64, 64 // _BANDS), 2):
        first: dict[tuple[int, int], int] = {}
        last: dict[tuple[int, int], int] = {}
        for row, sketch in enumerate(held):
            if not sketch:
                continue
            key = sketch >> one & 0xFFFF, sketch >> other & 0xFFFF
            before = {first.setdefault(key, row), last.get(key, row)} - {row}
            last[key] = row
            for earlier in before if row >= since else ():
                equal = (sketch ^ held[earlier]).to_bytes(_BYTES, "little").count(0)
                if equal >= EQUAL_BYTES:
                    # The most alike, and among those the first: one number that can be compared.
                    best[row] = max(best[row], (equal << _FAR_BITS) + _FAR - earlier)


def _bands(held: Sketches) -> NDArray[np.uint16]:
    return np.ascontiguousarray(held, "<u8").view("<u2").reshape(-1, _BANDS)
