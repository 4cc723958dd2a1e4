"""Words keep what was meant, whatever was done to their letters, and their numbers are the same everywhere."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infolens.ml.comment_words import (
    DENIED,
    DISGUISED,
    NO_PIECE,
    PLAIN,
    SHOUTED,
    WordShape,
    encode_terms,
    encode_words,
    fold_word,
    marks_of,
    pieces_of,
    words_of,
)

SHAPE = WordShape(buckets=1 << 16, pieces=32, words=50)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("You're an idiot!!", ["You're", "an", "idiot", "!", "!"]),
        ("an id*ot, $tupid a$$", ["an", "id*ot", ",", "$tupid", "a$$"]),
        ("i d i o t", ["idiot"]),
        ("you i.d.i.o.t now", ["you", "idiot", "now"]),
        ("a b", ["a", "b"]),  # two letters are no word set apart
        ("ïdïöt", ["idiot"]),
        ("ｉｄｉｏｔ", ["idiot"]),  # noqa: RUF001 - full-width letters are the point
        ("user_name 1984", ["user", "_", "name", "1984"]),
        ("", []),
    ],
)
def test_words(text, words):
    """Words carry their look-alikes and hidden letters; other marks stand alone; accents and widths are folded."""
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("word", "folded", "mark"),
    [
        ("idiot", "idiot", PLAIN),
        ("Idiot", "idiot", PLAIN),
        ("IDIOT", "idiot", SHOUTED),
        ("I", "i", PLAIN),
        ("1d10t", "1d10t", PLAIN),  # three of five are digits: not surely a word
        ("id1ot", "idiot", DISGUISED),
        ("$tup1d", "stupid", DISGUISED),
        ("idiooooot", "idiot", DISGUISED),
        ("idioot", "idioot", PLAIN),  # two are spelling, three are not
        ("1984", "1984", PLAIN),
        ("000", "000", PLAIN),
    ],
)
def test_folding(word, folded, mark):
    """Case, look-alikes and held letters go, and the mark tells that they were there; numbers stay."""
    assert fold_word(word) == (folded, mark)


def test_misspelt_words_share_most_pieces():
    """One letter lost leaves pieces in common; another word has hardly any."""
    pieces = {word: set(pieces_of(word, SHAPE)) for word in ("stupidity", "stupidty", "harbour")}
    assert len(pieces["stupidity"] & pieces["stupidty"]) >= 8
    assert len(pieces["stupidity"] & pieces["harbour"]) <= 1


def test_numbers_never_change():
    """Pieces are hashed the same on every machine and in every run: a trained model relies on it."""
    assert pieces_of("idiot", SHAPE)[:3] == (18_684, 61_780, 49_351)
    assert NO_PIECE not in pieces_of("idiot", SHAPE)


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("you are not an idiot", ["an", "idiot"]),
        ("you aren't stupid. idiot", ["stupid"]),  # the full stop ends it
        ("nobody likes you, moron", ["likes", "you"]),
        ("not clever but dumb", ["clever"]),
        ("i dont hate you", ["hate", "you"]),
        ("never a b c d e f g h i", ["a", "b", "c", "d", "e", "f", "g", "h"]),  # eight words and no more
        ("a nice day", []),
    ],
)
def test_denied_words(text, denied):
    """A denial speaks of the words behind it, up to a mark, a "but" or the eighth."""
    words = text.replace(".", " .").replace(",", " ,").split()
    assert [word for word, mark in zip(words, marks_of(words), strict=True) if mark >= DENIED] == denied


def test_terms_of_denied_words_are_others():
    """What is denied shares no term with what is said, but for a number that two pieces share by chance."""
    said, _ = encode_terms(words_of("an idiot"), SHAPE)
    denied, _ = encode_terms(words_of("not an idiot"), SHAPE)
    assert len(set(said) & set(denied)) <= 1


def test_weights_of_terms():
    """Repeated terms weigh more, by the logarithm of their number, and all together have length one."""
    terms, weights = encode_terms(["ab", "ab", "cd"], SHAPE)
    assert len(set(terms)) == len(terms)
    assert np.linalg.norm(weights) == pytest.approx(1.0)
    assert weights.max() / weights.min() == pytest.approx(1.0 + np.log(2))


def test_encoding_has_limits():
    """More words or pieces than the shape allows are left out; no words are one empty word."""
    shape = WordShape(buckets=512, pieces=4, words=3)
    pieces, marks = encode_words(["extraordinarily"] * 5, shape)
    assert pieces.shape == (3, 4)
    assert marks.shape == (3,)
    assert (pieces > NO_PIECE).all()
    assert (pieces < 512).all()
    empty, mark = encode_words([], shape)
    assert empty.tolist() == [[NO_PIECE] * 4]
    assert mark.tolist() == [PLAIN]
    assert encode_terms([], shape)[0].tolist() == [NO_PIECE]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.text(st.characters(), max_size=300))
def test_any_text_is_encoded(text):
    """Lone surrogates, controls, marks and all scripts become numbers within the shape."""
    words = words_of(text)
    pieces, marks = encode_words(words, SHAPE)
    terms, weights = encode_terms(words, SHAPE)
    assert pieces.shape == (len(marks), SHAPE.pieces)
    assert pieces.min() >= 0
    assert pieces.max() < SHAPE.buckets
    assert terms.max() < 2 * SHAPE.buckets
    assert np.isfinite(weights).all()


@pytest.mark.parametrize("unit", ["@", "$", "a ", "a.", "!", "a*", "'", "*a", "idiot ", "é", "a@$"])
def test_no_text_takes_long(unit):
    """12,000 characters of any kind are words in less than a second of processor time."""
    text = (unit * 12_000)[:12_000]
    began = time.process_time()
    encode_words(words_of(text), SHAPE)
    assert time.process_time() - began < 1.0
