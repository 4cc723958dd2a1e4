"""`infolens feedback`: what is sent, and what an operator reads."""

import json
from types import SimpleNamespace

import httpx
import pytest
from typer.testing import CliRunner

from cli_fakes import screen
from infolens_cli.commands import telling
from infolens_cli.main import app


@pytest.fixture
def infolens(monkeypatch):
    """Type a command against an API that answers as planted; gives exit code, output, error output and the request."""
    real = httpx.Client

    def typed(status, body, *words):
        seen = []

        def reply(request):
            seen.append(request)
            return httpx.Response(status, json=body)

        monkeypatch.setattr(
            telling.httpx, "Client", lambda timeout: real(transport=httpx.MockTransport(reply), timeout=timeout)
        )
        shown, text = screen()
        desk = SimpleNamespace(screen=shown, stack=SimpleNamespace(api_url="http://api"), api_key="secret")
        done = CliRunner().invoke(app, ["feedback", *words], obj=desk)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, " ".join(text.getvalue().split()), " ".join(done.stderr.split()), seen

    return typed


@pytest.mark.parametrize(
    ("outcome", "status", "words"),
    [
        ("recorded", 200, "kept beside the answer"),
        ("same", 200, "nothing has changed"),
        ("corrected", 200, "stands from now on"),
        ("awaiting", 202, "joined once the answer is known"),
    ],
)
def test_a_label_is_told(infolens, outcome, status, words):
    """The request carries the key, and the line says what became of the label."""
    body = {"prediction_id": 7, "task": "news_category", "label": "Sports", "outcome": outcome}
    code, out, _, (request,) = infolens(status, body, "7", "sports", "--task", "news_category")
    assert code == 0
    assert words in out
    assert str(request.url) == "http://api/feedback"
    assert request.headers["x-api-key"] == "secret"
    assert json.loads(request.content) == {"prediction_id": 7, "label": "sports", "task": "news_category"}


def test_a_refusal_ends_with_1(infolens):
    """The problem is said in one sentence."""
    problem = {"status": 404, "title": "Unknown prediction", "detail": "no answer is known", "field": "prediction_id"}
    code, _, error, _ = infolens(404, problem, "7", "Sports")
    assert code == 1
    assert "404 Unknown prediction (prediction_id): no answer is known" in error


def test_an_unknown_task_asks_nobody(infolens):
    """The tasks that there are, are listed."""
    code, _, error, seen = infolens(200, {}, "7", "Sports", "--task", "weather")
    assert code == 1
    assert "news_category" in error
    assert seen == []
