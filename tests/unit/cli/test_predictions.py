"""The API as a caller sees it."""

import shlex

import httpx
import pytest

from infolens_cli import predictions
from infolens_cli.trouble import Trouble

URL = "http://127.0.0.1:4566/_aws/execute-api/a1/v1"


def client(answer):
    """A client whose server is a function."""
    return httpx.Client(transport=httpx.MockTransport(answer))


def test_the_key_goes_with_every_request():
    """Without it API Gateway refuses."""
    seen = []

    def answer(request):
        seen.append((str(request.url), request.headers["x-api-key"], request.read()))
        return httpx.Response(200, json={"label": "Sports"})

    found = predictions.ask(client(answer), predictions.address(URL, "news_category"), "secret", {"text": "x"})
    assert seen == [(f"{URL}/tasks/news_category/predictions", "secret", b'{"text":"x"}')]
    assert found.ok
    assert not found.fallback


def test_an_answer_in_place_of_a_failed_candidate_is_told_apart():
    """The API says so in a header."""
    found = predictions.ask(
        client(lambda _: httpx.Response(200, json={}, headers={"x-infolens-fallback": "champion"})), URL, "k", {}
    )
    assert found.fallback


def test_the_gateways_own_refusal_becomes_a_problem():
    """It says {"message": …} where the API says problem documents."""
    found = predictions.ask(client(lambda _: httpx.Response(403, json={"message": "Forbidden"})), URL, "k", {})
    assert not found.ok
    assert (found.body["title"], found.body["detail"]) == ("Forbidden", "Forbidden")


def test_an_answer_that_is_no_json_is_shown():
    """A proxy's HTML page is better than a traceback."""
    found = predictions.ask(client(lambda _: httpx.Response(502, text="<html>bad gateway")), URL, "k", {})
    assert found.body["title"] == "Bad Gateway"


def test_nothing_that_answers_is_a_trouble():
    """The sentence names the address."""

    def refuse(request):
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(Trouble, match="does not answer"):
        predictions.ask(client(refuse), URL, "k", {})


def test_the_curl_line_survives_a_shell():
    """Quotes and apostrophes in the text come out as they went in."""
    words = shlex.split(predictions.curl(URL, "k", "news_category", {"text": 'it\'s "late"'}))
    assert words[0] == "curl"
    assert words[2] == f"{URL}/tasks/news_category/predictions"
    assert words[-1] == '{"text": "it\'s \\"late\\""}'


def test_no_task_is_all_three():
    """Info Lens itself is asked where no task is named, and an answer with a model missing is still one."""
    assert predictions.address(URL, "") == f"{URL}/predict"
    assert predictions.ask(client(lambda _: httpx.Response(207, json={"xln": 0, "problems": []})), URL, "k", {}).ok
