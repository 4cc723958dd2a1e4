"""API Gateway's events in, answers and problem documents out: the routes as their callers see them."""

import json
import threading
from dataclasses import replace

import pytest

from api_calls import NEW_ID, TEXT, Context, assert_problem, golden, ports, send, with_text
from infolens.aws.predictions import failed
from infolens.contracts.prediction import PredictRequest, Problem
from infolens.serving.http_api import build_app
from infolens.serving.task_documents import one_line
from infolens.tasks import task_names
from infolens.usecases.sides import UNKEPT, Chosen
from serving_fakes import ANSWERED, FakePredictions, answered_by


def test_prediction():
    """A good request gets the answer, and all by which it can be traced back."""
    predictions = FakePredictions({"live": ANSWERED})
    reply = send("prediction", predictions=predictions)
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
    assert_problem(send(name, predictions=predictions), 400, title="Malformed request")
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
    reply = send(event, predictions=predictions)
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
    reply = send("prediction", predictions=FakePredictions({}))
    assert_problem(reply, 503, title="No model", prediction_id=7)
    assert reply.headers["Retry-After"] == "60"


@pytest.mark.parametrize(("status", "title"), [(502, "Model fault"), (504, "Model time-out")])
def test_model_fault(status, title):
    """A fault of the champion reaches the caller as a problem with the version, and nothing of its inside."""
    reply = send("prediction", predictions=FakePredictions({"live": failed(status, "4", "model version 4 failed")}))
    assert_problem(reply, status, title=title, prediction_id=7)
    assert reply.headers["X-InfoLens-Model-Version"] == "4"


def test_handled_fault():
    """A predict function that answers 500 is passed on as it is."""
    fault = replace(answered_by("4"), status=500, answers=(), problem=Problem(500, "Model fault", "version 4 failed"))
    assert_problem(
        send("prediction", predictions=FakePredictions({"live": fault})),
        500,
        title="Model fault",
        detail="version 4 failed",
    )


def test_fallback():
    """A canary's fault costs its users nothing: the champion answers, and the header says so."""
    predictions = FakePredictions({"live": failed(502, "5", "model version 5 failed"), "4": answered_by("4")})
    reply = send("prediction", predictions=predictions)
    assert reply.status == 200
    assert reply.headers["X-InfoLens-Fallback"] == "champion"
    assert reply.headers["X-InfoLens-Model-Version"] == "4"


def test_too_many():
    """More than the account allows at once is a 429."""
    assert_problem(send("prediction", predictions=FakePredictions({"live": failed(429, "", "too many")})), 429)


def test_answer_without_answers():
    """A 200 of a predict function that holds no answer is a fault, not an empty success."""
    assert_problem(send("prediction", predictions=FakePredictions({"live": replace(ANSWERED, answers=())})), 502)


def test_input_that_only_the_model_refuses():
    """The second check, in the predict function, is passed on with its field."""
    refused = {"problem": {"status": 422, "title": "Input refused", "detail": "text: no", "field": "text"}}
    assert_problem(
        send("prediction", predictions=FakePredictions({"live": replace(ANSWERED, answers=(refused,))})),
        422,
        field="text",
    )


def test_our_own_fault():
    """A bug of the API is a 500 that tells nothing of the inside."""

    class Broken:
        def invoke(self, task, request, qualifier="live"):
            """See Predictions."""
            raise RuntimeError("secret")

    reply = send("prediction", predictions=Broken())
    assert_problem(reply, 500, title="Internal error", prediction_id=7)
    assert "secret" not in json.dumps(reply.body)


def test_list_tasks():
    """The tasks are those that have a folder, each with its line and who serves it."""
    lines = send("list_tasks").body["tasks"]
    assert [line["task"] for line in lines] == list(task_names())
    assert {"task": "news_category", "description": one_line("news_category"), "champion_version": "4"} in lines


def test_list_tasks_when_lambda_fails():
    """A list without its champions is no list."""

    class Broken:
        def read(self, function):
            """See Aliases."""
            raise RuntimeError("secret")

    assert_problem(send("list_tasks", alias=Broken()), 500, title="Internal error")


def test_describe_task():
    """A task tells its input and answer, its files' columns, who serves it, and what a candidate must reach."""
    body = send("describe_task").body
    assert set(body) == {
        "task",
        "description",
        "champion_version",
        "input",
        "answer",
        "columns",
        "label",
        "floors",
    }
    assert body["champion_version"] == "4"
    assert body["columns"] == {"text": "string", "label": "string"}
    assert body["label"] == "label"
    assert body["input"]["required"] == ["text"]
    accuracy = next(floor for floor in body["floors"] if floor["metric"] == "accuracy")
    assert (accuracy["limit"], accuracy["direction"]) == (0.7, "higher_is_better")
    assert "S0-39" in accuracy["why"]


def test_unknown_task_has_no_description():
    """A task that is not there is a 404 here too."""
    assert_problem(send(golden("describe_task") | {"path": "/tasks/weather"}), 404, title="Unknown task")


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
    assert "POST /tasks/{task}/predictions" in reply.body["detail"]


def test_wrong_method():
    """A known path with another method is a 405 that names the right one."""
    reply = send("wrong_method")
    assert_problem(reply, 405, title="Method not allowed")
    assert reply.headers["Allow"] == "POST"


def test_one_request_leaves_nothing_to_the_next():
    """A prediction id does not leak into the problem of a later request in the same environment."""
    app = build_app(ports())
    app.resolve(golden("prediction"), Context())
    answer = app.resolve(golden("malformed_json"), Context())
    assert "prediction_id" not in json.loads(answer["body"])
    assert "X-InfoLens-Prediction-Id" not in answer["multiValueHeaders"]


def test_other_media_type():
    """A body that says it is a form is refused before it is read."""
    event = golden("prediction") | {"headers": {"Content-Type": "application/x-www-form-urlencoded"}}
    assert_problem(send(event), 415, title="Unsupported media type")


def test_nothing_is_remembered_under_a_task():
    """A task's own route asks its model each time, whatever its id was answered with before."""
    app = build_app(ports(predictions=FakePredictions({"live": ANSWERED})))
    assert send("prediction", app).status == 200
    event = golden("prediction") | {"body": json.dumps({"prediction_id": 7, "text": "Another text. " * 10})}
    assert send(event, app).status == 200


def test_no_answer_in_time():
    """A model that outlasts the request is a 504, and the caller has it before API Gateway gives up."""
    asked = threading.Event()

    class Hangs:
        def invoke(self, task, request, qualifier="live"):
            """See Predictions."""
            asked.wait(20)
            return ANSWERED

    reply = send("prediction", predictions=Hangs(), within=0.05)
    asked.set()
    assert_problem(reply, 504, title="Model time-out", detail="no answer within 0.05 s", prediction_id=7)


@pytest.mark.parametrize(
    ("headers", "user"),
    [({"X-InfoLens-User": "ann"}, "ann"), ({"x-infolens-user": "ann"}, "ann"), ({}, ""), ({"X-InfoLens-User": ""}, "")],
)
def test_a_user_is_asked_about_and_their_side_is_asked(headers, user):
    """The version that the user's side has answers; whoever has no key goes through the alias."""
    seen = []
    predictions = FakePredictions({"5": answered_by("5"), "live": answered_by("4")})

    def side_of(task, given):
        seen.append((task, given))
        return Chosen("5", 17) if given else UNKEPT

    event = golden("prediction")
    event["headers"] = {"content-type": "application/json", **headers}
    reply = send(event, predictions=predictions, side_of=side_of)
    assert seen == [("news_category", user)]
    assert reply.body["model_version"] == ("5" if user else "4")
    assert predictions.asked[0][1].bucket == (17 if user else None)


def test_a_side_that_was_deleted_is_the_alias_s():
    """A version that is gone costs nobody an answer."""
    reply = send(
        "prediction", predictions=FakePredictions({"live": ANSWERED}), side_of=lambda task, user: Chosen("5", 1)
    )
    assert (reply.status, reply.body["model_version"]) == (200, "4")
