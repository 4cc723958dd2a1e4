"""Whatever is sent, the API answers with an answer or a problem of the caller's, never with a fault of its own."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_calls import ALL, TEXT, ports, post, send
from infolens.serving.http_api import build_app
from infolens.tasks import schema_of, task_names
from serving_fakes import FakeMemory, FakeModels

IDS = st.one_of(st.integers(), st.floats(), st.booleans(), st.none(), st.text(), st.integers(1, 2**53 - 1))
TEXTS = st.one_of(
    st.text(max_size=200),
    st.text(st.characters(), min_size=45, max_size=80),
    st.sampled_from(["\x00" * 60, "\u202e" * 60, "🗞" * 12_000, " " * 100, TEXT]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
BODIES = st.one_of(
    st.fixed_dictionaries({"prediction_id": IDS, "text": TEXTS}).map(json.dumps),
    st.dictionaries(st.sampled_from(["prediction_id", "text", "title", "x"]), VALUES, max_size=4).map(json.dumps),
    VALUES.map(json.dumps),
    st.text(),
    st.just(None),
)
HEADERS = st.sampled_from(
    [{"content-type": "application/json"}, {}, {"Content-Type": "text/plain"}, {"content-type": ""}, None]
)


def app_around_good_models():
    """An app whose models answer everything."""

    def schemas(task):
        return schema_of("news_category" if task in ALL else task)

    return build_app(ports(predictions=FakeModels(ALL), memory=FakeMemory(), schema_of=schemas))


def assert_sound(reply):
    """It is a whole answer, or a problem of the caller's that says what to change."""
    if reply.status == 200:
        assert reply.content_type == "application/json"
        return
    assert 400 <= reply.status < 500
    assert reply.content_type == "application/problem+json"
    assert reply.body["status"] == reply.status
    assert reply.body["detail"]


@given(body=BODIES, headers=HEADERS)
def test_predict(body, headers):
    """S0's endpoint: any body, any content type."""
    reply = send(post("/predict", body, headers=headers), app_around_good_models())
    assert_sound(reply)
    if reply.status == 200:
        assert set(reply.body) == {"prediction_id", "bart", "xln", "bert"}


@given(body=BODIES)
def test_predict_takes_what_s0_says_and_nothing_else(body):
    """An answer is given for an id of 1 to 2**53 - 1 with a text of 50 to 12,000 characters, and for nothing else."""
    reply = send(post("/predict", body), app_around_good_models())
    if reply.status != 200:
        return
    sent = json.loads(body)
    assert type(sent["prediction_id"]) is int
    assert 1 <= sent["prediction_id"] < 2**53
    assert isinstance(sent["text"], str)
    assert 50 <= len(sent["text"]) <= 12_000


@given(raw=st.binary(max_size=200))
def test_base64(raw):
    """Bodies that API Gateway encoded, and such as are no text at all."""
    event = post("/predict", base64.b64encode(raw).decode(), isBase64Encoded=True)
    assert_sound(send(event, app_around_good_models()))


@pytest.mark.parametrize("task", task_names())
@given(body=BODIES)
def test_tasks(task, body):
    """Every task's own route, with its own schema: refused by it, or asked of a model."""
    reply = send(
        post(f"/tasks/{task}/predictions", body),
        build_app(ports(predictions=FakeModels(dict.fromkeys(task_names(), ALL["news_category"])))),
    )
    assert_sound(reply)


@given(path=st.text(st.characters(codec="utf-8"), max_size=40), method=st.sampled_from(["GET", "POST", "PUT", "HEAD"]))
def test_paths(path, method):
    """Any path with any method is an answer, or a 404 or 405 that says what there is."""
    reply = send(post(f"/{path}", None, httpMethod=method), app_around_good_models())
    assert reply.status in {200, 400, 404, 405, 422}


@pytest.mark.parametrize("body", ["x" * 10_000_000, json.dumps({"prediction_id": 7, "text": "x" * 10_000_000})])
def test_ten_megabytes(body):
    """A body of 10 MB is a 413, on both routes."""
    for path in ("/predict", "/tasks/news_category/predictions"):
        reply = send(post(path, body), app_around_good_models())
        assert (reply.status, reply.body["title"]) == (413, "Body too large")


@pytest.mark.parametrize("text", ['"\\ud800' + "x" * 60 + '"', '"' + "x" * 60 + '\\udfff"'])
def test_half_surrogates(text):
    """Half a surrogate pair is no text, wherever it stands."""
    reply = send(post("/predict", f'{{"prediction_id": 7, "text": {text}}}'), app_around_good_models())
    assert (reply.status, reply.body["detail"]) == (400, "the body is not UTF-8 text")
