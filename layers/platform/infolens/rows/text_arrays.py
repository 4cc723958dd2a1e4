"""Cleans many texts at once, in arrays of UTF-8, with the very outcome of `text_cleaning` for each of them. Pure.

Only ingest has numpy, so that schemas import this module when a block of rows comes, and never before.

The texts of a chunk stand behind each other in one array, with a NUL behind each, and every step is one pass over it.
Of nearly every character cleaning knows by itself whether it stays, is white space or goes away, and what it adds to a
text's key. Texts with another one, a mark that combines with its neighbours for example, are *odd* and are left to the
functions of `text_cleaning`.
"""

from __future__ import annotations

import functools
import itertools
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from infolens.rows.byte_places import places_where
from infolens.rows.split import digest_of, salted_digests
from infolens.rows.text_cleaning import INVALID, clean_text, content_key, unescaped
from infolens.rows.utf8_cells import Lying, Utf8Cells

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Places = NDArray[np.intp]

_CHUNK = 1 << 20
"""Characters that are cleaned in one array. Memory of this size is used again by the next chunk; arrays of many
megabytes are fetched from the system, zeroed and given back each time."""

_PIECE = 1 << 16
"""Bytes that are chosen from at a time: their places, eight times as large, stay in the processor's cache."""

_LONG = 100_000
"""Characters of a text that is left to `text_cleaning`, so that one cell of 10 MB makes no large array."""

_VOID = 0x01
"""A byte that stands for nothing, put where something goes away; as a control of a text it would go away itself."""

_UNSEEN, _PLAIN, _BLANK, _GONE, _ODD = range(5)
"""What is known of a character: nothing yet; it stays; it is white space; it goes away; its text is odd."""

_SPACE, _AMPERSAND, _FULL_STOP = b" &."
_TWO_BYTES, _THREE_BYTES, _FOUR_BYTES = 0xC0, 0xE0, 0xF0
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


class _KnownCharacters:
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


@dataclass(frozen=True)
class _Characters:
    """The characters beyond ASCII of a chunk."""

    leads: Places
    """Where each begins."""
    points: NDArray[np.int32]
    widths: Bytes
    """Their numbers of bytes."""
    kinds: Bytes


class Keys:
    """What tells texts of a task apart: their lower-case letters and digits (`content_key`), or their letters alone."""

    def __init__(self, counts: Callable[[str], bool], at_least: int = 1) -> None:
        """Take what belongs to a key, and the characters that a key must have; texts with a shorter one are odd."""
        self._known = _KnownCharacters(counts)
        self._folds = bytes(_LOWER[byte] if not 0 < byte < 128 or counts(chr(byte)) else _VOID for byte in range(256))
        """What each byte becomes in a key."""
        self._at_least = at_least

    def characters(self, array: Bytes, leads: Places) -> _Characters:
        """Decode the characters beyond ASCII that begin at `leads`."""
        points, widths = _points(array, leads)
        return _Characters(leads, points, widths, self._known.kinds(points))

    def fold(self, array: Bytes, found: _Characters) -> None:
        """Put what stands in a key in place of each character beyond ASCII."""
        keys = self._known.keys(found.points)
        for offset in range(4):
            wide = found.widths > offset
            array[found.leads[wide] + offset] = (keys[wide] >> (8 * offset)) & 0xFF

    def digests(self, folded: bytearray) -> tuple[list[bytes], list[int]]:
        """Give digests of texts with a NUL behind each, folded, and the positions of those with too short a key."""
        marked = np.frombuffer(folded.translate(self._folds), np.uint8)
        pieces = (marked[begin : begin + _PIECE] for begin in range(0, len(marked), _PIECE))
        # As `compress` does, which looks at each place once more.
        kept = [piece.take(np.flatnonzero(piece != _VOID), mode="clip").data for piece in pieces]
        keys = b"".join(kept)
        ends = places_where(np.frombuffer(keys, np.uint8) == 0)
        begins = np.concatenate([[0], ends + 1])[:-1]
        perhaps_short = np.flatnonzero(ends - begins < 4 * self._at_least).tolist()
        short = [
            position
            for position in perhaps_short
            if len(keys[begins[position] : ends[position]].decode("utf-8", "replace")) < self._at_least
        ]
        whole = memoryview(keys)
        places = zip(begins.tolist(), ends.tolist(), strict=True)
        return salted_digests(whole[begin:end] for begin, end in places), short


CONTENT_KEYS = Keys(str.isalnum)
"""Keys as `content_key` has them; a text without any letter or digit is odd."""


@functools.cache
def letter_keys(at_least: int) -> Keys:
    """Keys of letters alone; a text with fewer letters than `at_least` is odd."""
    return Keys(str.isalpha, at_least)


def clean_texts(raw: Sequence[str]) -> list[str]:
    """Give `clean_text` of each text."""
    texts: list[str] = []
    column = _utf8(raw)
    for begin, end in _chunks([column]):
        chunk = _settled([column[begin:end]], CONTENT_KEYS)
        data, sizes = _single_spaced(chunk)
        found = _cut(data, sizes)
        for position in chunk.odd:
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
    column = _utf8(texts)
    for begin, end in _chunks([column]):
        data = bytearray(b"\0").join([*column[begin:end].utf8, b""])
        odd: list[int] = []
        if not data.isascii():
            array = np.frombuffer(data, np.uint8)
            beyond = CONTENT_KEYS.characters(array, np.flatnonzero(array >= _TWO_BYTES))
            odd = _texts_at(beyond.leads[beyond.kinds == _ODD], np.flatnonzero(array == 0))
            CONTENT_KEYS.fold(array, beyond)
        found, without_key = CONTENT_KEYS.digests(data)
        for position in {*odd, *without_key}:
            found[position] = digest_of(content_key(texts[begin + position]))
        digests += found
    return digests


def keyed_texts(columns: Sequence[Sequence[str]], keys: Keys) -> KeyedTexts:
    """Clean a column of texts, or one of titles and one of texts, joined as `join_title` does, and digest them."""
    cells = [_utf8(column) for column in columns]
    texts: list[bytearray] = []
    sizes = [np.zeros(0, np.intp)]
    digests: list[bytes] = []
    odd: list[int] = []
    for begin, end in _chunks(cells):
        chunk = _settled([column[begin:end] for column in cells], keys)
        data, lengths = _single_spaced(chunk)
        texts.append(data)
        sizes.append(lengths)
        found, without_key = keys.digests(chunk.folded(keys))
        digests += found
        odd.extend(begin + position for position in sorted(chunk.odd.union(without_key)))
    lengths = np.concatenate(sizes)
    ends = np.cumsum(lengths)
    return KeyedTexts(Utf8Cells(Lying(b"".join(texts), ends - lengths, ends)), digests, odd)


def _utf8(column: Sequence[str]) -> Utf8Cells:
    """Give a column as UTF-8; lone surrogates too, which go away later."""
    if isinstance(column, Utf8Cells):
        return column
    try:
        return Utf8Cells([cell.encode() for cell in column])
    except UnicodeEncodeError:
        return Utf8Cells([cell.encode("utf-8", "surrogatepass") for cell in column])


def _chunks(columns: Sequence[Utf8Cells]) -> Iterator[tuple[int, int]]:
    """Cut columns of equal length into pieces of some `_CHUNK` bytes, of one row at least."""
    if len({*map(len, columns)}) > 1:
        raise ValueError("columns of a block have one length")
    ends = np.cumsum(np.sum([column.sizes() for column in columns], axis=0))
    begin = 0
    while begin < len(ends):
        done = ends[begin - 1] if begin else 0
        end = min(int(np.searchsorted(ends, done + _CHUNK)) + 1, len(ends))
        yield begin, end
        begin = end


@dataclass
class _Chunk:
    """Cells of some rows behind each other, in which only the spaces are not yet as they should be."""

    data: bytearray
    """A NUL behind each cell; three cells for a title and its text, between which one is empty: that leaves room for a
    full stop and a space. A `_VOID` stands for nothing."""
    ends: Places
    """Where the NULs are."""
    titled: bool
    odd: set[int]
    """Positions of the rows for which this cannot be used."""
    beyond: _Characters
    """What is beyond ASCII, or was before it became a space or nothing."""

    def folded(self, keys: Keys) -> bytearray:
        """Make of the chunk the bytes that hold the rows' keys, with a NUL behind each row; it is used up by that."""
        array = np.frombuffer(self.data, np.uint8)
        if self.titled:
            array[self.ends[0::3]] = array[self.ends[1::3]] = _VOID
        keys.fold(array, self.beyond)
        return self.data


def _settled(columns: Sequence[Utf8Cells], keys: Keys) -> _Chunk:
    """Lay out the cells of a chunk without entities, with spaces for white space and without invalid characters."""
    odd: set[int] = set()
    laid = []
    for column in columns:
        sizes = column.sizes()
        long: list[int] = np.flatnonzero(sizes > _LONG).tolist()
        if long:  # before anything else, for limits go by the raw length too
            odd.update(long)
            laid.append(Utf8Cells([b"" if position in odd else cell for position, cell in enumerate(column.utf8)]))
        else:
            laid.append(column)
    data, ends = _laid_out(laid)
    array = np.frombuffer(data, np.uint8)
    _unescape(array, ends, laid, odd)
    special = places_where(array - np.uint8(_SPACE) >= _PRINTABLE)
    found = array[special]
    kinds = _ASCII_KINDS[found]
    array[special[kinds == _BLANK]] = _SPACE
    array[special[kinds == _GONE]] = _VOID
    nulls = special[found == 0]
    if len(nulls) > len(ends):
        array[nulls] = _VOID  # NUL goes away, as other controls do
        array[ends] = 0
    beyond = keys.characters(array, special[found >= _TWO_BYTES])
    for kind, byte in ((_BLANK, _SPACE), (_GONE, _VOID)):
        these = beyond.kinds == kind
        if these.any():
            for offset in range(3):  # there is none of four bytes
                array[beyond.leads[these & (beyond.widths > offset)] + offset] = byte
    titled = len(columns) == 2
    odd.update(_texts_at(beyond.leads[beyond.kinds == _ODD], ends[2::3] if titled else ends))
    return _Chunk(data, ends, titled, odd, beyond)


def _laid_out(columns: Sequence[Utf8Cells]) -> tuple[bytearray, Places]:
    """Lay the cells of a chunk behind each other, as `_Chunk` has them -> bytes, and the places of the NULs."""
    width = 3 if len(columns) == 2 else 1
    sizes = np.zeros(width * len(columns[0]), np.intp)
    for number, column in enumerate(columns):
        sizes[2 * number :: width] = column.sizes()
    ends = np.cumsum(sizes + 1) - 1
    data = _gathered([column.lying for column in columns])
    if data is None:
        cells = [b""] * (len(sizes) + 1)
        for number, column in enumerate(columns):
            cells[2 * number : -1 : width] = column.lying.as_they_lie() if column.lying else column.utf8
        data = bytearray(b"\0").join(cells)
    for number, column in enumerate(columns):
        if column.lying and len(column.lying.doubled):
            owners = column.lying.owners()
            begins = (ends - sizes)[2 * number :: width]
            array = np.frombuffer(data, np.uint8)
            array[column.lying.doubled - column.lying.begins[owners] + begins[owners]] = _VOID
    return data, ends


def _gathered(columns: Sequence[Lying | None]) -> bytearray | None:
    """Lay out cells as `_laid_out` does, by Arrow and with no object for each; None: they do not lie in turns."""
    first, last = columns[0], columns[-1]
    if first is None or last is None or first.data is not last.data or not (first.ends <= last.begins).all():
        return None
    if not (last.ends[:-1] <= first.begins[1:]).all():
        return None
    # Stretches that touch each other: a cell, what follows it, the next cell; and at the end one and two NULs.
    rows, width, size = len(first.begins), 2 * len(columns), len(first.data)
    edges = np.empty(width * rows + 4, np.int32)
    edges[-4:] = size, size + 1, size + 3, size + 3
    taken = np.empty(width * rows, np.int32)
    for number, column in enumerate((first, last)[-len(columns) :]):
        edges[2 * number : -4 : width], edges[2 * number + 1 : -4 : width] = column.begins, column.ends
        taken[2 * number :: width] = np.arange(2 * number, width * rows, width)
        taken[2 * number + 1 :: width] = width * rows + (number + 1 < len(columns))
    buffers = [None, pa.py_buffer(edges), pa.py_buffer(first.data + b"\0\0\0")]
    stretches = pa.Array.from_buffers(pa.binary(), len(edges) - 1, buffers)
    _, offsets, data = stretches.take(pa.array(taken)).buffers()
    return bytearray(memoryview(data)[: np.frombuffer(offsets, np.int32)[width * rows]])


def _unescape(array: Bytes, ends: Places, columns: Sequence[Utf8Cells], odd: set[int]) -> None:
    """Write each cell that may have entities without them, or add its row to the odd ones where that is longer."""
    width = 3 if len(columns) == 2 else 1
    whole, void = array.data, bytes([_VOID])
    for cell in _texts_at(places_where(array == _AMPERSAND), ends):
        row, number = divmod(cell, width)
        begin, end = int(ends[cell - 1]) + 1 if cell else 0, int(ends[cell])
        text = unescaped(columns[number // 2].utf8_at(row).decode("utf-8", "surrogatepass"))
        written = text.encode("utf-8", "surrogatepass")
        if len(written) > end - begin:
            odd.add(row)
        else:
            whole[begin:end] = written.ljust(end - begin, void)


def _points(array: Bytes, leads: Places) -> tuple[NDArray[np.int32], Bytes]:
    """Decode the characters of two bytes and more that begin at `leads` -> code points and their numbers of bytes."""
    first = array[leads]
    widths = (first >= _THREE_BYTES).astype(np.uint8) + (first >= _FOUR_BYTES) + np.uint8(2)
    points = (first & (0xFF >> (widths + np.uint8(1)))).astype(np.int32)
    for offset in range(1, 4):
        wide = widths > offset
        points[wide] = points[wide] << 6 | (array[leads[wide] + offset] & 0x3F)
    return points, widths


def _single_spaced(chunk: _Chunk) -> tuple[bytearray, Places]:
    """Leave one space of several, and none at the edges of a cell, and join titles -> texts, and their sizes."""
    data = _without_void(chunk.data)
    array = np.frombuffer(data, np.uint8)
    space, blank = array == _SPACE, array <= _SPACE  # only spaces and NULs are
    array[places_where(space[1:] & blank[:-1]) + 1] = _VOID
    if space[0]:
        array[0] = _VOID
    data = _without_void(data)
    array = np.frombuffer(data, np.uint8)
    ends = places_where(array == 0)
    begins = np.concatenate([[0], ends[:-1] + 1])
    stops = ends - (array[ends - 1] == _SPACE)
    sizes = stops - begins
    array[stops] = array[ends] = _VOID
    if chunk.titled:
        sizes = sizes[0::3] + sizes[2::3] + _join_titles(array, stops[0::3], ends[0::3], sizes)
    return _without_void(data), sizes


def _without_void(data: bytearray) -> bytearray:
    """Give a copy without what stands for nothing."""
    return data.replace(bytes([_VOID]), b"")


def _join_titles(array: Bytes, stops: Places, ends: Places, sizes: Places) -> Places:
    """Put a full stop and a space, or a space, or nothing, between each title and its text.

    Args:
        array: two bytes between title and text are free.
        stops: where titles end.
        ends: the first of the free bytes.
        sizes: of all cells.

    Returns:
        How many bytes stand between.
    """
    both = (sizes[0::3] > 0) & (sizes[2::3] > 0)
    last, second_last, third_last = (array.take(stops - back, mode="wrap") for back in (1, 2, 3))
    ended = _ENDINGS[last] | (_WIDE_ENDINGS[last] & (second_last == 0x80) & (third_last == 0xE2))
    array[ends] = np.where(both, np.where(ended, _SPACE, _FULL_STOP), _VOID)
    array[ends + 1] = np.where(both & ~ended, _SPACE, _VOID)
    return np.where(both, 2 - ended, 0)


def _cut(data: bytearray, sizes: Places) -> list[str]:
    ends = np.cumsum(sizes)
    return [data[begin:end].decode() for begin, end in zip((ends - sizes).tolist(), ends.tolist(), strict=True)]


def _texts_at(places: Places, ends: Places) -> list[int]:
    """Give the positions of the texts in which `places`, ascending, lie; `ends` are where the texts end."""
    return list(dict.fromkeys(np.searchsorted(ends, places).tolist()))
