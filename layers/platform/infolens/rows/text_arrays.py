"""Cleans many texts at once, in compiled code, with the very outcome of `text_cleaning` for each of them. Pure.

Only ingest has numpy and the library (layers/columnar/rows, ADR 0026), so that schemas import this module when a block
of rows comes, and never before. Where the library was not built, every text is cleaned by `text_cleaning`: it becomes
the same, and a file takes seven times as long.

Of nearly every character it is known by itself whether it stays, is white space or goes away, and what it adds to a
text's key. Texts with another one, a mark that combines with its neighbours for example, are *odd* and are left to the
functions of `text_cleaning`.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from infolens.rows.byte_places import places_where
from infolens.rows.compiled import infolens_rows
from infolens.rows.split import digest_of, salted_digests
from infolens.rows.text_cleaning import ENDINGS, INVALID, clean_text, content_key, unescaped
from infolens.rows.utf8_cells import Lying, Utf8Cells

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Places = NDArray[np.int64]

_LONG = 100_000
"""Bytes of a cell that is left to the schema, whose limits go by the raw length, too."""

_UNSEEN, _PLAIN, _ENDING, _BLANK, _GONE, _ODD = range(6)
"""What is known of a character: nothing yet; it stays; and closes a title; it is white space; it goes away; its text is
odd. As in texts.cc."""

_CODE_POINTS = 0x110000
_ASCII = range(0x80)
_KEY_BYTES = 4
_AMPERSAND = ord("&")

_JAMO = range(0x1100, 0x1200)
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)


class Keys:
    """What tells texts of a task apart: their lower-case letters and digits (`content_key`), or their letters alone."""

    def __init__(self, counts: Callable[[str], bool], at_least: int = 1) -> None:
        """Take what belongs to a key, and the characters that a key must have; texts with a shorter one are odd.

        Args:
            counts: `str.isalnum` or `str.isalpha`.
            at_least: 1 or more.
        """
        self.at_least = at_least
        self._counts = counts
        # There are 1.1 million characters, and a file has hundreds: pages that are never looked at take no memory.
        self.kinds = np.zeros(_CODE_POINTS, np.uint8)
        self.keys = np.zeros(_CODE_POINTS, np.uint32)
        """What each character that was met adds to a key: up to 4 bytes, the first one lowest, then zeros."""
        for point in _ASCII:
            self.learn(point)

    def learn(self, point: int) -> None:
        """Find out about a character."""
        character = chr(point)
        key = "".join(filter(self._counts, unicodedata.normalize("NFKC", character).casefold()))
        written = key.encode("utf-8", "surrogatepass")
        self.keys[point] = int.from_bytes(written[:_KEY_BYTES], "little")
        if INVALID.match(character):
            self.kinds[point] = _GONE
        elif len(written) > _KEY_BYTES or not _stands_alone(character):
            self.kinds[point] = _ODD
        elif character.isspace():
            self.kinds[point] = _BLANK
        else:
            self.kinds[point] = _ENDING if character in ENDINGS else _PLAIN


def _stands_alone(character: str) -> bool:
    """Say whether normalising a text normalises this character as if nothing stood around it.

    What combines with its neighbours does so as the second part of a composition or by being reordered (Unicode
    Standard Annex 15): marks, and vowels and final consonants of Hangul. A character whose decompositions begin with
    none of these keeps to itself.
    """
    for form in ("NFD", "NFKD"):
        first = unicodedata.normalize(form, character)[0]
        if ord(first) in _JAMO or unicodedata.combining(first):
            return False
        if unicodedata.category(first)[0] == "M" and ord(first) not in _VARIATION_SELECTORS:
            return False
    return character.isspace() or unicodedata.normalize("NFC", character) == character


CONTENT_KEYS = Keys(str.isalnum)
"""Keys as `content_key` has them; a text without any letter or digit is odd."""


@functools.cache
def letter_keys(at_least: int) -> Keys:
    """Keys of letters alone; a text with fewer letters than `at_least` is odd."""
    return Keys(str.isalpha, at_least)


@dataclass(frozen=True)
class KeyedTexts:
    """Texts that were cleaned and digested at once."""

    texts: Utf8Cells
    digests: list[bytes]
    """Of each text's key, see `Keys`."""
    odd: list[int]
    """Positions of the texts for which `texts` and `digests` hold nothing that can be used, ascending."""


def keyed_texts(columns: Sequence[Sequence[str]], keys: Keys) -> KeyedTexts:
    """Clean a column of texts, or one of titles and one of texts, joined as `join_title` does, and digest them.

    Raises:
        ValueError: the columns have not one length.
    """
    cells = [_column(column) for column in columns]
    found = _cleaned([cell.unescaped() for cell in cells], keys, keyed=True)
    return KeyedTexts(found.texts, found.digests(), found.odd)


def clean_texts(raw: Sequence[str]) -> list[str]:
    """Give `clean_text` of each text."""
    found = _cleaned([_column(raw).unescaped()], CONTENT_KEYS, keyed=False)
    texts = list(found.texts)
    for position in found.odd:
        texts[position] = clean_text(raw[position])
    return texts


def clean_lines(raw: Sequence[str]) -> list[list[str]]:
    """Give `clean_text` of each line of each text; lines as `str.splitlines` has them."""
    lines = [text.splitlines() for text in raw]
    clean = iter(clean_texts([line for text in lines for line in text]))
    return [list(itertools.islice(clean, len(text))) for text in lines]


def content_digests(texts: Sequence[str]) -> list[bytes]:
    """Give the digest of each clean text's `content_key`."""
    found = _cleaned([_column(texts)], CONTENT_KEYS, keyed=True)
    digests = found.digests()
    for position in found.odd:
        digests[position] = digest_of(content_key(texts[position]))
    return digests


@dataclass(frozen=True)
class _Column:
    """Cells of a column as they lie in memory."""

    data: bytes
    begins: Places
    ends: Places
    doubled: bool
    """Whether two quotes that are neighbours in `data` stand for one."""
    apart: bytes = b""
    """Where the cells lie whose begin is negative: it is `~begin`, as it is with their end."""

    def unescaped(self) -> _Column:
        """Put the cells that have entities apart, without them."""
        array = np.frombuffer(self.data, np.uint8)
        places = places_where(array == _AMPERSAND)
        if not len(places) or not len(self.begins):
            return self
        rows = np.searchsorted(self.begins, places, "right") - 1
        rows = np.unique(rows[(rows >= 0) & (places < self.ends.take(rows, mode="clip"))])
        begins, ends, apart = self.begins.copy(), self.ends.copy(), bytearray()
        for row in rows.tolist():
            raw = self.data[begins[row] : ends[row]]
            if len(raw) > _LONG:
                continue
            text = (raw.replace(b'""', b'"') if self.doubled else raw).decode("utf-8", "surrogatepass")
            written = unescaped(text).encode("utf-8", "surrogatepass")
            begins[row], ends[row] = ~len(apart), ~(len(apart) + len(written))
            apart += written
        return _Column(self.data, begins, ends, self.doubled, bytes(apart))

    def size(self) -> int:
        """Count the bytes of all cells."""
        return int(np.abs(self.ends - self.begins).sum())


def _column(cells: Sequence[str]) -> _Column:
    """Take a column as UTF-8; lone surrogates too, which go away later."""
    if not isinstance(cells, Utf8Cells):
        try:
            cells = Utf8Cells([cell.encode() for cell in cells])
        except UnicodeEncodeError:
            cells = Utf8Cells([cell.encode("utf-8", "surrogatepass") for cell in cells])
    if cells.lying is not None:
        lying = cells.lying
        return _Column(lying.data, lying.begins, lying.ends, doubled=len(lying.doubled) > 0)
    data, edges = cells.packed()
    return _Column(data, edges[:-1], edges[1:], doubled=False)


@dataclass(frozen=True)
class _Cleaned:
    """Clean texts and their keys; those that are odd are empty."""

    texts: Utf8Cells
    keys: Bytes
    """Behind each other."""
    key_ends: Places
    odd: list[int]

    def digests(self) -> list[bytes]:
        whole = self.keys.data
        edges = itertools.pairwise([0, *self.key_ends.tolist()])
        return salted_digests([whole[begin:end] for begin, end in edges])  # a generator would cost a tenth more


def _cleaned(columns: Sequence[_Column], keys: Keys, *, keyed: bool) -> _Cleaned:
    """Clean rows of one column, or of two that are joined; keys are empty when they are not asked for."""
    rows = len(columns[0].begins)
    if any(len(column.begins) != rows for column in columns):
        raise ValueError("columns of a block have one length")
    if infolens_rows is None:
        nothing = np.zeros(rows, np.int64)
        return _Cleaned(_lying(np.empty(0, np.uint8), nothing), np.empty(0, np.uint8), nothing, list(range(rows)))
    room = sum(column.size() for column in columns) + 2 * rows + infolens_rows.WIDTH
    texts, key_room = np.empty(room, np.uint8), np.empty(2 * room if keyed else 0, np.uint8)
    text_ends, key_ends, odd = np.zeros(rows, np.int64), np.zeros(rows, np.int64), np.zeros(rows, np.bool_)
    cleaned = infolens_rows.Cleaned(
        *(each.ctypes.data for each in (texts, text_ends)),
        key_room.ctypes.data if keyed else None,
        *(each.ctypes.data for each in (key_ends, odd)),
    )
    # Held until the call is over: it is given their addresses.
    held: list[list[NDArray[np.generic]]] = [
        [
            *(np.frombuffer(part, np.uint8) for part in (column.data, column.apart)),
            *(np.ascontiguousarray(edges, np.int64) for edges in (column.begins, column.ends)),
        ]
        for column in columns
    ]
    given = (infolens_rows.Column * len(columns))(
        *(
            infolens_rows.Column(*(each.ctypes.data for each in arrays), column.doubled)
            for arrays, column in zip(held, columns, strict=True)
        )
    )
    characters = infolens_rows.Characters(keys.kinds.ctypes.data, keys.keys.ctypes.data)
    unseen = ctypes.c_int32()
    row = 0
    while True:
        row = infolens_rows.clean_rows(
            characters,
            given,
            len(columns),
            row,
            rows,
            _LONG,
            keys.at_least,
            cleaned,
            unseen,
        )
        if row == rows:
            break
        keys.learn(unseen.value)
    return _Cleaned(_lying(texts, text_ends), key_room, key_ends, np.flatnonzero(odd).tolist())


def _lying(room: Bytes, ends: Places) -> Utf8Cells:
    size = int(ends[-1]) if len(ends) else 0
    begins = np.zeros(len(ends), np.int64)
    begins[1:] = ends[:-1]
    return Utf8Cells(Lying(room[:size].tobytes(), begins, ends))
