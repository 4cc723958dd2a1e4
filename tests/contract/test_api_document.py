"""The OpenAPI document is one, has every route, and the routes answer as it says."""

import json
import re

import pytest
from pydantic import TypeAdapter, ValidationError

from api_calls import ALL, TEXT, ports, post, send, telling
from infolens.aws.prediction_memory import IdTakenError, MemoryUnavailableError, UnderWayError
from infolens.aws.predictions import failed
from infolens.serving import documents, openapi
from infolens.serving.http_api import build_app
from infolens.tasks import schema_of, task_names
from observation_fakes import FakeObservations, champion
from serving_fakes import FakeMemory, FakeModels


def get(path):
    """An event that gets a path."""
    return post(path, None, httpMethod="GET")


def schema_of_news(task):
    """One schema for all three tasks of S0."""
    return schema_of("news_category" if task in ALL else task)


@pytest.fixture(scope="module")
def document():
    """The document as it is served."""
    reply = send(get("/openapi.json"))
    assert (reply.status, reply.content_type) == (200, "application/json")
    return reply.body


def operations(document):
    """Every operation: (method, path, operation)."""
    return [(method, path, said) for path, item in document["paths"].items() for method, said in item.items()]


def references(part):
    """All references inside a part of the document."""
    if isinstance(part, dict):
        here = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return here + [found for value in part.values() for found in references(value)]
    return [found for item in part for found in references(item)] if isinstance(part, list) else []


def test_valid(document):
    """The validator of the OpenAPI initiative's schema takes it."""
    validator = pytest.importorskip("openapi_spec_validator", reason="openapi-spec-validator is not installed")
    validator.validate(document)


def test_structure(document):
    """It is OpenAPI 3.1, its references lead somewhere, its operations have names of their own and answers."""
    assert document["openapi"].startswith("3.1.")
    assert set(document["info"]) >= {"title", "version"}
    schemas = document["components"]["schemas"]
    assert {reference.removeprefix("#/components/schemas/") for reference in references(document)} <= set(schemas)
    assert "HTTPValidationError" not in schemas
    names = [said["operationId"] for _, _, said in operations(document)]
    assert len(set(names)) == len(names)
    for _, path, said in operations(document):
        assert said["responses"]
        assert all(answer["description"] for answer in said["responses"].values())
        given = [parameter["name"] for parameter in said.get("parameters", [])]
        assert given == re.findall(r"{(\w+)}", path)


def test_every_route_is_there(document):
    """The routes of the document are those that the API has, and that a wrong method is told of."""
    assert {path: method.upper() for method, path, _ in operations(document)} == openapi.METHODS


def test_key(document):
    """The key is asked for in the header that API Gateway reads."""
    (scheme,) = document["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "x-api-key")
    assert document["security"] == [{"key": []}]


def test_limits_of_s0(document):
    """S0's limits stand in the document as they are checked (S0-30, S0-31)."""
    schemas = document["components"]["schemas"]
    said = schemas["InfoLensRequest"]
    assert said["required"] == ["prediction_id", "text"]
    assert (said["properties"]["text"]["minLength"], said["properties"]["text"]["maxLength"]) == (50, 12_000)
    assert (said["properties"]["prediction_id"]["minimum"], said["properties"]["prediction_id"]["type"]) == (
        1,
        "integer",
    )
    answer = schemas["InfoLensAnswer"]
    assert sorted(answer["required"]) == ["bart", "bert", "prediction_id", "xln"]
    assert answer["additionalProperties"] is False
    assert [answer["properties"][name]["maximum"] for name in ("xln", "bert")] == [1, 9]


def test_tasks(document):
    """Each task's own input is in the document, and no other task is."""
    said = document["paths"]["/tasks/{task}/predictions"]["post"]
    assert said["parameters"][0]["schema"]["enum"] == list(task_names())
    body = said["requestBody"]["content"]["application/json"]["schema"]
    assert [option["$ref"].rpartition("/")[2] for option in body["anyOf"]] == list(task_names())
    for task in task_names():
        assert document["components"]["schemas"][task]["type"] == "object"


def test_errors_are_problem_documents(document):
    """Every error of every operation is announced as application/problem+json."""
    for _, _, said in operations(document):
        for status, answer in said["responses"].items():
            kind = "application/problem+json" if int(status) >= 400 else "application/json"
            assert list(answer["content"]) == [kind]


MODELS = {
    "FeedbackAnswer": documents.FeedbackAnswer,
    "InfoLensAnswer": documents.InfoLensAnswer,
    "PartialAnswer": documents.PartialAnswer,
    "ProblemDocument": documents.ProblemDocument,
    "TaskAnswer": documents.TaskAnswer,
    "TaskDocument": documents.TaskDocument,
    "TaskList": documents.TaskList,
}

WHOLE = {"prediction_id": 7, "text": TEXT}
LABEL = {"prediction_id": 7, "label": "Politics"}


def answered():
    """A table with one answer of news_category under id 7."""
    table = FakeObservations()
    table.add_answer(champion())
    return table


THROTTLED = failed(429, "", "too many")


@pytest.mark.parametrize(
    ("route", "event", "given", "status"),
    [
        ("/predict", post("/predict", WHOLE), {"predictions": FakeModels(ALL)}, 200),
        ("/predict", post("/predict", WHOLE), {"predictions": FakeModels({"fake_news": ALL["fake_news"]})}, 207),
        ("/predict", post("/predict", "{"), {}, 400),
        ("/predict", post("/predict", WHOLE), {"memory": FakeMemory(IdTakenError("x"))}, 409),
        ("/predict", post("/predict", WHOLE), {"memory": FakeMemory(UnderWayError("x"))}, 409),
        ("/predict", post("/predict", "x" * 300_000), {}, 413),
        ("/predict", post("/predict", WHOLE, headers={"content-type": "text/plain"}), {}, 415),
        ("/predict", post("/predict", {}), {}, 422),
        ("/predict", post("/predict", WHOLE), {"predictions": FakeModels(dict.fromkeys(ALL, THROTTLED))}, 429),
        ("/predict", post("/predict", WHOLE), {"memory": FakeMemory(RuntimeError("x"))}, 500),
        ("/predict", post("/predict", WHOLE), {"predictions": FakeModels({"fake_news": THROTTLED})}, 502),
        ("/predict", post("/predict", WHOLE), {"predictions": FakeModels({})}, 503),
        ("/predict", post("/predict", WHOLE), {"memory": FakeMemory(MemoryUnavailableError("x"))}, 503),
        ("/feedback", post("/feedback", LABEL), {"tell": telling(answered())}, 200),
        ("/feedback", post("/feedback", LABEL | {"task": "toxicity", "label": 1}), {}, 202),
        ("/feedback", post("/feedback", "{"), {}, 400),
        ("/feedback", post("/feedback", LABEL), {}, 404),
        ("/feedback", post("/feedback", LABEL | {"task": "weather"}), {}, 404),
        ("/feedback", post("/feedback", "x" * 300_000), {}, 413),
        ("/feedback", post("/feedback", LABEL, headers={"content-type": "text/plain"}), {}, 415),
        ("/feedback", post("/feedback", LABEL | {"label": "Weather"}), {"tell": telling(answered())}, 422),
        ("/feedback", post("/feedback", LABEL), {"tell": None}, 500),
        ("/tasks", get("/tasks"), {}, 200),
        ("/tasks/{task}", get("/tasks/news_category"), {}, 200),
        ("/tasks/{task}", get("/tasks/weather"), {}, 404),
        ("/tasks/{task}/predictions", post("/tasks/news_category/predictions", WHOLE), {}, 200),
        ("/tasks/{task}/predictions", post("/tasks/weather/predictions", WHOLE), {}, 404),
        ("/tasks/{task}/predictions", post("/tasks/news_category/predictions", {"text": ""}), {}, 422),
        (
            "/tasks/{task}/predictions",
            post("/tasks/news_category/predictions", WHOLE),
            {"predictions": FakeModels({})},
            503,
        ),
        (
            "/tasks/{task}/predictions",
            post("/tasks/news_category/predictions", WHOLE),
            {"predictions": FakeModels({"news_category": failed(504, "4", "out of time")})},
            504,
        ),
    ],
)
def test_routes_answer_as_the_document_says(document, route, event, given, status):
    """Status, content type, headers and members of an answer are those that the document announces."""
    reply = send(event, **{"schema_of": schema_of_news, **given})
    assert reply.status == status
    (said,) = (said for _, path, said in operations(document) if path == route)
    answer = said["responses"][str(status)]
    assert reply.content_type in answer["content"]
    reference = answer["content"][reply.content_type]["schema"]["$ref"].rpartition("/")[2]
    TypeAdapter(MODELS[reference]).validate_python(reply.body)
    ours = {name for name in reply.headers if name.startswith("X-InfoLens") and status < 400}
    assert ours <= set(answer.get("headers", {}))


def test_models_refuse_what_is_not_announced():
    """The check above can fail: S0's answer with a member more, or without one, is no such document."""
    good = {"prediction_id": 7, "bart": "A vote.", "xln": 0, "bert": 1}
    adapter = TypeAdapter(documents.InfoLensAnswer)
    adapter.validate_python(good)
    for bad in (good | {"label": "x"}, {"prediction_id": 7}, good | {"xln": None}, good | {"bert": 10}):
        with pytest.raises(ValidationError):
            adapter.validate_python(bad)


def test_documented_once():
    """The document is made on the first request and kept: the tasks of a deployment do not change."""
    app = build_app(ports())
    assert send(get("/openapi.json"), app).body == send(get("/openapi.json"), app).body


def test_document_of_tasks_that_describe_themselves(document):
    """What GET /tasks/{task} calls its input is what the document says of it."""
    for task in task_names():
        told = send(get(f"/tasks/{task}")).body["input"]
        assert {name: document["components"]["schemas"][task][name] for name in told} == json.loads(json.dumps(told))
