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

from infolens.rows.byte_places import places_where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Sketches = NDArray[np.uint64]

EQUAL_BYTES = 6
"""Of eight, from which on two texts are near duplicates."""

MIN_SHINGLES = 5
"""A text with fewer (some 25 words) has no sketch: a headline shares its few words with many others."""

_SHINGLE = 16
_CHOOSING_BITS = 0b101
_PIECE_BYTES = 256 << 10
_BYTES = 8
_BANDS = 4
_FOLD_CASE = np.uint64(0x2020202020202020)
_ODD = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))
_ORDERS = np.array(
    [[1], [0x85EBCA6B], [0xC2B2AE35], [0x27D4EB2F], [0x165667B1], [0x9E3779B1], [0x2C1B3C6D], [0x297A2D39]], np.uint32
)
_FEW = 16_384
"""Rows up to which a table of their bands says quickly which rows of a large dataset may be like one of them."""
_AT_ONCE = 1 << 17
"""Rows sorted at a time: a megabyte, which memory that was used before has room for."""
_MOST_PIECES = 16
"""Of more rows more are sorted at a time: for each piece all rows are looked at."""


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
    out = np.zeros(len(offsets) - 1, np.uint64)
    first = 0
    while first < len(out):  # piece by piece, so that what is made on the way stays in the processor's cache
        last = int(np.searchsorted(offsets, offsets[first] + _PIECE_BYTES, "right")) - 1
        last = min(max(last, first + 1), len(out))
        begin, end = int(offsets[first]), int(offsets[last])
        out[first:last] = _sketches(text[begin:end], offsets[first : last + 1] - begin)
        first = last
    return out


def _sketches(text: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Sketches:
    out = np.zeros((len(offsets) - 1, _BYTES), np.uint8)
    if len(text) <= _SHINGLE:
        return out.view("<u8").ravel()
    starting = np.zeros(len(text) + 1, np.bool_)
    chosen = (text[1:-1] ^ text[2:]) & np.uint8(_CHOOSING_BITS) == 0
    np.logical_and(text[:-2] == ord(" "), chosen, out=starting[1:-2])
    # A shingle lies within its text, or a text's sketch would depend on the text beside it.
    beyond = offsets[:, None] - np.arange(_SHINGLE)
    starting[np.maximum(beyond, 0).ravel()] = False
    starts = places_where(starting)
    firsts = np.searchsorted(starts, offsets)
    hashes = _hashes(text, starts)
    some = firsts[: np.searchsorted(firsts[:-1], len(starts))]  # without the last texts, when they have no shingle
    out[: len(some)] = np.minimum.reduceat(hashes * _ORDERS, some, axis=1).T
    found = out.view("<u8").ravel()
    found[np.diff(firsts) < MIN_SHINGLES] = 0
    return found


def _hashes(text: NDArray[np.uint8], starts: NDArray[np.int64]) -> NDArray[np.uint32]:
    # A type of mere bytes may begin anywhere in memory, so that 16 of them are taken by one copy.
    windows = np.ndarray((len(text) - _SHINGLE + 1,), f"V{_SHINGLE}", text, 0, (1,))
    words = windows[starts].view(np.uint64).reshape(-1, 2) | _FOLD_CASE
    mixed = words[:, 0] * _ODD[0]
    mixed ^= mixed >> np.uint64(29)
    mixed += words[:, 1]
    mixed *= _ODD[1]
    return (mixed >> np.uint64(32)).astype(np.uint32)


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
    for later, earlier in _candidates(all_sketches):
        wanted = later >= since
        later, earlier = later[wanted], earlier[wanted]  # noqa: PLW2901
        differing = (all_sketches[later] ^ all_sketches[earlier]).view(np.uint8).reshape(-1, _BYTES)
        equal = _BYTES - np.count_nonzero(differing, axis=1)
        near = equal >= EQUAL_BYTES
        # The most alike, and among those the first: one number that can be compared.
        np.maximum.at(best, later[near], (equal[near] << 40) + ((1 << 40) - 1 - earlier[near]))
    found = np.flatnonzero(best)
    others = (1 << 40) - 1 - (best[found] & ((1 << 40) - 1))
    return NearPairs(found, others, best[found] >> 40)


def _candidates(held: Sketches) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    bands = _bands(held)
    present = held != 0
    pieces = min(_MOST_PIECES, 1 << max(0, -(-len(held) // _AT_ONCE) - 1).bit_length())
    for pair in itertools.combinations(range(_BANDS), 2):
        one, other = (np.ascontiguousarray(bands[:, band]) for band in pair)
        share = other & np.uint16(pieces - 1)
        for piece in range(pieces):
            mine = np.flatnonzero(present & (share == piece))
            order = mine.astype(np.uint64)
            for band, place in ((one, 48), (other, 32)):
                order |= band[mine].astype(np.uint64) << np.uint64(place)
            order.sort()
            same = np.flatnonzero((order[1:] ^ order[:-1]) >> np.uint64(32) == 0) + 1
            later = _row(order[same])
            yield later, _row(order[same - 1])
            begins = np.ones(len(same), np.bool_)
            begins[1:] = same[1:] != same[:-1] + 1
            heads = same[begins] - 1
            yield later, _row(order[heads[np.cumsum(begins) - 1]])


def _row(packed: NDArray[np.uint64]) -> NDArray[np.int64]:
    return (packed & np.uint64(0xFFFFFFFF)).astype(np.int64)


def _bands(held: Sketches) -> NDArray[np.uint16]:
    return np.ascontiguousarray(held, "<u8").view("<u2").reshape(-1, _BANDS)
