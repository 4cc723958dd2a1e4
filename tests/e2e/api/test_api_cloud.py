"""S0's own call over HTTP with a key: the template's API, table and gateway responses, around three tiny models."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from api_cloud import ANSWERS, TEXT, Api
from cloud_parts import until

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def api(cloud):
    """The API with three models that answer."""
    return Api(cloud)


def test_call_of_s0(api):
    """Text and id in, one answer of three models out, versions in the headers (S0-30, S0-31)."""
    reply = api.predict(1)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    assert reply.body == {"prediction_id": 1, "bart": "A vote came as a surprise.", "xln": 0, "bert": 1}
    versions = [reply.headers[f"X-InfoLens-{name}-Version"] for name in ("Bart", "Xln", "Bert")]
    assert versions == ["1", "1", "1"]


def test_same_id_again(api):
    """The same request gets the same answer after a model has changed; the id with another text is refused."""
    first = api.predict(2)
    assert first.status == 200
    version = api.publish("news_category", {"label_id": 8})
    api.move("news_category", version)
    try:
        again = api.predict(2)
        assert (again.status, again.body) == (200, first.body)
        assert again.headers["X-InfoLens-Repeated"] == "true"
        assert again.headers["X-InfoLens-Bert-Version"] == "1"
        assert api.predict(20).body["bert"] == 8
    finally:
        api.move("news_category", "1")
    refused = api.predict(2, TEXT + " And more.")
    assert (refused.status, refused.headers["Content-Type"]) == (409, "application/problem+json")
    assert (refused.body["title"], refused.body["prediction_id"]) == ("Prediction id taken", 2)


def test_same_request_many_times_at_once(api):
    """Of several equal requests at a time one asks the models; the others get its answer or are told to come again."""
    with ThreadPoolExecutor(5) as pool:
        replies = list(pool.map(api.predict, [3] * 5))
    answers = [reply for reply in replies if reply.status == 200]
    assert answers
    assert all(reply.body == answers[0].body for reply in answers)
    for reply in replies:
        if reply.status != 200:
            assert (reply.status, reply.body["title"]) == (409, "Prediction under way")
            assert reply.headers["Retry-After"] == "1"
    assert api.predict(3).body == answers[0].body
    until(lambda: api.asked("fake_news", 3))
    assert [api.asked(task, 3) for task in ANSWERS] == [1, 1, 1]


def test_one_model_is_not_live(api):
    """Without one of the aliases the answer names what is missing and gives the rest; once it is back, all of it."""
    functions = api.cloud.client("lambda")
    functions.delete_alias(FunctionName=api.function("news_summary"), Name="live")
    try:
        reply = api.predict(4)
    finally:
        functions.create_alias(FunctionName=api.function("news_summary"), Name="live", FunctionVersion="1")
    assert reply.status == 207
    (problem,) = reply.body.pop("problems")
    assert reply.body == {"prediction_id": 4, "xln": 0, "bert": 1}
    assert (problem["model"], problem["task"], problem["status"]) == ("bart", "news_summary", 503)
    assert "X-InfoLens-Bart-Version" not in reply.headers
    whole = api.predict(4)
    assert (whole.status, whole.body["bart"]) == (200, "A vote came as a surprise.")


def test_candidate_that_fails(api):
    """A canary's fault costs its users nothing: the champion answers, and a header says so."""
    version = api.publish("fake_news", {}, fault="yes")
    api.move("fake_news", "1", version, 0.99)
    try:
        replies = [api.predict(50 + number) for number in range(4)]
    finally:
        api.move("fake_news", "1")
    assert [(reply.status, reply.body["xln"]) for reply in replies] == [(200, 0)] * 4
    fallen = [reply for reply in replies if reply.headers.get("X-InfoLens-Xln-Fallback") == "champion"]
    assert fallen
    assert {reply.headers["X-InfoLens-Xln-Version"] for reply in fallen} == {"1"}


def test_record_traces_the_answer(api):
    """What the table keeps under an id names version, bundle, run and dataset, and not the text."""
    assert api.predict(6).status == 200
    items = api.cloud.client("dynamodb").scan(TableName=api.table)["Items"]
    documents = [json.loads(item["data"]["S"]) for item in items if "data" in item]
    (document,) = [found for found in documents if found["answer"]["prediction_id"] == 6]
    assert document["models"]["xln"] == {
        "task": "fake_news",
        "model_version": "1",
        "dataset_id": "data",
        "run_id": "run",
        "bundle_digest": "digest",
        "fallback": False,
    }
    assert "senate" not in json.dumps(items)


def test_a_task_of_its_own(api):
    """A task's own route answers with all by which the answer can be traced back."""
    reply = api.send("/tasks/news_category/predictions", {"text": TEXT})
    assert reply.status == 200
    assert (reply.body["label"], reply.body["model_version"], reply.body["run_id"]) == ("Politics", "1", "run")
    assert reply.headers["X-InfoLens-Prediction-Id"] == str(reply.body["prediction_id"])


def test_tasks(api):
    """The tasks are listed with who serves them, and one tells what it takes and what it must reach."""
    lines = {line["task"]: line for line in api.send("/tasks").body["tasks"]}
    assert set(ANSWERS) <= set(lines)
    assert lines["fake_news"]["champion_version"] == "1"
    told = api.send("/tasks/news_category").body
    assert told["input"]["properties"]["text"]["maxLength"] == 12_000
    assert told["floors"]


def test_document(api):
    """The OpenAPI document is served, to those with the key."""
    reply = api.send("/openapi.json")
    assert reply.status == 200
    assert reply.body["openapi"].startswith("3.1")
    assert "/predict" in reply.body["paths"]
    assert api.send("/openapi.json", key="x" * 40).status == 403


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/predict", b"{", {}, 400),
        ("/predict", {"prediction_id": 0, "text": TEXT}, {}, 422),
        ("/predict", {"prediction_id": 7, "text": "x" * 49}, {}, 422),
        ("/predict", {"prediction_id": 7, "text": "x" * 300_000}, {}, 413),
        ("/predict", b"text", {"content_type": "text/plain"}, 415),
        ("/predict", None, {}, 405),
        ("/tasks/weather", None, {}, 404),
        ("/nothing", None, {}, 404),
        ("/predict", {"prediction_id": 7, "text": TEXT}, {"key": "x" * 40}, 403),
        ("/predict", {"prediction_id": 7, "text": TEXT}, {"key": ""}, 403),
    ],
)
def test_refusals(api, path, body, headers, status):
    """Every refusal is a problem document, API Gateway's own included."""
    reply = api.send(path, body, **headers)
    assert reply.status == status
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "detail"} <= set(reply.body)
    assert reply.body["status"] == status
