"""Rows of news_category are taken, cleaned or refused with the field and the limit."""

import pytest

from infolens.contracts.task import RowRejected
from infolens.tasks.news_category.schema import LABELS, SCHEMA

BODY = "The goalkeeper saved a penalty kick in the last minute."


def test_labels_are_the_requirements():
    """Names and order of S0-03, letter for letter."""
    assert LABELS == (
        "Business",
        "Politics",
        "Food & Drink",
        "Travel",
        "Parenting",
        "Style & beauty",
        "Wellness",
        "World news",
        "Sports",
        "Entertainment",
    )


@pytest.mark.parametrize(
    ("header", "bound"),
    [
        (["title", "body", "label"], {"title": 0, "text": 1, "label": 2}),
        (
            ["link", "headline", "category", "short_description", "authors", "date"],  # HuffPost, as published
            {"title": 1, "text": 3, "label": 2},
        ),
        (["text", "class_name"], {"text": 0, "label": 1}),  # its balanced headlines
        (["Category", "TEXT"], {"text": 1, "label": 0}),
        (["headline", "label"], {"text": 0, "label": 1}),  # headlines alone are the text
    ],
)
def test_known_headers(header, bound):
    """The public data sets' columns and our own are found as they are."""
    assert SCHEMA.bind(header, labelled=True) == bound


def test_unlabelled_files_need_no_label():
    """A batch has no label column; one that is there is passed over."""
    assert SCHEMA.bind(["title", "body"], labelled=False) == {"title": 0, "text": 1}
    assert SCHEMA.bind(["title", "body", "label"], labelled=False) == {"title": 0, "text": 1}


@pytest.mark.parametrize(
    ("header", "labelled", "field", "says"),
    [
        (["title", "body"], True, "label", "label, category, class, class_name"),
        (["label", "date"], True, "text", "title, headline, text, body"),
        (["date"], False, "text", "title, headline"),
        (["text", "body", "label"], True, "text", "'text' and 'body'"),
        (["text", "label", "category"], True, "label", "'label' and 'category'"),
        ([], True, "text", "is needed"),
    ],
)
def test_headers_that_will_not_do(header, labelled, field, says):
    """A missing or doubled column refuses the file with the names that would do."""
    with pytest.raises(RowRejected, match=says) as refusal:
        SCHEMA.bind(header, labelled=labelled)
    assert refusal.value.field == field


def test_a_clean_row():
    """Title and body are cleaned and merged; the label becomes its official name."""
    row = SCHEMA.clean({"title": "Saved &amp; won", "text": f"\ufeff{BODY}\n", "label": " SPORTS "})
    assert row == {"text": f"Saved & won. {BODY}", "label": "Sports"}
    assert list(row) == list(SCHEMA.columns)


@pytest.mark.parametrize(
    ("raw", "label"),
    [
        ("STYLE & BEAUTY", "Style & beauty"),
        ("style and beauty", "Style & beauty"),
        ("Style &amp; Beauty", "Style & beauty"),
        ("WORLD NEWS", "World news"),
        ("world_news", "World news"),
        ("food & drink", "Food & Drink"),
        ("0", "Business"),
        ("9", "Entertainment"),
    ],
)
def test_spellings_of_a_label(raw, label):
    """Any case and spelling of a section, or its id, gives its name."""
    assert SCHEMA.clean({"text": BODY, "label": raw})["label"] == label


@pytest.mark.parametrize(
    ("raw", "says"),
    [("", "is empty"), ("  ", "is empty"), ("Gardening", "'Gardening'"), ("10", "'10'"), ("-1", "'-1'")],
)
def test_labels_that_are_none(raw, says):
    """A missing or unknown section is refused with those that are known."""
    with pytest.raises(RowRejected, match=says) as refusal:
        SCHEMA.clean({"text": BODY, "label": raw})
    assert refusal.value.field == "label"
    assert "Entertainment, or an id 0 to 9" in refusal.value.reason


@pytest.mark.parametrize(("length", "taken"), [(14, False), (15, True), (12_000, True), (12_001, False)])
def test_length_of_a_labelled_text(length, taken):
    """15 to 12,000 characters after cleaning; the limits themselves are taken."""
    raw = {"text": " " + "x" * length + "\x00", "label": "Sports"}
    if taken:
        assert len(str(SCHEMA.clean(raw)["text"])) == length
    else:
        with pytest.raises(RowRejected, match=f"{length} characters") as refusal:
            SCHEMA.clean(raw)
        assert refusal.value.field == "text"
        assert ("15" if length < 15 else "12000") in refusal.value.reason


@pytest.mark.parametrize(("length", "taken"), [(49, False), (50, True), (12_000, True), (12_001, False)])
def test_length_of_a_text_to_answer(length, taken):
    """50 to 12,000 characters (S0-30); the limits themselves are taken."""
    if taken:
        assert SCHEMA.check({"text": "x" * length}) == {"text": "x" * length}
    else:
        with pytest.raises(RowRejected, match="50" if length < 50 else "12000") as refusal:
            SCHEMA.check({"text": "x" * length})
        assert refusal.value.field == "text"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "null"),
        (7, "a number"),
        (True, "a boolean"),
        (["x"], "a list"),
        ({"a": 1}, "an object"),
        (0.5, "a number"),
    ],
)
def test_a_text_to_answer_is_a_string(value, says):
    """Other JSON values are refused by what they are, never turned into text."""
    with pytest.raises(RowRejected, match=f"must be a string, not {says}") as refusal:
        SCHEMA.check({"text": value})
    assert refusal.value.field == "text"


def test_a_missing_text():
    """An input without text says what is needed."""
    with pytest.raises(RowRejected, match="is missing; a string of 50 to 12000 characters"):
        SCHEMA.check({"txt": BODY})


def test_title_of_an_input():
    """A caller who keeps the title apart may send it; it becomes part of the text, as in training."""
    assert SCHEMA.check({"title": "Saved", "text": BODY}) == {"text": f"Saved. {BODY}"}
    with pytest.raises(RowRejected, match="must be a string") as refusal:
        SCHEMA.check({"title": 1, "text": BODY})
    assert refusal.value.field == "title"


def test_an_emoji_is_one_character():
    """Limits count characters as Python does, not bytes."""
    assert SCHEMA.check({"text": "\U0001f600" * 50})


def test_identity():
    """Copies that differ in spelling or label are one row; the label cannot move a text to another split."""
    first = SCHEMA.clean({"title": "Saved!", "text": BODY, "label": "Sports"})
    second = SCHEMA.clean({"text": f"SAVED {BODY}", "label": "Travel"})
    assert SCHEMA.identity(first) == SCHEMA.identity(second)
    assert SCHEMA.identity(first) != SCHEMA.identity({**first, "text": f"{BODY} And again."})
