"""S0's own endpoint as its callers see it: one request, three models, one answer (S0-30, S0-31, S0-32)."""

import io
import json
import threading
import time
from dataclasses import replace

import pytest
from aws_lambda_powertools import Logger

from api_calls import ALL, CANARY, CATEGORY, FAKE, TEXT, assert_problem, ports, post, send
from infolens.aws.prediction_memory import MemoryUnavailableError, UnderWayError
from infolens.aws.predictions import failed
from infolens.contracts.prediction import PredictRequest
from infolens.contracts.task import RowRejected
from infolens.serving import documents
from infolens.serving.http_api import build_app
from infolens.serving.info_lens_api import PARTS
from infolens.tasks import schema_of
from serving_fakes import ANSWERED, FakeAlias, FakeMemory, FakeModels

WHOLE = {"prediction_id": 7, "bart": "A vote came as a surprise.", "xln": 0, "bert": 1}


class AnyText:
    """A schema that takes every text, or none that `refuses`."""

    def __init__(self, refuses=""):
        self.refuses = refuses

    def check(self, payload):
        """See Schema."""
        if self.refuses and self.refuses in payload["text"]:
            raise RowRejected("text", f"holds {self.refuses}")
        return dict(payload)


def ask(body=None, models=None, app=None, **given):
    """Post to /predict around three models."""
    given = {"schema_of": lambda task: AnyText(), **given}
    event = post("/predict", {"prediction_id": 7, "text": TEXT} if body is None else body)
    return send(event, app, predictions=models or FakeModels(ALL), **given)


def test_whole_answer():
    """Three answers make S0's, with exactly its members; versions stand in the headers."""
    models = FakeModels(ALL)
    reply = ask(models=models)
    assert (reply.status, reply.content_type) == (200, "application/json")
    assert reply.body == WHOLE
    assert reply.headers["X-InfoLens-Prediction-Id"] == "7"
    assert [reply.headers[f"X-InfoLens-{name}-Version"] for name in ("Bart", "Xln", "Bert")] == ["11", "12", "13"]
    assert not [name for name in reply.headers if "Fallback" in name or "Repeated" in name]
    request = PredictRequest("7", ({"text": TEXT},))
    assert sorted(models.asked) == sorted((task, request, "live") for task in ALL)


def test_models_are_asked_at_the_same_time():
    """None of the three waits for another: each answers only once all have been asked."""
    together = threading.Barrier(3, timeout=20)

    class Waits(FakeModels):
        def invoke(self, task, request, qualifier="live"):
            """See Predictions."""
            together.wait()
            return super().invoke(task, request, qualifier)

    assert ask(models=Waits(ALL)).status == 200


def test_fallback_of_one_part():
    """A candidate's fault costs its users nothing, and the header says whose champion stood in."""

    class Canary(FakeModels):
        def invoke(self, task, request, qualifier="live"):
            """See Predictions."""
            if task == "fake_news" and qualifier == "live":
                return failed(502, "5", "model version 5 failed")
            return super().invoke(task, request, qualifier)

    reply = ask(models=Canary(ALL), alias=FakeAlias(CANARY))
    assert reply.body == WHOLE
    assert reply.headers["X-InfoLens-Xln-Fallback"] == "champion"
    assert "X-InfoLens-Bert-Fallback" not in reply.headers


@pytest.mark.parametrize(("name", "task"), [("bart", "news_summary"), ("xln", "fake_news"), ("bert", "news_category")])
@pytest.mark.parametrize(
    ("fault", "status", "title"),
    [
        (None, 503, "No model"),
        (failed(502, "4", "model version 4 failed"), 502, "Model fault"),
        (failed(504, "4", "model version 4 ran out of time"), 504, "Model time-out"),
        (failed(429, "", "too many"), 429, "Too many requests"),
        (replace(ANSWERED, answers=()), 502, "Model fault"),
        (RuntimeError("secret"), 500, "Internal error"),
    ],
    ids=["not-live", "fault", "time-out", "throttled", "empty", "our-own"],
)
def test_one_part_is_missing(name, task, fault, status, title):
    """Two answers and one trouble are a 207: the trouble is named, its member absent, the rest given."""
    by_task = {known: answer for known, answer in ALL.items() if known != task}
    reply = ask(models=FakeModels(by_task if fault is None else by_task | {task: fault}))
    assert (reply.status, reply.content_type) == (207, "application/json")
    problems = reply.body.pop("problems")
    assert reply.body == {member: value for member, value in WHOLE.items() if member != name}
    assert [(problem["model"], problem["task"], problem["status"], problem["title"]) for problem in problems] == [
        (name, task, status, title)
    ]
    assert problems[0]["detail"]
    assert "secret" not in json.dumps(problems)


def test_two_parts_are_missing():
    """Each missing part has its problem."""
    reply = ask(models=FakeModels({"fake_news": FAKE}))
    assert reply.status == 207
    assert reply.body["xln"] == 0
    assert [problem["model"] for problem in reply.body["problems"]] == ["bart", "bert"]


@pytest.mark.parametrize(
    ("task", "answer"),
    [
        ("news_summary", {"summary": ""}),
        ("news_summary", {"summary": " \n"}),
        ("news_summary", {"summary": None}),
        ("news_summary", {"text": "A vote."}),
        ("fake_news", {"label_id": 2}),
        ("fake_news", {"label_id": -1}),
        ("fake_news", {"label_id": True}),
        ("fake_news", {"label_id": 0.0}),
        ("fake_news", {"label_id": "0"}),
        ("news_category", {"label_id": 10}),
        ("news_category", {"label_id": None}),
    ],
    ids=str,
)
def test_answers_that_s0_does_not_know(task, answer):
    """A value outside S0's limits (S0-31) is that model's fault, and is not passed on."""
    reply = ask(models=FakeModels(ALL | {task: replace(ANSWERED, answers=(answer,))}))
    assert reply.status == 207
    assert [(problem["task"], problem["status"]) for problem in reply.body["problems"]] == [(task, 502)]


def test_limits_of_the_answers():
    """The last section, and 1 for fake news, are passed on."""
    models = FakeModels(
        ALL
        | {
            "fake_news": replace(FAKE, answers=({"label_id": 1},)),
            "news_category": replace(CATEGORY, answers=({"label_id": 9},)),
        }
    )
    assert ask(models=models).body == WHOLE | {"xln": 1, "bert": 9}


@pytest.mark.parametrize(
    ("by_task", "status", "title"),
    [
        ({}, 503, "No model"),
        (dict.fromkeys(ALL, failed(502, "4", "failed")), 502, "Model fault"),
        (dict.fromkeys(ALL, failed(429, "", "too many")), 429, "Too many requests"),
        ({"fake_news": failed(504, "4", "out of time")}, 502, "No model answered"),
    ],
    ids=["none-live", "faults", "throttled", "mixed"],
)
def test_no_part_is_there(by_task, status, title):
    """Without any answer it is a problem document that says why each is missing."""
    reply = ask(models=FakeModels(by_task))
    assert_problem(reply, status, title=title, prediction_id=7)
    assert [problem["model"] for problem in reply.body["problems"]] == ["bart", "xln", "bert"]
    assert reply.headers.get("Retry-After") == {503: "60", 429: "1"}.get(status)


def test_no_answer_in_time():
    """A model that outlasts the request is named, and the others' answers are given in time."""
    over = threading.Event()

    class Hangs(FakeModels):
        def invoke(self, task, request, qualifier="live"):
            """See Predictions."""
            if task == "news_summary":
                over.wait(20)
            return super().invoke(task, request, qualifier)

    started = time.monotonic()
    reply = ask(models=Hangs(ALL), within=0.5)
    seconds = time.monotonic() - started
    over.set()
    assert reply.status == 207
    assert [(problem["model"], problem["status"]) for problem in reply.body["problems"]] == [("bart", 504)]
    assert seconds < 15


def test_same_request_again():
    """The same id with the same text gives the same answer after the models have changed, and asks none of them."""
    memory = FakeMemory()
    first = ask(memory=memory)
    changed = FakeModels({task: failed(502, "99", "failed") for task in ALL})
    again = ask(memory=memory, models=changed)
    assert (again.status, again.body) == (200, WHOLE)
    assert again.headers["X-InfoLens-Repeated"] == "true"
    assert again.headers["X-InfoLens-Bert-Version"] == first.headers["X-InfoLens-Bert-Version"]
    assert changed.asked == []


def test_same_id_with_another_text():
    """An id belongs to its text."""
    memory = FakeMemory()
    assert ask(memory=memory).status == 200
    reply = ask({"prediction_id": 7, "text": TEXT + " And more."}, memory=memory)
    assert_problem(reply, 409, title="Prediction id taken", field="prediction_id", prediction_id=7)
    assert "Retry-After" not in reply.headers


def test_incomplete_answers_are_not_remembered():
    """After a 207 the same request asks again, and gets the whole answer once the third model is there."""
    memory = FakeMemory()
    assert ask(memory=memory, models=FakeModels({"fake_news": FAKE})).status == 207
    reply = ask(memory=memory)
    assert (reply.status, reply.body) == (200, WHOLE)
    assert "X-InfoLens-Repeated" not in reply.headers


def test_record_tells_where_an_answer_comes_from():
    """What is kept under the id names version, bundle, run and dataset of each of the three."""
    memory = FakeMemory()
    ask(memory=memory)
    _, document = memory.kept[7]
    assert document["models"]["bart"] == {
        "task": "news_summary",
        "model_version": "11",
        "dataset_id": "data-1",
        "run_id": "run-1",
        "bundle_digest": "d" * 64,
        "fallback": False,
    }


def test_log_tells_where_an_answer_comes_from():
    """One line per model has the id, and version, bundle, run and dataset."""
    written = io.StringIO()
    ask(logger=Logger(service="traced", stream=written))
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    seen = {line["task"]: line for line in lines if line["message"] == "answered"}
    assert set(seen) == set(ALL)
    line = seen["fake_news"]
    assert (line["prediction_id"], line["model_version"], line["run_id"]) == (7, "12", "run-1")
    assert (line["dataset_id"], line["bundle_digest"]) == ("data-1", "d" * 64)


def test_under_way():
    """A second request while the first is being answered is told to come again."""
    reply = ask(memory=FakeMemory(UnderWayError("prediction_id 7 is being answered")))
    assert_problem(reply, 409, title="Prediction under way", prediction_id=7)
    assert reply.headers["Retry-After"] == "1"


def test_memory_fails():
    """An answer that cannot be kept is not given, since the next one could differ."""
    reply = ask(memory=FakeMemory(MemoryUnavailableError("secret")))
    assert_problem(reply, 503, title="Answers cannot be kept", prediction_id=7)
    assert reply.headers["Retry-After"] == "1"
    assert "secret" not in json.dumps(reply.body)


@pytest.mark.parametrize(
    ("prediction_id", "words"),
    [
        (0, "must be from 1 to 9007199254740991, not 0"),
        (-1, "must be from 1 to 9007199254740991, not -1"),
        (2**53, "must be from 1 to 9007199254740991, not 9007199254740992"),
        (2**63, "must be from 1 to 9007199254740991, not 9223372036854775808"),
        (10**400, "must be from 1 to 9007199254740991, not 1000"),
        (True, "must be a whole number, not a boolean"),
        ("1", "must be a whole number, not a string"),
        (1.0, "must be a whole number, not a fraction"),
        (1.5, "must be a whole number, not a fraction"),
        (None, "must be a whole number, not null"),
        ([1], "must be a whole number, not a list"),
        ({}, "must be a whole number, not an object"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_wrong_ids(prediction_id, words):
    """An id that is no positive whole number is refused with the limit, and no model is asked (S0-30)."""
    models = FakeModels(ALL)
    reply = ask({"prediction_id": prediction_id, "text": TEXT}, models)
    assert_problem(reply, 422, field="prediction_id", title="Input refused")
    assert words in reply.body["detail"]
    assert models.asked == []


@pytest.mark.parametrize("prediction_id", [1, 2**53 - 1])
def test_limits_of_ids(prediction_id):
    """The smallest and the greatest id are taken."""
    assert ask({"prediction_id": prediction_id, "text": TEXT}).body["prediction_id"] == prediction_id


@pytest.mark.parametrize(("length", "status"), [(0, 422), (49, 422), (50, 200), (12_000, 200), (12_001, 422)])
@pytest.mark.parametrize("letter", ["x", "é", "🗞"])
def test_limits_of_texts(length, status, letter):
    """50 to 12,000 characters are answered, counted as characters and not as bytes (S0-30)."""
    reply = ask({"prediction_id": 7, "text": letter * length})
    assert reply.status == status
    if status == 422:
        assert reply.body["field"] == "text"
        assert reply.body["detail"] == f"text: has {length} characters; 50 to 12000 characters are taken"


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"prediction_id": 7}, "text", "text: is missing; a string of 50 to 12000 characters is needed"),
        ({"text": TEXT}, "prediction_id", "prediction_id: is missing; a whole number from 1 to"),
        ({}, "prediction_id", "; text: is missing"),
        ({"prediction_id": 7, "text": None}, "text", "text: must be a string, not null"),
        ({"prediction_id": 7, "text": ["a"]}, "text", "text: must be a string, not a list"),
        ({"prediction_id": 7, "text": 5}, "text", "text: must be a string, not a number"),
    ],
    ids=str,
)
def test_missing_and_wrong_members(body, field, words):
    """What is missing or of another kind is named, all of it at once."""
    reply = ask(body)
    assert_problem(reply, 422, field=field)
    assert words in reply.body["detail"]


def test_further_members_are_ignored():
    """A front end may send more than the two members; they change nothing, not even for a repeated id."""
    memory = FakeMemory()
    assert ask({"prediction_id": 7, "text": TEXT, "lang": "en"}, memory=memory).body == WHOLE
    assert ask({"prediction_id": 7, "text": TEXT, "lang": "fr"}, memory=memory).headers["X-InfoLens-Repeated"] == "true"


def test_text_that_no_task_takes():
    """A text that is nothing after cleaning is refused whole, before its id is taken (S0-32)."""
    memory = FakeMemory()
    reply = ask(
        {"prediction_id": 7, "text": " " * 60}, memory=memory, schema_of=lambda task: schema_of("news_category")
    )
    assert_problem(reply, 422, field="text", prediction_id=7)
    assert memory.kept == {}


def test_text_that_one_task_refuses():
    """Where one task alone refuses the text, the others answer; that model is not asked."""
    models = FakeModels(ALL)
    reply = ask(models=models, schema_of=lambda task: AnyText("senate" if task == "fake_news" else ""))
    assert reply.status == 207
    assert [(problem["model"], problem["status"]) for problem in reply.body["problems"]] == [("xln", 422)]
    assert "fake_news" not in {task for task, _, _ in models.asked}


def test_wrong_method():
    """GET is not for asking."""
    reply = send(post("/predict", None, httpMethod="GET"))
    assert_problem(reply, 405)
    assert reply.headers["Allow"] == "POST"


def test_one_request_leaves_nothing_to_the_next():
    """An app answers one id after the other, each with its own."""
    app = build_app(ports(predictions=FakeModels(ALL), schema_of=lambda task: AnyText()))
    assert ask(app=app).body["prediction_id"] == 7
    assert ask({"prediction_id": 8, "text": TEXT}, app=app).body["prediction_id"] == 8


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_parts_are_what_their_tasks_give(part):
    """Each part's task is there, takes S0's text, and gives the member that the part is taken from, in S0's limits."""
    schema = schema_of(part.task)
    schema.check({"text": TEXT})
    said = schema.describe().answer["properties"][part.member]
    known = documents.InfoLensAnswer.model_json_schema()["properties"][part.name]
    for limit in ("minimum", "maximum"):
        assert said.get(limit) == known.get(limit)


def test_zero_is_fake():
    """S0's own data say 0 for fake and 1 for real news (S0-19), and so does xln."""
    answer = schema_of("fake_news").describe().answer
    assert [word.casefold() for word in answer["properties"]["label"]["enum"]] == ["fake", "real"]
