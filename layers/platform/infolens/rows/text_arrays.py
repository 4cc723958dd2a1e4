"""Cleans many texts at once, in arrays of UTF-8, with the very outcome of `text_cleaning` for each of them. Pure.

Only ingest has numpy, so that schemas import this module when a block of rows comes, and never before.

The texts of a chunk stand behind each other in one array, with NULs between them, and every step is one pass over it.
Of nearly every character cleaning knows by itself whether it stays, is white space or goes away, and what it adds to a
text's key. Texts with another one, a mark that combines with its neighbours for example, are *odd* and are left to the
functions of `text_cleaning`.
"""

from __future__ import annotations

import functools
import itertools
import unicodedata
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from infolens.rows.split import digest_of, salted_digests
from infolens.rows.text_cleaning import INVALID, clean_text, content_key, unescaped
from infolens.rows.utf8_cells import Utf8Cells

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Places = NDArray[np.intp]

_CHUNK = 1 << 18
"""Characters that are cleaned in one array. Memory of this size is used again by the next chunk and stays in the
processor's cache; arrays of many megabytes are fetched from the system, zeroed and given back each time."""

_LONG = 100_000
"""Characters of a text that is left to `text_cleaning`, so that one cell of 10 MB makes no large array."""

_VOID = 0x01
"""A byte that stands for nothing, put where something goes away; as a control of a text it would go away itself."""

_FEW = 500
"""One byte in so many, up to which putting the pieces between them together is quicker than choosing byte by byte."""

_UNSEEN, _PLAIN, _BLANK, _GONE, _ODD = range(5)
"""What is known of a character: nothing yet; it stays; it is white space; it goes away; its text is odd."""

_SPACE, _FULL_STOP, _TWO_BYTES, _THREE_BYTES, _FOUR_BYTES = 0x20, 0x2E, 0xC0, 0xE0, 0xF0
_PRINTABLE = 0x7F - _SPACE
"""Number of printable ASCII characters, of which the space is the first."""

_LOWER = bytes(range(128)).lower() + bytes(range(128, 256))

_ENDINGS = np.zeros(256, np.bool_)
_ENDINGS[list(b".!?:;\"'")] = True
_WIDE_ENDINGS = np.zeros(256, np.bool_)
_WIDE_ENDINGS[[mark.encode()[2] for mark in "\u2026\u201d\u2019"]] = True
"""Third bytes of the marks that close a title and have three, of which the first two are E2 80."""

_ASCII_KINDS = np.full(256, _PLAIN, np.uint8)
_ASCII_KINDS[[code for code in range(1, 128) if INVALID.match(chr(code))]] = _GONE
_ASCII_KINDS[[code for code in range(128) if chr(code).isspace()]] = _BLANK
"""NULs stay, for they stand between texts; so do the bytes of characters beyond ASCII, which come later."""

_JAMO = range(0x1100, 0x1200)
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)


class _Characters:
    """What each character beyond ASCII is, learned when it is first met: there are 1.1 million, a file has hundreds."""

    def __init__(self, counts: Callable[[str], bool]) -> None:
        """Take what says whether a character belongs to a key, `str.isalnum` or `str.isalpha`."""
        self._counts = counts
        self._kinds = np.zeros(0x110000, np.uint8)
        self._keys = np.zeros(0x110000, np.uint32)

    def kinds(self, points: NDArray[np.int32]) -> Bytes:
        """Give the kinds of code points."""
        kinds = self._kinds[points]
        unseen = points[kinds == _UNSEEN]
        if len(unseen):
            for point in set(unseen.tolist()):
                self._kinds[point], self._keys[point] = self._learn(chr(point))
            kinds = self._kinds[points]
        return kinds

    def keys(self, points: NDArray[np.int32]) -> NDArray[np.uint32]:
        """Give what stands in a key for characters that have been met: up to 4 bytes, the first one lowest."""
        return self._keys[points]

    def _learn(self, character: str) -> tuple[int, int]:
        width = len(character.encode("utf-8", "surrogatepass"))
        key = "".join(filter(self._counts, unicodedata.normalize("NFKC", character).casefold()))
        written = key.encode("utf-8", "surrogatepass")
        padded = int.from_bytes(written[:width].ljust(4, bytes([_VOID])), "little")
        if INVALID.match(character):
            return _GONE, padded
        if len(written) > width or not _stands_alone(character):
            return _ODD, padded
        return (_BLANK if character.isspace() else _PLAIN), padded


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


@dataclass(frozen=True)
class KeyedTexts:
    """Texts that were cleaned and digested at once."""

    texts: Utf8Cells
    digests: list[bytes]
    """Of each text's key, see `Keys`."""
    odd: list[int]
    """Positions of the texts for which `texts` and `digests` hold nothing that can be used, ascending."""


class Keys:
    """What tells texts of a task apart: their lower-case letters and digits (`content_key`), or their letters alone."""

    def __init__(self, counts: Callable[[str], bool], at_least: int = 1) -> None:
        """Take what belongs to a key, and the characters that a key must have; texts with a shorter one are odd."""
        self._characters = _Characters(counts)
        self._deleted = bytes(byte for byte in range(1, 128) if not counts(chr(byte)))
        self._at_least = at_least

    def kinds(self, points: NDArray[np.int32]) -> Bytes:
        """Give the kinds of code points beyond ASCII."""
        return self._characters.kinds(points)

    def digests(self, data: bytes) -> tuple[list[bytes], list[int]]:
        """Give digests of clean texts, UTF-8 with NULs between them, and the positions of odd ones."""
        folded, odd = (data, []) if data.isascii() else self._fold(data)
        keys = folded.translate(_LOWER, self._deleted).split(b"\0")
        perhaps_short = 4 * self._at_least
        for position, key in enumerate(keys):
            if len(key) < perhaps_short and len(key.decode("utf-8", "replace")) < self._at_least:
                odd.append(position)
        return salted_digests(keys), odd

    def _fold(self, data: bytes) -> tuple[bytes, list[int]]:
        """Put what stands in a key in place of each character beyond ASCII -> bytes, and the positions of odd texts."""
        array = np.frombuffer(data, np.uint8).copy()
        ends = np.flatnonzero(array == 0)
        leads = np.flatnonzero(array >= _TWO_BYTES)
        points, widths = _points(array, leads)
        kinds = self.kinds(points)
        keys = self._characters.keys(points)
        for offset in range(4):
            wide = widths > offset
            array[leads[wide] + offset] = (keys[wide] >> (8 * offset)) & 0xFF
        return array.tobytes(), _texts_at(leads[kinds == _ODD], ends)


CONTENT_KEYS = Keys(str.isalnum)
"""Keys as `content_key` has them; a text without any letter or digit is odd."""


@functools.cache
def letter_keys(at_least: int) -> Keys:
    """Keys of letters alone; a text with fewer letters than `at_least` is odd."""
    return Keys(str.isalpha, at_least)


def clean_texts(raw: Sequence[str]) -> list[str]:
    """Give `clean_text` of each text."""
    texts: list[str] = []
    for begin, end in _chunks([raw]):
        data, odd = _clean([raw[begin:end]], CONTENT_KEYS)
        found = [text.decode() for text in data.split(b"\0")]
        for position in odd:
            found[position] = clean_text(raw[begin + position])
        texts += found
    return texts


def clean_lines(raw: Sequence[str]) -> list[list[str]]:
    """Give `clean_text` of each line of each text; lines as `str.splitlines` has them."""
    lines = [text.splitlines() for text in raw]
    clean = iter(clean_texts([line for text in lines for line in text]))
    return [list(itertools.islice(clean, len(text))) for text in lines]


def content_digests(texts: Sequence[str]) -> list[bytes]:
    """Give the digest of each clean text's `content_key`."""
    digests: list[bytes] = []
    for begin, end in _chunks([texts]):
        data = "\0".join(texts[begin:end]).encode()
        found, odd = CONTENT_KEYS.digests(data)
        for position in odd:
            found[position] = digest_of(content_key(texts[begin + position]))
        digests += found
    return digests


def keyed_texts(columns: Sequence[Sequence[str]], keys: Keys) -> KeyedTexts:
    """Clean a column of texts, or one of titles and one of texts, joined as `join_title` does, and digest them."""
    whole = KeyedTexts(Utf8Cells([]), [], [])
    for begin, end in _chunks(columns):
        data, odd = _clean([column[begin:end] for column in columns], keys)
        whole.texts.utf8.extend(data.split(b"\0"))
        digests, without_key = keys.digests(data)
        whole.digests.extend(digests)
        whole.odd.extend(begin + position for position in sorted({*odd, *without_key}))
    return whole


def _chunks(columns: Sequence[Sequence[str]]) -> Iterator[tuple[int, int]]:
    """Cut columns of equal length into pieces of some `_CHUNK` characters, of one row at least."""
    ends = list(itertools.accumulate(map(sum, zip(*map(_sizes, columns), strict=True))))
    begin = 0
    while begin < len(ends):
        done = ends[begin - 1] if begin else 0
        end = min(bisect_left(ends, done + _CHUNK, begin) + 1, len(ends))
        yield begin, end
        begin = end


def _sizes(column: Sequence[str]) -> list[int]:
    """Give the numbers of characters of texts; of those that are UTF-8, of bytes."""
    return [*map(len, column.utf8 if isinstance(column, Utf8Cells) else column)]


def _clean(columns: Sequence[Sequence[str]], keys: Keys) -> tuple[bytes, list[int]]:
    """Give the clean texts of a chunk as UTF-8 with NULs between them, and the positions of odd ones."""
    odd: set[int] = set()
    cells = []
    for column in columns:
        sizes = _sizes(column)
        if max(sizes) > _LONG:  # before anything else, for limits go by the raw length too
            odd.update(position for position, size in enumerate(sizes) if size > _LONG)
            cells.append(_encoded(["" if size > _LONG else cell for size, cell in zip(sizes, column, strict=True)]))
        else:
            cells.append(_encoded(column))
    array, special = _array(cells)
    gone, unknown = _settle_special(array, special, keys)
    if len(unknown):
        ends = special[array[special] == 0]
        odd.update(_texts_at(unknown, ends[2::3] if len(columns) == 2 else ends))
    if gone:
        array = _without(array, np.flatnonzero(array == _VOID))
    array, ends = _single_spaced(array)
    if len(columns) == 1:
        return array.tobytes(), sorted(odd)
    _join_titles(array, ends)
    return array.tobytes().replace(bytes([_VOID]), b""), sorted(odd)


def _encoded(column: Sequence[str]) -> list[bytes]:
    """Give the cells of a column without entities, as UTF-8; of lone surrogates too, which go away later."""
    if isinstance(column, Utf8Cells):
        return [
            unescaped(cell.decode()).encode("utf-8", "surrogatepass") if b"&" in cell else cell for cell in column.utf8
        ]
    try:
        return [unescaped(cell).encode() if "&" in cell else cell.encode() for cell in column]
    except UnicodeEncodeError:
        return [unescaped(cell).encode("utf-8", "surrogatepass") for cell in column]


def _array(columns: Sequence[list[bytes]]) -> tuple[Bytes, Places]:
    """Lay the cells of a chunk behind each other -> bytes, and the places of all that is no printable ASCII.

    NULs stand between cells: one between texts, two between a title and its text, which leaves room for a full stop and
    a space.
    """
    cells = columns[0]
    if len(columns) == 2:
        cells = [b""] * (3 * len(columns[0]))
        cells[0::3], cells[2::3] = columns
    for _ in range(2):
        array = np.frombuffer(bytearray(b"\0").join(cells), np.uint8)
        special = np.flatnonzero(array - np.uint8(_SPACE) >= _PRINTABLE)
        if np.count_nonzero(array[special] == 0) == len(cells) - 1:
            break
        cells = [cell.replace(b"\0", bytes([_VOID])) for cell in cells]  # NUL goes away, as other controls do
    return array, special


def _settle_special(array: Bytes, special: Places, keys: Keys) -> tuple[bool, Places]:
    """Turn white space into spaces and what goes away into nothing -> whether something goes, places of the unknown."""
    found = array[special]
    kinds = _ASCII_KINDS[found]
    array[special[kinds == _BLANK]] = _SPACE
    array[special[kinds == _GONE]] = _VOID
    gone = bool((kinds == _GONE).any())
    leads = special[found >= _TWO_BYTES]
    if not len(leads):
        return gone, leads
    points, widths = _points(array, leads)
    kinds = keys.kinds(points)
    for kind, byte in ((_BLANK, _SPACE), (_GONE, _VOID)):
        these = kinds == kind
        if these.any():
            gone |= kind == _GONE
            for offset in range(3):  # there is none of four bytes
                array[leads[these & (widths > offset)] + offset] = byte
    return gone, leads[kinds == _ODD]


def _points(array: Bytes, leads: Places) -> tuple[NDArray[np.int32], Bytes]:
    """Decode the characters of two bytes and more that begin at `leads` -> code points and their numbers of bytes."""
    first = array[leads]
    widths = (first >= _THREE_BYTES).astype(np.uint8) + (first >= _FOUR_BYTES) + np.uint8(2)
    points = (first & (0xFF >> (widths + np.uint8(1)))).astype(np.int32)
    for offset in range(1, 4):
        wide = widths > offset
        points[wide] = points[wide] << 6 | (array[leads[wide] + offset] & 0x3F)
    return points, widths


def _single_spaced(array: Bytes) -> tuple[Bytes, Places]:
    """Leave one space of several, and none at the edges of a cell -> bytes, and the places of the NULs."""
    space, blank = array == _SPACE, array <= _SPACE  # only spaces and NULs are
    gone = space[1:] & blank[:-1]
    if gone.any() or space[:1].any():
        array = _without(array, np.flatnonzero(np.concatenate([space[:1], gone])))
    ends = np.flatnonzero(array == 0)
    before = np.append(ends, len(array)) - 1
    last = before[(before >= 0) & (array[before] == _SPACE)] if len(array) else before[:0]
    if len(last):
        array = _without(array, last)
        ends = np.flatnonzero(array == 0)
    return array, ends


def _without(array: Bytes, places: Places) -> Bytes:
    """Take the bytes at `places`, ascending, out."""
    if len(places) * _FEW > len(array):
        kept = np.ones(len(array), np.bool_)
        kept[places] = False
        return array[kept]
    whole = array.data
    pieces = []
    begin = 0
    for place in places.tolist():
        pieces.append(whole[begin:place])
        begin = place + 1
    pieces.append(whole[begin:])
    return np.frombuffer(bytearray().join(pieces), np.uint8)


def _join_titles(array: Bytes, ends: Places) -> None:
    """Put a full stop and a space, or a space, or nothing, for the two NULs between a title and its text."""
    first, second, between = ends[0::3], ends[1::3], ends[2::3]
    begin = np.concatenate([np.zeros(1, np.intp), between + 1])
    end = np.append(between, len(array))
    both = (first > begin) & (second + 1 < end)
    last, second_last, third_last = (array.take(first - back, mode="wrap") for back in (1, 2, 3))
    ended = _ENDINGS[last] | (_WIDE_ENDINGS[last] & (second_last == 0x80) & (third_last == 0xE2))
    array[first] = np.where(both, np.where(ended, _SPACE, _FULL_STOP), _VOID)
    array[second] = np.where(both & ~ended, _SPACE, _VOID)


def _texts_at(places: Places, ends: Places) -> list[int]:
    """Give the positions of the texts in which `places` lie; `ends` are the places of the NULs between texts."""
    found: list[int] = np.unique(np.searchsorted(ends, places)).tolist()
    return found
