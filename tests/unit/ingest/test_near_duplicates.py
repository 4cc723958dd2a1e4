"""Unit tests of `infolens.ingest.near_duplicates`."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infolens.ingest import near_duplicates
from infolens.ingest.near_duplicates import EQUAL_BYTES, near_pairs, perhaps_near, sketch_of, sketches

RNG = random.Random(11)
WORDS = ["".join(RNG.choices("abcdefghijklmnopqrstuvwxyz", k=RNG.randint(2, 10))) for _ in range(3000)]


def text_of(words=90) -> str:
    """Give a text."""
    return " ".join(RNG.choices(WORDS, k=words))


def changed(text: str, count: int) -> str:
    """Change some words."""
    words = text.split()
    for at in RNG.sample(range(len(words)), count):
        words[at] = RNG.choice(WORDS)
    return " ".join(words)


def sketch(*texts: str):
    """Sketch texts."""
    encoded = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return sketches(np.frombuffer(b"".join(encoded), np.uint8), offsets)


def test_sketch_depends_on_its_text_alone(monkeypatch):
    """Whatever stands beside it, and whether compiled code sketches or ours."""
    texts = [text_of(n) for n in (90, 3, 40, 200, 0, 1, 60, 30, 2)]
    together = sketch(*texts).tolist()
    assert together == [int(sketch(text)[0]) for text in texts]
    monkeypatch.setattr(near_duplicates, "infolens_rows", None)
    assert sketch(*texts).tolist() == together


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(st.text("abc de \u00e9\u0130 ,", max_size=300), max_size=4))
def test_compiled_sketches(texts):
    """They are those of `sketch_of`, at every length and with bytes beyond ASCII."""
    assert sketch(*texts).tolist() == [sketch_of(text.encode()) for text in texts]


def test_compiled_sketches_to_the_last_shingle():
    """Each byte of a text may make the difference, up to its last."""
    texts = [text_of(40)[:size] for size in range(60, 200) for _ in range(10)]
    assert sketch(*texts).tolist() == [sketch_of(text.encode()) for text in texts]


def test_short_texts_have_no_sketch():
    """A headline shares its words with many others; nothing at all has no sketch either."""
    assert sketch("Senate votes on the budget today", "").tolist() == [0, 0]
    assert sketch().tolist() == []
    assert sketch(text_of(120))[0] != 0


def test_case_makes_no_difference():
    """A text in capitals is a near duplicate of the same in small letters."""
    text = text_of()
    one, other = sketch(text, text.title())
    assert one == other


def test_changed_texts_are_found_as_often_as_they_are_alike():
    """With 2 of 120 words changed nearly all are found, with half of them changed hardly any."""
    texts = [text_of(120) for _ in range(300)]
    slightly = near_pairs(sketch(*texts, *(changed(text, 2) for text in texts)))
    assert len(slightly.row) >= 270
    assert (slightly.row - slightly.other == 300).all()
    assert (slightly.equal_bytes >= EQUAL_BYTES).all()
    assert len(near_pairs(sketch(*texts, *(changed(text, 60) for text in texts))).row) <= 3


def test_other_texts_are_not_found():
    """Of two thousand unrelated texts none is like another."""
    assert len(near_pairs(sketch(*(text_of(60) for _ in range(2000)))).row) == 0


def test_only_rows_from_a_place_on_are_reported():
    """Rows of the dataset are others' business."""
    text = text_of()
    found = near_pairs(sketch(text, text, text), since=2)
    assert (found.row.tolist(), found.other.tolist()) == ([2], [0])


@pytest.mark.parametrize("rows", [0, 1, 300, 70_000])
def test_compiled_comparisons(monkeypatch, rows):
    """They find the pairs that ours find, whether rows are taken at once or in pieces, since any row."""
    chance = np.random.default_rng(3)
    held = chance.integers(1, 1 << 63, max(1, rows // 4), dtype=np.uint64)[chance.integers(0, max(1, rows // 4), rows)]
    for _ in range(2):
        changes = chance.integers(0, 256, rows, dtype=np.uint64) * (chance.random(rows) < 0.4)
        held ^= changes << (8 * chance.integers(0, 8, rows, dtype=np.uint64))
    held[chance.random(rows) < 0.05] = 0
    for since in (0, rows // 3):
        compiled = near_pairs(held, since)
        with monkeypatch.context() as patched:
            patched.setattr(near_duplicates, "infolens_rows", None)
            ours = near_pairs(held, since)
        for name in ("row", "other", "equal_bytes"):
            assert getattr(compiled, name).tolist() == getattr(ours, name).tolist()
        assert len(compiled.row) > rows // 10 or rows < 2


def test_few_rows_find_their_like_among_many(monkeypatch):
    """The quick look never leaves out a pair."""
    texts = [text_of() for _ in range(200)]
    many, few = sketch(*texts), sketch(*(changed(text, 3) for text in texts[:50]))
    pairs = near_pairs(np.concatenate([many, few]), since=len(many))
    perhaps = set(perhaps_near(few, many).tolist())
    assert {other for other in pairs.other.tolist() if other < len(many)} <= perhaps
    assert len(perhaps) < 60
    monkeypatch.setattr(near_duplicates, "_FEW", 10)
    assert len(perhaps_near(few, many)) == 200
