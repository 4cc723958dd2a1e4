"""Rows of toxicity are taken, cleaned or refused by field and limit; copies are known; votes are no features."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infolens.contracts.task import RowRejected
from infolens.tasks.toxicity.schema import LABELS, MAX_TEXT, MIN_LABELLED, MIN_TEXT, SCHEMA

JIGSAW = ("comment_text", "labels")
MULTILABEL = ("id", "comment_text", "toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")
DAVIDSON = ("id", "count", "hate_speech", "offensive_language", "neither", "class", "tweet")


def cleaned(header, *fields) -> dict[str, object]:
    """One row of a file with that header."""
    bound = SCHEMA.bind(header, labelled=True)
    return SCHEMA.clean({name: fields[at] for name, at in bound.items()})


@pytest.mark.parametrize(
    ("length", "taken"), [(MIN_TEXT - 1, False), (MIN_TEXT, True), (MAX_TEXT, True), (MAX_TEXT + 1, False)]
)
def test_length_of_a_text(length, taken):
    """The limits themselves are taken, one character more or less is refused."""
    if taken:
        assert SCHEMA.check({"text": "x" * length}) == {"text": "x" * length}
    else:
        with pytest.raises(RowRejected, match=f"{length} characters") as refusal:
            SCHEMA.check({"text": "x" * length})
        assert refusal.value.field == "text"


@pytest.mark.parametrize(("length", "taken"), [(MIN_LABELLED - 1, False), (MIN_LABELLED, True)])
def test_length_of_a_labelled_text(length, taken):
    """Three characters can be learned from, two cannot."""
    if taken:
        assert cleaned(("text", "label"), "x" * length, "1")["text"] == "x" * length
    else:
        with pytest.raises(RowRejected, match="at least 3"):
            cleaned(("text", "label"), "x" * length, "1")


def test_public_files():
    """The columns of the three public files, and our own, are found by their own names."""
    assert SCHEMA.bind(JIGSAW, labelled=True) == {"text": 0, "label": 1}
    assert SCHEMA.bind(MULTILABEL, labelled=True) == {"text": 1, "label": 2}
    assert SCHEMA.bind(DAVIDSON, labelled=True) == {"text": 6, "majority": 5}
    assert SCHEMA.bind(("Text", " LABEL "), labelled=True) == {"text": 0, "label": 1}
    assert SCHEMA.bind(("tweet", "label"), labelled=True) == {"text": 0, "label": 1}
    assert SCHEMA.bind(DAVIDSON, labelled=False) == {"text": 6}


def test_votes_and_ids_are_no_features():
    """A clean row holds the text and the label; what the annotators voted gives the label away and is passed over."""
    row = cleaned(DAVIDSON, "7", "3", "0", "3", "0", "1", "some words of a tweet")
    assert row == {"text": "some words of a tweet", "label": "toxic"}
    assert list(SCHEMA.columns) == ["text", "label"]


@pytest.mark.parametrize(
    ("number", "label"), [("0", "toxic"), ("1", "toxic"), ("2", "non-toxic"), ("2.0", "non-toxic")]
)
def test_classes_of_tweets(number, label):
    """Davidson's 0 (hate) and 1 (offensive) are toxic, 2 (neither) is not: the other way round than Jigsaw's."""
    assert cleaned(("class", "tweet"), number, "words of a tweet")["label"] == label


@pytest.mark.parametrize("number", ["", "3", "-1", "nan", "toxic"])
def test_no_class_of_a_tweet(number):
    """Anything else in that column is refused: a 1 of another coding would be the wrong way round."""
    with pytest.raises(RowRejected, match=r"0 \(hate speech\), 1 \(offensive\), 2 \(neither\)") as refusal:
        cleaned(("class", "tweet"), number, "words of a tweet")
    assert refusal.value.field == "label"


@pytest.mark.parametrize(
    ("raw", "label"),
    [
        *(("1", "toxic"), ("1.0", "toxic"), ("TOXIC", "toxic"), (" yes ", "toxic"), ("True", "toxic")),
        *(("0", "non-toxic"), ("0.0", "non-toxic"), ("Non-Toxic", "non-toxic"), ("not toxic", "non-toxic")),
        *(("nontoxic", "non-toxic"), ("no", "non-toxic"), ("false", "non-toxic")),
    ],
)
def test_labels(raw, label):
    """Names in any case and spelling, and 1 and 0, are the two labels."""
    assert cleaned(("text", "label"), "some words", raw)["label"] == label


@pytest.mark.parametrize("raw", ["", " ", "2", "-1", "nan", "NaN", "0.5", "10", "hate", "1e0", "٣"])
def test_unknown_labels(raw):
    """Anything else is refused with the labels there are."""
    with pytest.raises(RowRejected, match=r"toxic \(or 1\), non-toxic \(or 0\)") as refusal:
        cleaned(("text", "label"), "some words", raw)
    assert refusal.value.field == "label"


@pytest.mark.parametrize(
    ("header", "field"),
    [
        (("label",), "text"),
        (("text",), "label"),
        (("text", "comment_text", "label"), "text"),
        ((*JIGSAW, "toxic"), "label"),
    ],
)
def test_headers_that_cannot_be_read(header, field):
    """A missing column, or two that would do, is refused with its name."""
    with pytest.raises(RowRejected) as refusal:
        SCHEMA.bind(header, labelled=True)
    assert refusal.value.field == field


@pytest.mark.parametrize("value", [None, 1, 1.5, float("nan"), True, [], {}, b"bytes", ["text"]])
def test_wrong_types(value):
    """An input that is no string is refused as such."""
    with pytest.raises(RowRejected, match="must be a string") as refusal:
        SCHEMA.check({"text": value})
    assert refusal.value.field == "text"


def test_an_empty_input():
    """An input without a text is refused with what is needed."""
    with pytest.raises(RowRejected, match="1 to 12000 characters"):
        SCHEMA.check({})


def test_ten_megabytes():
    """Texts far past the limit are refused at once, whatever they are made of."""
    began = time.process_time()
    for unit in ("x", "&amp;", "\ud800", "é", " ", "\x00"):
        with pytest.raises(RowRejected, match="at most 12000"):
            SCHEMA.check({"text": unit * (10_000_000 // len(unit))})
    assert time.process_time() - began < 2.0


def test_copies():
    """Comments that differ in case, digits and punctuation are copies and share a split, whatever their label."""
    raw = {"text": "Hello there, WP:NPOV was written in 2007; please read it.", "label": "toxic"}
    copy = {"text": "hello there wp npov was written in please read it", "label": "non-toxic"}
    assert SCHEMA.identity(raw) == SCHEMA.identity(copy)
    assert SCHEMA.split(raw) == SCHEMA.split(copy)


def test_short_comments_are_told_apart_by_their_digits():
    """A signature with a date is not every signature; a comment of emoji is itself."""
    assert SCHEMA.identity({"text": "5 July 2007"}) != SCHEMA.identity({"text": "6 July 2007"})
    assert SCHEMA.identity({"text": "🙂🙂"}) == "🙂🙂"


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.dictionaries(
        st.sampled_from(["text", "label", "title", ""]),
        st.one_of(st.text(st.characters(), max_size=200), st.none(), st.floats(), st.integers(), st.lists(st.text())),
    )
)
def test_any_input_is_taken_cleanly_or_refused(payload):
    """Nothing crashes: what is taken is a clean text with an identity and a split, the rest is refused by field."""
    try:
        row = SCHEMA.check(payload)
    except RowRejected as refusal:
        assert (refusal.field, bool(refusal.reason)) == ("text", True)  # noqa: PT017 - a refusal is one of two answers
    else:
        assert list(row) == ["text"]
        assert MIN_TEXT <= len(row["text"]) <= MAX_TEXT
        row["text"].encode()
        assert SCHEMA.identity(row)
        assert SCHEMA.split(row) in {"train", "validation", "test"}


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(st.characters(), max_size=100), st.text(st.characters(), max_size=20))
def test_any_row_is_taken_cleanly_or_refused(text, label):
    """The same for a labelled row of both codings: a label is one of two, or refused."""
    for name in ("label", "majority"):
        try:
            row = SCHEMA.clean({"text": text, name: label})
        except RowRejected as refusal:
            assert refusal.field in {"text", "label"}  # noqa: PT017 - a refusal is one of two answers
        else:
            assert row["label"] in LABELS
