"""Rows of news_summary are taken, cleaned or refused with the field and the limit."""

import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infolens.contracts.task import RowRejected
from infolens.tasks.news_summary.schema import MAX_LABELLED, MAX_RAW, MAX_TEXT, MIN_SUMMARY, MIN_TEXT, SCHEMA

TEXT = "The ferry line will pay four million crowns for nine new boats. It rained for most of the morning."
SUMMARY = "The ferry line buys nine boats."


def bound(header: str, *, labelled: bool = True) -> dict[str, int]:
    """Fields of a header."""
    return dict(SCHEMA.bind(header.split(","), labelled=labelled))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("file,category,article,summary", {"text": 2, "summary": 3}),
        ("article,highlights,id", {"text": 0, "summary": 1}),
        ("text,ctext", {"text": 1, "summary": 0}),
        ("author,date,headlines,read_more,text,ctext", {"text": 5, "summary": 4}),
        ("title,text,summary", {"title": 0, "text": 1, "summary": 2}),
        ("Summary,SOURCE,Text", {"text": 2, "summary": 0, "source": 1}),
    ],
)
def test_public_columns(header, expected):
    """The three public sets' own column names do, and ours; beside `ctext` the column `text` is the summary."""
    assert bound(header) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("text", {"text": 0}),
        ("title,text", {"title": 0, "text": 1}),
        ("text,ctext", {"text": 1}),
        ("article,summary", {"text": 0}),
    ],
)
def test_unlabelled_columns(header, expected):
    """A file to be answered needs an article alone; a summary that is there is not looked at."""
    assert bound(header, labelled=False) == expected


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("title,summary", "text"),
        ("article,title", "summary"),
        ("text", "summary"),
        ("ctext", "summary"),
        ("a,b", "text"),
    ],
)
def test_missing_columns(header, field):
    """A missing column is named with the names that would do."""
    with pytest.raises(RowRejected, match="no such column; one of") as refusal:
        bound(header)
    assert refusal.value.field == field


@pytest.mark.parametrize(("header", "field"), [("article,text,summary", "text"), ("text,ctext,summary", "summary")])
def test_columns_given_twice(header, field):
    """Two columns that would do are refused: guessing could swap article and summary."""
    with pytest.raises(RowRejected, match="is given twice") as refusal:
        bound(header)
    assert refusal.value.field == field


def clean_text(text: str) -> str:
    """The text of a clean row."""
    return str(SCHEMA.clean({"text": text, "summary": SUMMARY})["text"])


def clean_summary(summary: str) -> str:
    """The summary of a clean row."""
    return str(SCHEMA.clean({"text": TEXT * 3, "summary": summary})["summary"])


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (f"Millions for boats\n\n{TEXT}", f"Millions for boats\n\n{TEXT}"),  # BBC: headline, blank line, text
        (f"Millions for boats\r\n \r\n{TEXT}", f"Millions for boats\n\n{TEXT}"),
        (f"Millions for boats\n{TEXT}", f"Millions for boats\n\n{TEXT}"),
        (f"{TEXT}\nHe left.\n", f"{TEXT}\n\nHe left."),
        (
            "The ferry line will pay four million\ncrowns for nine new boats this\nyear.",
            "The ferry line will pay four million crowns for nine new boats this year.",
        ),
        (f"  {TEXT}  \t ", TEXT),
        (TEXT.replace(" ", "\u200b \xa0"), TEXT),
        (f"{TEXT} Q&amp;amp;A.", f"{TEXT} Q&A."),
    ],
)
def test_paragraphs(raw, clean):
    """Paragraphs stay apart with a blank line between, wrapped lines come together, dirt goes."""
    assert clean_text(raw) == clean


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Kanchan?s death was Delhi?s loss", "Kanchan's death was Delhi's loss"),
        ("It isn?t, they?re not, I?d say", "It isn't, they're not, I'd say"),
        ("He said: ?Rule strictly.? Then", 'He said: "Rule strictly." Then'),
        ("a malfunction.? Thanks", 'a malfunction." Thanks'),
        ("O?Brien left", "O'Brien left"),
        ("Why? Is it so? Yes", "Why? Is it so? Yes"),
        ("see example.com/page?s=1 and x?id=2", "see example.com/page?s=1 and x?id=2"),
        ("What?! Really??", "What?! Really??"),
    ],
)
def test_lost_quotes(raw, clean):
    """Question marks that stand for quotes become quotes (Inshorts); questions and addresses stay as they are."""
    padding = " and so it went on for a good while longer than anyone thought"
    assert clean_text(raw + padding) == clean + padding


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("It rained all day.Then he left.", "It rained all day. Then he left."),  # BBC
        ('He won."It was hard," he said.', 'He won." It was hard," he said.'),
        ("Thousands march in protest .\nThey hold signs", "Thousands march in protest. They hold signs."),  # CNN
        ("It cost 6.6 million in the U.S. alone.", "It cost 6.6 million in the U.S. alone."),
    ],
)
def test_summaries(raw, clean):
    """Points become sentences, missing spaces are put in, numbers and abbreviations stay."""
    assert clean_summary(raw) == clean


def test_title_stands_before_the_text():
    """A title kept apart becomes the first paragraph; a source is kept, and is no part of the text."""
    row = SCHEMA.clean({"title": "Boats", "text": TEXT, "summary": SUMMARY, "source": " BBC\x07 "})
    assert row == {"text": f"Boats\n\n{TEXT}", "summary": SUMMARY, "source": "BBC"}
    assert SCHEMA.check({"title": "Boats", "text": TEXT}) == {"text": f"Boats\n\n{TEXT}"}


@pytest.mark.parametrize(
    ("length", "taken"), [(MIN_TEXT - 1, False), (MIN_TEXT, True), (MAX_TEXT, True), (MAX_TEXT + 1, False)]
)
def test_length_of_a_text(length, taken):
    """The limits themselves are taken, one character more or less is refused (S0-30)."""
    if taken:
        assert SCHEMA.check({"text": "x" * length}) == {"text": "x" * length}
    else:
        with pytest.raises(RowRejected, match=f"{length} characters") as refusal:
            SCHEMA.check({"text": "x" * length})
        assert refusal.value.field == "text"


@pytest.mark.parametrize(
    ("length", "taken"), [(MIN_TEXT - 1, False), (MIN_TEXT, True), (MAX_LABELLED, True), (MAX_LABELLED + 1, False)]
)
def test_length_of_a_labelled_article(length, taken):
    """Training rows may be longer than what is answered."""
    if taken:
        assert len(clean_text("x" * length)) == length
    else:
        with pytest.raises(RowRejected, match=f"{length} characters"):
            clean_text("x" * length)


@pytest.mark.parametrize(
    ("length", "taken"), [(MIN_SUMMARY - 1, False), (MIN_SUMMARY, True), (len(TEXT) - 1, True), (len(TEXT), False)]
)
def test_length_of_a_summary(length, taken):
    """A summary is neither a word nor as long as its article."""
    row = {"text": TEXT, "summary": "x" * (length - 1) + "."}
    if taken:
        assert SCHEMA.clean(row)["summary"] == row["summary"]
    else:
        with pytest.raises(RowRejected) as refusal:
            SCHEMA.clean(row)
        assert refusal.value.field == "summary"


@pytest.mark.parametrize("value", [None, 5, True, math.nan, ["a"], {"a": 1}])
@pytest.mark.parametrize("name", ["text", "title"])
def test_wrong_types(name, value):
    """Only strings are taken; the refusal names the field."""
    with pytest.raises(RowRejected, match="must be a string, not") as refusal:
        SCHEMA.check({"text": TEXT, name: value})
    assert refusal.value.field == name


def test_no_letters():
    """A text without a letter or a digit has nothing to be summarised."""
    with pytest.raises(RowRejected, match="neither a letter nor a digit") as refusal:
        SCHEMA.check({"text": "- * " * 40})
    assert refusal.value.field == "text"


def test_identity():
    """Copies that differ in case, marks or summary are one row and share a split."""
    first = SCHEMA.clean({"text": TEXT, "summary": SUMMARY})
    second = SCHEMA.clean({"text": TEXT.upper().replace(".", "!"), "summary": "Another summary of it."})
    assert SCHEMA.identity(first) == SCHEMA.identity(second)
    assert SCHEMA.split(first) == SCHEMA.split(second) in {"train", "validation", "test"}


def outcome(text: str, summary: str) -> dict[str, object] | str:
    """A clean row, or the field for which it is refused."""
    try:
        return SCHEMA.clean({"text": text, "summary": summary, "source": summary})
    except RowRejected as refusal:
        return refusal.field if refusal.reason else "no reason"


@given(st.text(max_size=400), st.text(max_size=100))
@settings(max_examples=200, deadline=None)
def test_any_characters(text, summary):
    """Any row is taken or refused by name; what is taken has something to say, and is clean for good."""
    found = outcome(text, summary)
    if isinstance(found, str):
        assert found in {"text", "summary"}
    else:
        str(found).encode()  # no lone surrogate is left
        assert SCHEMA.identity(found)
        assert SCHEMA.check({"text": found["text"]}) == {"text": found["text"]}


PROSE = st.lists(
    st.sampled_from(
        ["The boat left.", "Millions for boats", "\n", "\n\n", "\r\n", "?s", "it is ", " ?No.? ", "\u2028", "."]
    ),
    min_size=5,
    max_size=60,
).map("".join)


@given(PROSE)
@settings(max_examples=200, deadline=None)
def test_cleaning_twice_changes_nothing(text):
    """A clean text is its own cleaning, whatever breaks and lost quotes the raw one had."""
    try:
        once = SCHEMA.check({"text": text})
    except RowRejected:
        return
    assert SCHEMA.check(once) == once


PIECES = ["word ", "x", "\n", "a\n", "?s", "&amp;", "\u200b", "\U0001f600", "A.B", "? "]


@pytest.mark.parametrize("size", [MAX_RAW, 10_000_000])
@pytest.mark.parametrize("piece", PIECES)
def test_endless_texts(piece, size):
    """The longest text that is looked at, and ten megabytes, are refused by name within seconds."""
    text = piece * (size // len(piece.encode()))
    began = time.process_time()
    with pytest.raises(RowRejected) as refusal:
        SCHEMA.check({"text": text})
    assert refusal.value.field == "text"
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("length", "told"), [(MAX_RAW, "after cleaning"), (MAX_RAW + 1, "at most 600000 are looked at")]
)
def test_length_before_cleaning(length, told):
    """What is longer than the limit is refused before anything is done with it."""
    with pytest.raises(RowRejected, match=told):
        SCHEMA.check({"text": "x" * length})
    with pytest.raises(RowRejected, match="characters") as refusal:
        SCHEMA.clean({"text": TEXT, "summary": "x" * length})
    assert refusal.value.field == "summary"
