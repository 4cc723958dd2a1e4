"""Every way in which a request body can be wrong ends in a problem that names what to change."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolens.serving.problems import ProblemError
from infolens.serving.request_body import (
    MAX_BODY_BYTES,
    MAX_PREDICTION_ID,
    PredictionBody,
    members,
    must_be_json,
    split_id,
)


def parse(body, **options):
    """Read a body as a task's own route does."""
    return split_id(members(body, **options))


def problem_of(body, **options):
    """Parse and return the problem."""
    with pytest.raises(ProblemError) as caught:
        parse(body, **options)
    return caught.value.problem


def test_splits_the_id_from_the_input():
    """The id is the API's, everything else is the task's."""
    assert parse('{"prediction_id": 7, "text": "a", "top_k": 3}') == PredictionBody(7, {"text": "a", "top_k": 3})


@pytest.mark.parametrize("body", ['{"text": "a"}', '{"text": "a", "prediction_id": null}'])
def test_id_is_optional(body):
    """A caller who keeps no ids gets one made."""
    assert parse(body) == PredictionBody(None, {"text": "a"})


def test_base64():
    """API Gateway may hand the body over as base64."""
    assert parse(base64.b64encode('{"text": "é"}'.encode()).decode(), is_base64=True).payload == {"text": "é"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, "the body is not JSON"),
        ("", "the body is not JSON"),
        ("{", "the body is not JSON"),
        ('{"text": NaN}', "NaN is no JSON value"),
        ('{"text": -Infinity}', "-Infinity is no JSON value"),
        ('{"x": 1e400}', "1e400 is too large a number"),
        ('{"text": "a", "text": "b"}', "an object names a member twice"),
        ('{"a": {"b": 1, "b": 2}}', "an object names a member twice"),
        pytest.param("[" * 100_000, "the body is not JSON", id="deep"),
        pytest.param("9" * 5000, "the body is not JSON", id="digits"),
        ('{"text": "\\ud800"}', "the body is not UTF-8 text"),
        ("[]", "the body must be a JSON object"),
        ('"text"', "the body must be a JSON object"),
    ],
    ids=[
        "none",
        "empty",
        "open",
        "nan",
        "infinity",
        "huge",
        "twice",
        "twice-inside",
        "deep",
        "digits",
        "surrogate",
        "list",
        "string",
    ],
)
def test_malformed(body, words):
    """What is no JSON object is a 400 that says what is wrong."""
    problem = problem_of(body)
    assert problem.status == 400
    assert words in problem.detail


@pytest.mark.parametrize("body", ["%%%", base64.b64encode(b"\xff\xfe{").decode()])
def test_malformed_base64(body):
    """Base64 that is none, or holds no text, is a 400."""
    assert problem_of(body, is_base64=True).status == 400


@pytest.mark.parametrize("value", ["7", 7.0, True, False, [], {}, "x" * 100])
def test_id_of_another_type(value):
    """An id that is no whole number is refused, true and 7.0 among them (S0-30)."""
    problem = problem_of(json.dumps({"prediction_id": value}))
    assert (problem.status, problem.field) == (422, "prediction_id")
    assert "must be a whole number" in problem.detail


@pytest.mark.parametrize(("value", "taken"), [(0, False), (1, True), (-1, False), (2**53 - 1, True), (2**53, False)])
def test_id_limits(value, taken):
    """An id is positive and small enough for every JSON reader."""
    body = json.dumps({"prediction_id": value})
    if taken:
        assert parse(body).prediction_id == value
    else:
        assert problem_of(body).detail == f"prediction_id: must be from 1 to {MAX_PREDICTION_ID}, not {value}"


@pytest.mark.parametrize(("size", "taken"), [(MAX_BODY_BYTES, True), (MAX_BODY_BYTES + 1, False)])
def test_size(size, taken):
    """A body of the limit is taken, one byte more is a 413 that names the limit."""
    body = json.dumps({"text": "x" * (size - len('{"text": ""}'))})
    assert len(body) == size
    if taken:
        assert parse(body).payload
    else:
        problem = problem_of(body)
        assert problem.status == 413
        assert problem.detail == "the body has 262145 bytes; at most 262144 are taken"


def test_size_is_counted_in_bytes():
    """Characters of four bytes count as four."""
    assert problem_of(json.dumps({"text": "🗞" * (MAX_BODY_BYTES // 4)}, ensure_ascii=False)).status == 413


@given(st.text() | st.binary().map(lambda raw: base64.b64encode(raw).decode()), st.booleans())
def test_never_anything_but_a_problem(body, is_base64):
    """Whatever arrives, the outcome is a body or a problem of 4xx."""
    try:
        status = 200 if parse(body, is_base64=is_base64) else 0
    except ProblemError as error:
        status = error.problem.status
    assert status in {200, 400, 413, 422}


@pytest.mark.parametrize(
    "kind", ["", "application/json", "Application/JSON; charset=utf-8", "application/vnd.infolens+json"]
)
def test_json_by_its_name(kind):
    """JSON is taken, and so is a body that does not say what it is."""
    must_be_json(kind)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_other_media_types(kind):
    """A body that says it is something else is a 415 that says what to send."""
    with pytest.raises(ProblemError) as caught:
        must_be_json(kind)
    assert caught.value.problem.status == 415
    assert "application/json" in caught.value.problem.detail
