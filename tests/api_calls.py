"""Sends API Gateway's events to the API as Lambda would, around fakes, and reads its replies as a caller would."""

import json
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from aws_lambda_powertools import Logger

from infolens.contracts.rollout import AliasState
from infolens.serving.http_api import Ports, build_app
from infolens.tasks import feedback_of, task_names
from infolens.usecases.feedback import Said, tell
from infolens.usecases.observations import ObservationPorts
from infolens.usecases.sides import UNKEPT
from observation_fakes import FakeObservations
from serving_fakes import ANSWERED, FakeAlias, FakeMemory, FakePredictions, answered_by

EVENTS = Path(__file__).parent / "events"
TEXT = "The senate vote on the election bill came as a surprise to party leaders on Monday."
CANARY = AliasState(champion="4", candidate="5", weight=20, revision_id="r")
NEW_ID = 4242
NOW = datetime(2026, 3, 1, 13, tzinfo=UTC)

SUMMARY = replace(answered_by("11"), answers=({"summary": "A vote came as a surprise."},))
FAKE = replace(answered_by("12"), answers=({"label_id": 0, "label": "real", "confidence": 0.9},))
CATEGORY = replace(answered_by("13"), answers=({"label_id": 1, "label": "Politics", "confidence": 0.8},))
ALL = {"news_summary": SUMMARY, "fake_news": FAKE, "news_category": CATEGORY}
"""Good answers of the three tasks of S0."""


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


def telling(observations):
    """What keeps labels in a table."""
    kept = ObservationPorts(observations, lambda task: None, feedback_of)
    return lambda prediction_id, label, task: tell(kept, Said(prediction_id, label, task, NOW), task_names())


def ports(**given) -> Ports:
    """Everything around the API: a canary, a memory, models that answer; each may be another one."""
    return Ports(
        **{
            "predictions": FakePredictions({"live": ANSWERED}),
            "alias": FakeAlias(CANARY),
            "memory": FakeMemory(),
            "function_prefix": "infolens-predict-",
            "new_prediction_id": lambda: NEW_ID,
            "logger": Logger(service="test"),
            "count_answer": lambda *seen: None,
            "tell": telling(FakeObservations()),
            "side_of": lambda task, user: UNKEPT,
            "copying": lambda *question: nullcontext(),
            **given,
        }
    )


def send(event, app=None, **given) -> Reply:
    """Send an event, by its golden name or as it is, to an app or to a new one around `ports(**given)`."""
    app = app or build_app(ports(**given))
    answer = app.resolve(golden(event) if isinstance(event, str) else event, Context())
    headers = {name: values[0] for name, values in answer["multiValueHeaders"].items()}
    return Reply(answer["statusCode"], headers["Content-Type"], json.loads(answer["body"]), headers)


def post(path, body, **more) -> dict:
    """An event that posts a body (text as it is, everything else as JSON) to a path."""
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    return golden("prediction") | {"path": path, "body": text, **more}


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
