"""Rows of fake_news are taken, cleaned or refused with the field and the limit."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infolens.contracts.task import RowRejected
from infolens.tasks.fake_news.schema import LABELS, MAX_RAW, MAX_TEXT, MIN_LABELLED, MIN_TEXT, SCHEMA

BODY = "The House voted on the bill late on Tuesday, 52 to 48."
LIAR = ["id", "label", "statement", "subject", "speaker", "job_title", "state", "party"]
LIAR += ["barely_true_counts", "false_counts", "half_true_counts", "mostly_true_counts", "pants_fire_counts", "context"]


def test_ids():
    """0 is fake, 1 is real (S0-19, S0-31)."""
    assert LABELS == ("fake", "real")


@pytest.mark.parametrize(
    ("header", "bound"),
    [
        (["title", "text", "label", "source"], {"title": 0, "text": 1, "label": 2}),  # news_articles: no source
        (["id", "tweet", "label"], {"text": 1, "label": 2}),  # covid_posts
        (LIAR, {"text": 2, "label": 1}),  # liar: none of the speaker's counts, which give the label away
        (["Headline", "Body", "Label"], {"title": 0, "text": 1, "label": 2}),
        (["headline", "label"], {"text": 0, "label": 1}),  # headlines alone are the text
    ],
)
def test_known_headers(header, bound):
    """The public data sets' columns and our own are found as they are, and nothing else is read."""
    assert SCHEMA.bind(header, labelled=True) == bound


@pytest.mark.parametrize(
    ("header", "labelled", "field", "says"),
    [
        (["title", "text"], True, "label", "label, class, truth, rating"),
        (["label", "source"], True, "text", "title, headline, text"),
        (["source"], False, "text", "title, headline"),
        (["text", "tweet", "label"], True, "text", "'text' and 'tweet'"),
        ([], True, "text", "is needed"),
    ],
)
def test_headers_that_will_not_do(header, labelled, field, says):
    """A missing or doubled column refuses the file with the names that would do."""
    with pytest.raises(RowRejected, match=says) as refusal:
        SCHEMA.bind(header, labelled=labelled)
    assert refusal.value.field == field


def test_a_clean_row():
    """Title and body become one field (S0-21, S0-24), and nothing but text and label is kept."""
    raw = {"title": "Bill passed &amp; signed", "text": f"\ufeff{BODY}\n", "label": " 1 ", "source": "isot"}
    row = SCHEMA.clean(raw)
    assert row == {"text": f"Bill passed & signed. {BODY}", "label": "real"}
    assert list(row) == list(SCHEMA.columns)


@pytest.mark.parametrize("title", ["", "nan", "NaN", " None ", "null"])
def test_a_title_that_is_missing(title):
    """What programs write for a missing title is no title."""
    assert SCHEMA.clean({"title": title, "text": BODY, "label": "0"})["text"] == BODY


@pytest.mark.parametrize(
    ("label", "values"),
    [
        ("fake", ["0", "0.0", "fake", " FAKE ", "false", "FALSE", "pants-fire", "Pants_Fire", "barely true"]),
        ("real", ["1", "1.0", "real", "Real", "true", "TRUE", "half-true", "mostly-true", "mostly true"]),
    ],
)
def test_spellings_of_a_label(label, values):
    """Ids, names, and LIAR's six grades in their usual two-class form: the upper three are real."""
    assert {SCHEMA.clean({"text": BODY, "label": value})["label"] for value in values} == {label}


@pytest.mark.parametrize(
    "value", ["", "  ", "nan", "2", "-1", "0.5", "01", "satire", "1,0", "\u0661", "yes", "x" * 5_000]
)
def test_labels_that_are_none(value):
    """A missing or unknown label is refused with those that are known, and never guessed."""
    with pytest.raises(RowRejected) as refusal:
        SCHEMA.clean({"text": BODY, "label": value})
    assert refusal.value.field == "label"
    assert "pants-fire" in refusal.value.reason
    assert len(refusal.value.reason) < 300


@pytest.mark.parametrize(("length", "taken"), [(MIN_LABELLED - 1, False), (MIN_LABELLED, True)])
def test_least_of_a_labelled_text(length, taken):
    """15 characters after cleaning are enough."""
    raw = {"text": " " + "x" * length + "\x00", "label": "0"}
    if taken:
        assert len(str(SCHEMA.clean(raw)["text"])) == length
    else:
        with pytest.raises(RowRejected, match=f"{length} characters"):
            SCHEMA.clean(raw)


@pytest.mark.parametrize(("length", "kept"), [(MAX_TEXT, MAX_TEXT), (MAX_TEXT + 1, MAX_TEXT), (92_561, MAX_TEXT)])
def test_long_articles_teach_with_their_beginning(length, kept):
    """The public set has articles of up to 92,561 characters; what the API would not take is not learned from."""
    assert len(str(SCHEMA.clean({"text": "x" * length, "label": "0"})["text"])) == kept


def test_identity_of_a_long_article_is_what_is_kept_of_it():
    """Articles that differ only beyond what is kept teach the same text: they are one row, on one side of the split."""
    one, two = (SCHEMA.clean({"text": "a long article " * 1_000 + end, "label": "real"}) for end in ("one", "two"))
    assert SCHEMA.identity(one) == SCHEMA.identity(two)


@pytest.mark.parametrize(("length", "taken"), [(MAX_RAW, True), (MAX_RAW + 1, False), (10_000_000, False)])
def test_what_is_no_article(length, taken):
    """A field of more than a million characters is refused before any work is done on it."""
    raw = {"text": "x" * length, "label": "0"}
    if taken:
        assert SCHEMA.clean(raw)["text"] == "x" * MAX_TEXT
    else:
        with pytest.raises(RowRejected, match=f"{length} characters") as refusal:
            SCHEMA.clean(raw)
        assert refusal.value.field == "text"


@pytest.mark.parametrize(
    ("length", "taken"), [(MIN_TEXT - 1, False), (MIN_TEXT, True), (MAX_TEXT, True), (MAX_TEXT + 1, False)]
)
def test_length_of_a_text(length, taken):
    """The limits of S0-30 themselves are taken, one character more or less is refused."""
    if taken:
        assert SCHEMA.check({"text": "x" * length}) == {"text": "x" * length}
    else:
        with pytest.raises(RowRejected, match=f"{length} characters") as refusal:
            SCHEMA.check({"text": "x" * length})
        assert refusal.value.field == "text"


def test_a_title_of_its_own():
    """A caller may keep the title apart; the model sees one field, as in training."""
    assert SCHEMA.check({"title": "Bill passed", "text": BODY}) == {"text": f"Bill passed. {BODY}"}


@pytest.mark.parametrize(
    ("payload", "field", "says"),
    [
        ({}, "text", "is missing"),
        ({"title": BODY}, "text", "is missing"),
        ({"text": None}, "text", "not null"),
        ({"text": float("nan")}, "text", "not a number"),
        ({"text": 7}, "text", "not a number"),
        ({"text": True}, "text", "not a boolean"),
        ({"text": [BODY]}, "text", "not a list"),
        ({"text": {"text": BODY}}, "text", "not an object"),
        ({"text": BODY, "title": None}, "title", "not null"),
        ({"text": ""}, "text", "has 0 characters"),
        ({"text": "\u200b\ufeff\x00" * 100}, "text", "has 0 characters"),
        ({"text": "x" * 10_000_000}, "text", "10000000 characters"),
        ({"text": BODY, "title": "x" * 10_000_000}, "title", "10000000 characters"),
    ],
)
def test_inputs_that_are_refused(payload, field, says):
    """Wrong types, nothing at all, and ten megabytes, each with the field's name."""
    with pytest.raises(RowRejected, match=says) as refusal:
        SCHEMA.check(payload)
    assert refusal.value.field == field


def test_identity_is_the_text():
    """Case, punctuation and label make no other text; another word does."""
    row = {"text": "The House voted.", "label": "real"}
    assert SCHEMA.identity(row) == SCHEMA.identity({"text": "the HOUSE, voted", "label": "fake"})
    assert SCHEMA.identity(row) != SCHEMA.identity({"text": "The House waited.", "label": "real"})
    assert SCHEMA.split(row) == SCHEMA.split({"text": "the HOUSE, voted", "label": "fake"})


def outcome(take, given_in):
    """(What the schema makes of it, None), or (None, the refusal); anything else that is raised is a fault."""
    try:
        return take(given_in), None
    except RowRejected as refusal:
        return None, refusal


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    title=st.text(st.characters(), max_size=60),
    text=st.text(st.characters(), max_size=300),
    label=st.one_of(st.sampled_from(["0", "1", "fake", "half-true", "nan", ""]), st.text(max_size=12)),
)
def test_whatever_a_row_holds(title, text, label):
    """A row is taken as text that can be written with one of two labels, or refused in words for text or label."""
    row, refusal = outcome(SCHEMA.clean, {"title": title, "text": text, "label": label})
    if row is None:
        assert refusal.field in {"text", "label"}
        assert refusal.reason.encode()
    else:
        assert row["label"] in LABELS
        assert MIN_LABELLED <= len(str(row["text"])) <= MAX_TEXT
        assert json.loads(json.dumps(row)) == row
        assert str(row["text"]).encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.fixed_dictionaries({}, optional={"title": JSON, "text": JSON, "source": JSON}))
def test_whatever_a_caller_sends(payload):
    """An input is a text within the limits, or is refused for a field that it may have."""
    given_on, refusal = outcome(SCHEMA.check, payload)
    if given_on is None:
        assert refusal.field in {"text", "title"}
    else:
        assert list(given_on) == ["text"]
        assert MIN_TEXT <= len(str(given_on["text"])) <= MAX_TEXT
