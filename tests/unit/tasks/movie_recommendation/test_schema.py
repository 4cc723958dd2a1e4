"""Ratings and questions: what is taken, under which names, and what is refused in words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infolens.contracts.task import RowRejected
from infolens.rows.split import SPLITS
from infolens.tasks.movie_recommendation.schema import (
    DEFAULT_TOP_K,
    EARLIEST,
    LATEST,
    MAX_CANDIDATES,
    MAX_ID,
    MAX_SEQUENCE,
    SCHEMA,
)

GOOD = {"user_id": "196", "item_id": "242", "rating": "3", "timestamp": "881250949"}
CLEAN = {"user_id": 196, "item_id": 242, "rating": 3.0, "timestamp": 881250949}
QUESTION = {"user_id": 1, "sequence": [3, 8, 15], "top_k": 3}

IDS = st.integers(0, MAX_ID)
WRONG_NUMBERS = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.integers(max_value=-1),
    st.integers(min_value=MAX_ID + 1),
    st.sampled_from(["", "x", "1.5", "-1", "nan", "1e3", "٣", "9" * 400, 10**5000]),
    st.dictionaries(st.text(), st.integers(), max_size=2),
)


def refused(what, given_):
    """The field and the reason of a refusal."""
    with pytest.raises(RowRejected) as refusal:
        what(given_)
    assert len(refusal.value.reason) < 500
    return refusal.value.field


@pytest.mark.parametrize(
    "header",
    [
        ["user_id", "item_id", "rating", "timestamp"],  # u.data, ml-100k
        ["userId", "movieId", "rating", "timestamp"],  # ratings.csv, ml-20m
        ["User ID", "Movie_ID", "Stars", "Unix Timestamp"],
        ["timestamp", "rating", "movie_id", "user", "comment"],
    ],
)
def test_columns_of_the_public_sets_are_found(header):
    """In any case and order, under the names that MovieLens and others use."""
    bound = SCHEMA.bind(header, labelled=True)
    assert set(bound) == {"user_id", "item_id", "rating", "timestamp"}


@pytest.mark.parametrize("missing", ["user_id", "item_id", "rating", "timestamp"])
def test_a_missing_column_is_named(missing):
    """All four are needed: without time there is no order."""
    header = [name for name in GOOD if name != missing]
    assert refused(lambda cells: SCHEMA.bind(cells, labelled=True), header) == missing


def test_columns_of_a_file_to_answer():
    """Users and sequences are needed, top_k is not."""
    assert SCHEMA.bind(["userId", "history"], labelled=False) == {"user_id": 0, "sequence": 1}
    assert SCHEMA.bind(["k", "sequence", "user"], labelled=False) == {"user_id": 2, "sequence": 1, "top_k": 0}
    assert refused(lambda cells: SCHEMA.bind(cells, labelled=False), ["user_id", "top_k"]) == "sequence"


def test_a_rating_becomes_a_clean_row():
    """Text in, numbers out."""
    assert SCHEMA.clean(GOOD) == CLEAN


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ({"user_id": " 196.0 "}, {}),  # what pandas writes once an id is missing
        ({"item_id": "242.00"}, {}),
        ({"rating": "3.0"}, {}),
        ({"rating": "0.5"}, {"rating": 0.5}),
        ({"timestamp": "1997-12-04 15:55:49"}, {}),  # MovieLens 20M in some copies, in UTC
        ({"timestamp": "1997-12-04T16:55:49+01:00"}, {}),
        ({"user_id": "0"}, {"user_id": 0}),
        ({"user_id": str(MAX_ID)}, {"user_id": MAX_ID}),
        ({"timestamp": str(EARLIEST)}, {"timestamp": EARLIEST}),
        ({"timestamp": str(LATEST - 1)}, {"timestamp": LATEST - 1}),
    ],
)
def test_spellings_and_limits_that_are_taken(change, value):
    """Dirt that means one thing only is cleaned; the limits themselves are inside."""
    assert SCHEMA.clean(GOOD | change) == CLEAN | value


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": ""},
        {"user_id": "-1"},
        {"user_id": str(MAX_ID + 1)},
        {"user_id": "1.5"},
        {"item_id": "Toy Story"},
        {"item_id": "1e3"},
        {"rating": ""},
        {"rating": "0.4"},
        {"rating": "5.1"},
        {"rating": "nan"},
        {"rating": "inf"},
        {"rating": "-3"},
        {"timestamp": ""},
        {"timestamp": "yesterday"},
        {"timestamp": str(EARLIEST - 1)},
        {"timestamp": str(LATEST)},
        {"timestamp": "881250949000"},  # milliseconds
        {"timestamp": "1997-13-45"},
        {"timestamp": "0001-01-01T00:00:00+23:59"},
    ],
)
def test_values_that_are_refused(change):
    """Each is refused for its own field."""
    assert refused(SCHEMA.clean, GOOD | change) == next(iter(change))


def test_one_event_is_one_row():
    """The same user, movie and second is a duplicate whatever the stars; another second is another event."""
    assert SCHEMA.identity(CLEAN) == SCHEMA.identity(CLEAN | {"rating": 5.0})
    for change in ({"timestamp": 881250950}, {"user_id": 197}, {"item_id": 243}):
        assert SCHEMA.identity(CLEAN) != SCHEMA.identity(CLEAN | change)
    assert SCHEMA.identity(CLEAN | {"user_id": 1, "item_id": 23}) != SCHEMA.identity(
        CLEAN | {"user_id": 12, "item_id": 3}
    )


@given(user=IDS, items=st.lists(IDS, min_size=2, max_size=5), times=st.lists(st.integers(EARLIEST, LATEST - 1)))
def test_a_user_is_wholly_on_one_side(user, items, times):
    """The split asks for the user and nothing else."""
    rows = [CLEAN | {"user_id": user, "item_id": item} for item in items]
    rows += [CLEAN | {"user_id": user, "timestamp": time} for time in times]
    assert len({SCHEMA.split(row) for row in rows}) == 1


def test_a_tenth_of_the_users_is_new():
    """10 % test, 10 % validation, the rest train."""
    splits = [SCHEMA.split(CLEAN | {"user_id": user}) for user in range(5_000)]
    assert set(splits) == set(SPLITS)
    assert 0.08 < splits.count("test") / 5_000 < 0.12
    assert 0.08 < splits.count("validation") / 5_000 < 0.12


def test_a_question_of_s3():
    """The example of S3-04 is taken as it stands; top_k may be left out."""
    assert SCHEMA.check(QUESTION) == QUESTION
    assert SCHEMA.check({"user_id": 1, "sequence": []}) == {"user_id": 1, "sequence": [], "top_k": DEFAULT_TOP_K}


@pytest.mark.parametrize("text", ["[3, 8, 15]", "3 8 15", "3|8|15", " 3, 8 ,15 ", "3;8;15", "3\t8\n15", "[3,8,15] "])
def test_a_sequence_in_a_cell(text):
    """A JSON list, or numbers with blanks, bars, commas or semicolons between them; so are the other cells text."""
    assert SCHEMA.check({"user_id": "1", "sequence": text, "top_k": "3"}) == QUESTION


@pytest.mark.parametrize("text", ["", "  ", "[]"])
def test_an_empty_sequence_is_a_question(text):
    """Who has chosen nothing yet is answered, and is told by what."""
    assert SCHEMA.check({"user_id": "1", "sequence": text, "top_k": ""})["sequence"] == []


@pytest.mark.parametrize(
    "text", ["[3, 8", "[[3]]", "[3.5]", "[NaN]", '["3"]', "[true]", "[null]", "3 x", "{}", "[" * 100_000, "3.5", "-3"]
)
def test_a_cell_that_is_no_sequence_is_refused(text):
    """Half a list, nested lists and what is no id are refused for the sequence."""
    if text == '["3"]':
        assert SCHEMA.check(QUESTION | {"sequence": text})["sequence"] == [3]  # a list of text in a cell of text
    else:
        assert refused(SCHEMA.check, QUESTION | {"sequence": text}) == "sequence"


@pytest.mark.parametrize(("top_k", "taken"), [(0, False), (1, True), (100, True), (101, False), (-5, False)])
def test_limits_of_top_k(top_k, taken):
    """1 to 100."""
    if taken:
        assert SCHEMA.check(QUESTION | {"top_k": top_k})["top_k"] == top_k
    else:
        assert refused(SCHEMA.check, QUESTION | {"top_k": top_k}) == "top_k"


def test_limits_of_a_sequence():
    """10,000 items are taken, one more is not, and a million are refused without being read."""
    assert len(SCHEMA.check(QUESTION | {"sequence": [1] * MAX_SEQUENCE})["sequence"]) == MAX_SEQUENCE
    for many in (MAX_SEQUENCE + 1, 1_000_000):
        assert refused(SCHEMA.check, QUESTION | {"sequence": [1] * many}) == "sequence"
        assert refused(SCHEMA.check, QUESTION | {"sequence": "1 " * many}) == "sequence"
        assert refused(SCHEMA.check, QUESTION | {"sequence": json.dumps([1] * many)}) == "sequence"


def test_limits_of_candidates():
    """1,000 are taken and come back, one more is refused; without any the question has none."""
    assert SCHEMA.check(QUESTION | {"candidates": [4, 4]})["candidates"] == [4, 4]
    assert len(SCHEMA.check(QUESTION | {"candidates": [1] * MAX_CANDIDATES})["candidates"]) == MAX_CANDIDATES
    assert refused(SCHEMA.check, QUESTION | {"candidates": [1] * (MAX_CANDIDATES + 1)}) == "candidates"
    assert "candidates" not in SCHEMA.check(QUESTION)


@pytest.mark.parametrize("field", ["user_id", "sequence"])
def test_what_a_question_needs(field):
    """User and sequence must be there."""
    assert refused(SCHEMA.check, {name: value for name, value in QUESTION.items() if name != field}) == field


@settings(max_examples=200, deadline=None)
@given(field=st.sampled_from(["user_id", "top_k"]), value=WRONG_NUMBERS)
def test_wrong_numbers_are_refused_for_their_field(field, value):
    """Fractions, booleans, NaN, negative and huge numbers, other types: never an exception, never a guess."""
    if field == "top_k" and value == "":
        return  # an empty cell asks for the default
    assert refused(SCHEMA.check, QUESTION | {field: value}) == field


@settings(max_examples=200, deadline=None)
@given(
    before=st.lists(IDS, max_size=5), wrong=WRONG_NUMBERS | st.lists(IDS, max_size=2), after=st.lists(IDS, max_size=5)
)
def test_one_wrong_item_refuses_the_sequence(before, wrong, after):
    """A sequence is right as a whole or not at all; text in a JSON list is no id."""
    assert refused(SCHEMA.check, QUESTION | {"sequence": [*before, wrong, *after]}) == "sequence"
    assert refused(SCHEMA.check, QUESTION | {"sequence": [*before, "3", *after]}) == "sequence"


@settings(max_examples=200, deadline=None)
@given(sequence=st.lists(IDS, max_size=30), user=IDS, separator=st.sampled_from([" ", "|", ",", ", ", ";", "\n"]))
def test_a_sequence_means_the_same_as_list_and_as_cell(sequence, user, separator):
    """Whatever the ids, the list, its JSON text and its plain text are one question."""
    asked = SCHEMA.check({"user_id": user, "sequence": sequence})
    assert asked["sequence"] == sequence
    assert SCHEMA.check({"user_id": str(user), "sequence": json.dumps(sequence)}) == asked
    assert SCHEMA.check({"user_id": str(user), "sequence": separator.join(map(str, sequence))}) == asked
    assert SCHEMA.check(asked) == asked


@settings(max_examples=200, deadline=None)
@given(value=st.floats() | st.text(max_size=30) | st.sampled_from(["nan", "-0", "1e400", "5.0000000001"]))
def test_a_rating_is_a_number_of_stars_or_refused(value):
    """No text and no float leads to anything but stars from 0.5 to 5 or a refusal."""
    try:
        rating = SCHEMA.clean(GOOD | {"rating": str(value)})["rating"]
    except RowRejected as refusal:
        field, rating = refusal.field, 0.5
    else:
        field = "rating"
    assert field == "rating"
    assert 0.5 <= rating <= 5.0
