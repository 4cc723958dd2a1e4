"""API Gateway's events in, answers and problem documents out: the routes as their callers see them."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aws_lambda_powertools import Logger, Metrics

from infolens.aws.predictions import failed
from infolens.contracts.prediction import PredictRequest, Problem
from infolens.contracts.rollout import AliasState
from infolens.serving.http_api import Ports, build_app
from infolens.tasks import task_names
from serving_fakes import ANSWERED, FakeAlias, FakePredictions, answered_by

EVENTS = Path(__file__).parents[1] / "events"
TEXT = "The senate vote on the election bill came as a surprise to party leaders on Monday."
CANARY = AliasState(champion="4", candidate="5", weight=20, revision_id="r")
NEW_ID = 4242


@dataclass
class Context:
    """What the Lambda runtime hands over beside the event."""

    function_name: str = "infolens-api"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:infolens-api"
    aws_request_id: str = "11111111-2222-3333-4444-555555555555"


@dataclass(frozen=True)
class Reply:
    """An answer as the caller sees it."""

    status: int
    content_type: str
    body: dict
    headers: dict


def golden(name: str) -> dict:
    """Read a golden event."""
    return json.loads((EVENTS / f"api_{name}.json").read_text())


def send(event, predictions=None, alias=None) -> Reply:
    """Send an event, by its golden name or as it is."""
    ports = Ports(
        predictions=predictions or FakePredictions({"live": ANSWERED}),
        alias=alias or FakeAlias(CANARY),
        function_prefix="infolens-predict-",
        new_prediction_id=lambda: NEW_ID,
        logger=Logger(service="test"),
        metrics=Metrics(namespace="Test", service="test"),
    )
    answer = build_app(ports).resolve(golden(event) if isinstance(event, str) else event, Context())
    headers = {name: values[0] for name, values in answer["multiValueHeaders"].items()}
    return Reply(answer["statusCode"], headers["Content-Type"], json.loads(answer["body"]), headers)


def with_text(text: object) -> dict:
    """An event with another text."""
    return golden("prediction") | {"body": json.dumps({"prediction_id": 7, "text": text})}


def assert_problem(reply: Reply, status: int, **members: object) -> None:
    """A reply is an RFC 9457 document of this status and these members."""
    assert reply.status == status
    assert reply.content_type == "application/problem+json"
    assert {"type", "title", "status", "detail"} <= set(reply.body)
    assert reply.body["status"] == status
    assert {name: reply.body.get(name) for name in members} == members


def test_prediction():
    """A good request gets the answer, and all by which it can be traced back."""
    predictions = FakePredictions({"live": ANSWERED})
    reply = send("prediction", predictions)
    assert reply.status == 200
    assert reply.content_type == "application/json"
    assert reply.body == {
        "prediction_id": 7,
        "label_id": 1,
        "label": "Politics",
        "confidence": 0.93,
        "model_version": "4",
        "dataset_id": "data-1",
        "run_id": "run-1",
        "bundle_digest": "d" * 64,
    }
    assert reply.headers["X-InfoLens-Model-Version"] == "4"
    assert reply.headers["X-InfoLens-Prediction-Id"] == "7"
    assert "X-InfoLens-Fallback" not in reply.headers
    assert predictions.asked == [("news_category", PredictRequest("7", ({"text": TEXT},)), "live")]


def test_id_is_made_where_none_is_given():
    """A caller who keeps no ids gets one, in the answer and in the header."""
    reply = send("prediction_without_id")
    assert reply.body["prediction_id"] == NEW_ID
    assert reply.headers["X-InfoLens-Prediction-Id"] == str(NEW_ID)


def test_base64_body():
    """A body that API Gateway encoded is read like any other."""
    event = golden("prediction") | {"body": "eyJwcmVkaWN0aW9uX2lkIjogN30=", "isBase64Encoded": True}
    assert_problem(send(event), 422, field="text", prediction_id=7)


@pytest.mark.parametrize("name", ["malformed_json", "empty_body"])
def test_malformed_json(name):
    """A body that is no JSON is a 400, and nothing is asked."""
    predictions = FakePredictions({})
    assert_problem(send(name, predictions), 400, title="Malformed request")
    assert predictions.asked == []


def test_unknown_task():
    """A task that is not there is a 404 that lists those there are."""
    reply = send("unknown_task")
    assert_problem(reply, 404, title="Unknown task", field="task")
    assert "known tasks: " in reply.body["detail"]


@pytest.mark.parametrize(
    ("event", "field", "words"),
    [
        ("wrong_type", "text", "must be a string, not a number"),
        ("missing_text", "text", "is missing"),
        ("text_too_short", "text", "has 22 characters after cleaning; at least 50 are needed"),
        ("bad_prediction_id", "prediction_id", "must be from 1 to 9007199254740991, not -7"),
    ],
)
def test_refused_input(event, field, words):
    """A wrong field is a 422 that names the field and the limit, and no model is asked."""
    predictions = FakePredictions({})
    reply = send(event, predictions)
    assert_problem(reply, 422, field=field)
    assert words in reply.body["detail"]
    assert predictions.asked == []


@pytest.mark.parametrize(
    ("length", "status"), [(49, 422), (50, 200), (12_000, 200), (12_001, 422)], ids=["49", "50", "12000", "12001"]
)
def test_text_limits(length, status):
    """Texts of 50 to 12,000 characters are answered (S0-30)."""
    assert send(with_text("x" * length)).status == status


def test_text_too_long():
    """A text that is too long is refused with the limit."""
    reply = send(with_text("x" * 12_001))
    assert_problem(reply, 422, field="text", prediction_id=7)
    assert "at most 12000 are taken" in reply.body["detail"]


def test_body_too_large():
    """A body past the limit is a 413 before it is read as JSON."""
    assert_problem(send(golden("prediction") | {"body": "x" * 300_000}), 413, title="Body too large")


def test_no_model_live():
    """A task without a model is a 503 that says what to do."""
    reply = send("prediction", FakePredictions({}))
    assert_problem(reply, 503, title="No model", prediction_id=7)
    assert reply.headers["Retry-After"] == "60"


@pytest.mark.parametrize(("status", "title"), [(502, "Model fault"), (504, "Model time-out")])
def test_model_fault(status, title):
    """A fault of the champion reaches the caller as a problem with the version, and nothing of its inside."""
    reply = send("prediction", FakePredictions({"live": failed(status, "4", "model version 4 failed")}))
    assert_problem(reply, status, title=title, prediction_id=7)
    assert reply.headers["X-InfoLens-Model-Version"] == "4"


def test_handled_fault():
    """A predict function that answers 500 is passed on as it is."""
    fault = replace(answered_by("4"), status=500, answers=(), problem=Problem(500, "Model fault", "version 4 failed"))
    assert_problem(
        send("prediction", FakePredictions({"live": fault})), 500, title="Model fault", detail="version 4 failed"
    )


def test_fallback():
    """A canary's fault costs its users nothing: the champion answers, and the header says so."""
    predictions = FakePredictions({"live": failed(502, "5", "model version 5 failed"), "4": answered_by("4")})
    reply = send("prediction", predictions)
    assert reply.status == 200
    assert reply.headers["X-InfoLens-Fallback"] == "champion"
    assert reply.headers["X-InfoLens-Model-Version"] == "4"


def test_too_many():
    """More than the account allows at once is a 429."""
    assert_problem(send("prediction", FakePredictions({"live": failed(429, "", "too many")})), 429)


def test_answer_without_answers():
    """A 200 of a predict function that holds no answer is a fault, not an empty success."""
    assert_problem(send("prediction", FakePredictions({"live": replace(ANSWERED, answers=())})), 502)


def test_input_that_only_the_model_refuses():
    """The second check, in the predict function, is passed on with its field."""
    refused = {"problem": {"status": 422, "title": "Input refused", "detail": "text: no", "field": "text"}}
    assert_problem(
        send("prediction", FakePredictions({"live": replace(ANSWERED, answers=(refused,))})), 422, field="text"
    )


def test_our_own_fault():
    """A bug of the API is a 500 that tells nothing of the inside."""

    class Broken:
        def invoke(self, task, request, qualifier="live"):
            """See Predictions."""
            raise RuntimeError("secret")

    reply = send("prediction", Broken())
    assert_problem(reply, 500, title="Internal error", prediction_id=7)
    assert "secret" not in json.dumps(reply.body)


def test_list_tasks():
    """The tasks are those that have a folder."""
    assert send("list_tasks").body == {"tasks": list(task_names())}


def test_describe_task():
    """A task tells its columns and who serves it."""
    reply = send("describe_task")
    assert reply.body == {
        "task": "news_category",
        "columns": {"text": "string", "label": "string"},
        "label": "label",
        "champion_version": "4",
    }


def test_describe_task_without_a_model():
    """Before the first rollout nobody serves."""

    class Nobody:
        def read(self, function):
            """See Aliases."""

    assert send("describe_task", alias=Nobody()).body["champion_version"] is None


def test_unknown_route():
    """A path that is not there is a 404 that lists those there are."""
    reply = send("unknown_route")
    assert_problem(reply, 404, title="Unknown route")
    assert "POST /tasks/<task>/predictions" in reply.body["detail"]


def test_wrong_method():
    """A known path with another method is a 405 that names the right one."""
    reply = send("wrong_method")
    assert_problem(reply, 405, title="Method not allowed")
    assert reply.headers["Allow"] == "POST"


def test_one_request_leaves_nothing_to_the_next():
    """A prediction id does not leak into the problem of a later request in the same environment."""
    ports = Ports(
        FakePredictions({"live": ANSWERED}),
        FakeAlias(CANARY),
        "infolens-predict-",
        lambda: NEW_ID,
        Logger(service="test"),
        Metrics(namespace="Test", service="test"),
    )
    app = build_app(ports)
    app.resolve(golden("prediction"), Context())
    answer = app.resolve(golden("malformed_json"), Context())
    assert "prediction_id" not in json.loads(answer["body"])
    assert "X-InfoLens-Prediction-Id" not in answer["multiValueHeaders"]
