"""Many texts cleaned at once come out as each of them does alone, whatever characters they are made of."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infolens.rows import text_arrays
from infolens.rows.split import digest_of
from infolens.rows.text_arrays import CONTENT_KEYS, Keys, clean_texts, content_digests, keyed_texts
from infolens.rows.text_cleaning import clean_text, content_key, join_title
from infolens.rows.utf8_cells import Lying, Utf8Cells
from nasty_texts import NASTY, PIECES

pytest.importorskip("infolens_rows", reason="the library is built by `make setup`, on Linux")

MANY = settings(max_examples=400, deadline=None)

PLAIN = "The quick brown fox JUMPS OVER 13 lazy dogs, 24,567,890 times; GVBQZ @[`{/:. " * 2
LONG = st.builds(lambda before, size, after: before + PLAIN[:size] + after, NASTY, st.integers(0, len(PLAIN)), NASTY)
"""With as many bytes between that what is nasty comes at any place among those that are looked at at once."""


def letters(text: str) -> str:
    """The letters of a text, as `str.isalpha` knows them."""
    return "".join(filter(str.isalpha, unicodedata.normalize("NFKC", text).casefold()))


@MANY
@given(raw=st.lists(LONG, max_size=8))
def test_cleaning_many(raw):
    """Each text is what cleaning makes of it alone."""
    assert clean_texts(raw) == [clean_text(text) for text in raw]


@MANY
@given(raw=st.lists(LONG, max_size=8))
def test_digests_of_many(raw):
    """Each clean text has the digest of its key."""
    clean = [clean_text(text) for text in raw]
    assert content_digests(clean) == [digest_of(content_key(text)) for text in clean]


@MANY
@given(rows=st.lists(st.tuples(LONG, LONG), max_size=8))
def test_titles_and_texts(rows):
    """Titles and texts are joined as one by one; those that are not said to be odd have their text and digest."""
    found = keyed_texts([[title for title, _ in rows], [text for _, text in rows]], CONTENT_KEYS)
    assert len(found.texts) == len(found.digests) == len(rows)
    for position, (title, text) in enumerate(rows):
        if position not in found.odd:
            joined = join_title(clean_text(title), clean_text(text))
            assert found.texts[position] == joined
            assert found.digests[position] == digest_of(content_key(joined))
    assert found.odd == sorted(found.odd)


@MANY
@given(rows=st.lists(st.tuples(LONG, LONG), min_size=1, max_size=8), order=st.sampled_from([1, -1]))
def test_titles_and_texts_where_they_lie(rows, order):
    """Texts in quotes, before titles or behind them, become what they become as objects of their own."""
    columns = [[cell.encode(errors="replace").decode() for cell in column] for column in zip(*rows, strict=True)]
    found = keyed_texts(_in_one_file(columns[::order])[::order], CONTENT_KEYS)
    expected = keyed_texts(columns, CONTENT_KEYS)
    odd = {*found.odd, *expected.odd}
    for position in range(len(rows)):
        if position not in odd:
            assert found.texts[position] == expected.texts[position]
            assert found.digests[position] == expected.digests[position]
    assert {*found.odd} <= {*expected.odd}  # where quotes are doubled there is more room for what entities become


def _in_one_file(columns: list[list[str]]) -> list[Utf8Cells]:
    """Columns as they lie in rows of CSV, all in quotes."""
    data = bytearray()
    places: list[tuple[list[int], list[int], list[int]]] = [([], [], []) for _ in columns]
    for row in zip(*columns, strict=True):
        for cell, (begins, ends, doubled) in zip(row, places, strict=True):
            data += b'"'
            begins.append(len(data))
            for piece in cell.encode().split(b'"'):
                data += piece
                data += b'""'
                doubled.append(len(data) - 1)
            doubled.pop()
            del data[-2:]
            ends.append(len(data))
            data += b'",'
    whole = bytes(data)
    return [Utf8Cells(Lying(whole, *(np.array(each, np.intp) for each in three))) for three in places]


@MANY
@given(raw=st.lists(LONG, max_size=8), at_least=st.sampled_from([1, 2, 5]))
def test_keys_of_letters(raw, at_least):
    """Keys may be of letters alone; a text whose key is too short is odd."""
    found = keyed_texts([raw], Keys(str.isalpha, at_least))
    for position, text in enumerate(raw):
        key = letters(clean_text(text))
        if len(key) < at_least:
            assert position in found.odd
        if position not in found.odd:
            assert found.texts[position] == clean_text(text)
            assert found.digests[position] == digest_of(key)


@MANY
@given(raw=st.lists(LONG, max_size=4))
def test_keys_of_anything(raw):
    """What belongs to a key is what is asked for, not what mostly is."""
    found = keyed_texts([raw], Keys(lambda character: character in "xyz159 -"))
    for position, text in enumerate(raw):
        if position not in found.odd:
            key = "".join(filter("xyz159 -".__contains__, unicodedata.normalize("NFKC", clean_text(text)).casefold()))
            assert found.digests[position] == digest_of(key)


def test_usual_texts_are_not_odd():
    """What news is made of is cleaned at once: entities, typographic marks, accents, line ends, lost bytes, emoji."""
    usual = [
        "Tom &amp;amp; Jerry&#39;s \u201cfifth\u201d \u2014 caf\u00e9\u2026\r\n\r\n\u00a0Next\u2028line, \u20ac5",
        "\ufeffbroken \ufffd\ufffd zero\u200bwidth so\u00adft bell\x07 nul\0",
        "\u00c9cole Stra\u00dfe \u4e2d\u6587 \U0001f600 \u2764\ufe0f",
    ]
    found = keyed_texts([["Title.", "", "Title"], usual], CONTENT_KEYS)
    assert found.odd == []
    assert found.texts == [
        "Title. Tom & Jerry's \u201cfifth\u201d \u2014 caf\u00e9\u2026 Next line, \u20ac5",
        "broken zerowidth soft bell nul",
        "Title. \u00c9cole Stra\u00dfe \u4e2d\u6587 \U0001f600 \u2764\ufe0f",
    ]


@pytest.mark.parametrize("size", [text_arrays._LONG, text_arrays._LONG + 1])
def test_long_texts(size):
    """A text that is too long for the array comes out all the same."""
    raw = ["short  one", "x " * (size // 2) + "y" * (size % 2), "\u00e9" * size]
    assert clean_texts(raw) == [clean_text(text) for text in raw]
    assert content_digests(raw) == [digest_of(content_key(text)) for text in raw]


def test_without_the_library(monkeypatch):
    """Where it was not built, every text is left to the functions that clean one, and comes out the same."""
    raw = [f" {text} &amp; caf\u00e9  {number}\n" for number, text in enumerate(PIECES)]
    with_it = clean_texts(raw), content_digests(raw)
    monkeypatch.setattr(text_arrays, "infolens_rows", None)
    assert (clean_texts(raw), content_digests(raw)) == with_it
    found = keyed_texts([raw, raw], CONTENT_KEYS)
    assert found.odd == list(range(len(raw)))
    assert len(found.texts) == len(found.digests) == len(raw)


@pytest.mark.parametrize(
    "broken", [b"\xe2\x80", b"\xf0\x9f\x98", b"\xc3", b"\x80", b"\xff\xff\xff\xff", b"\xf7\xbf\xbf\xbf"]
)
@pytest.mark.parametrize("before", [b"", b"x" * 31, b"x" * 64])
def test_bytes_that_are_no_utf8(broken, before):
    """Nothing is read beyond the end of a cell: what is no character makes its text odd, and no other."""
    data = before + broken + b"\x98\x80 next"
    cells = Utf8Cells(Lying(data, np.array([0, len(before + broken) + 3]), np.array([len(before + broken), len(data)])))
    found = keyed_texts([cells], CONTENT_KEYS)
    assert found.odd == [0]
    assert found.texts[1] == "next"


def test_columns_of_two_lengths():
    """A title without a text is a fault of the program."""
    with pytest.raises(ValueError, match="one length"):
        keyed_texts([["a", "b"], ["c"]], CONTENT_KEYS)


def test_no_text():
    """Nothing in, nothing out."""
    assert clean_texts([]) == []
    assert content_digests([]) == []
    assert keyed_texts([[], []], CONTENT_KEYS).texts == []


def test_every_character_between_others():
    """Each character of Unicode, between a letter with a mark and a mark, is cleaned and keyed as it is alone."""
    points = [point for point in range(0x80, 0x110000) if not 0x3400 <= point < 0xA000 and not 0xAC80 <= point < 0xD700]
    points = [point for point in points if point < 0x20000 or point % 97 == 0 or 0xE0000 <= point < 0xE0200]
    raw = [f"E{chr(point)}a o{chr(point)}\u00e9 {chr(point)}{chr(point)}" for point in points]
    found = keyed_texts([raw], CONTENT_KEYS)
    odd = set(found.odd)
    for position, text in enumerate(raw):
        if position not in odd:
            clean = clean_text(text)
            assert found.texts[position] == clean, hex(points[position])
            assert found.digests[position] == digest_of(content_key(clean)), hex(points[position])
    assert len(odd) < len(points) / 15  # marks, most of all


def test_nothing_composes_that_stands_alone():
    """What is second in any composition of Unicode is not taken for a character that keeps to itself."""
    for point in range(0x110000):
        parts = unicodedata.decomposition(chr(point)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            assert not text_arrays._stands_alone(chr(int(parts[1], 16))), hex(point)
    assert not any(text_arrays._stands_alone(chr(point)) for point in range(0x1161, 0x1200))
