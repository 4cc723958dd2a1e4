"""The Lambda Runtime API as a runtime client sees it."""

import http.client
import socket
import threading
from queue import SimpleQueue

import pytest

from infolens_localstack.functions.runtime_api import Answered, InitFailed, Invocation, Ready, RuntimeApi

INVOCATION = Invocation("id-1", b'{"a": 1}', "arn:aws:lambda:us-east-1:0:function:f", "Root=1-2-3", 5000)


@pytest.fixture
def api():
    """An API and the queue that its events go to."""
    events = SimpleQueue()
    served = RuntimeApi(events)
    yield served, events
    served.close()


def ask(api, method, path, body=None, headers=None):
    """Make one request; return status, headers and body."""
    connection = http.client.HTTPConnection(api.address, timeout=5)
    connection.request(method, f"/2018-06-01/runtime/{path}", body, headers or {})
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()


def test_next_says_ready_once_and_hands_out_the_invocation(api):
    """The first `next` says that the function is initialised; its answer carries the event and its headers."""
    served, events = api
    served.offer(INVOCATION)
    status, headers, body = ask(served, "GET", "invocation/next")
    assert (status, body) == (200, b'{"a": 1}')
    assert headers["Lambda-Runtime-Aws-Request-Id"] == "id-1"
    assert headers["Lambda-Runtime-Deadline-Ms"] == "5000"
    assert headers["Lambda-Runtime-Trace-Id"] == "Root=1-2-3"
    served.offer(INVOCATION)
    ask(served, "GET", "invocation/next")
    assert events.get(timeout=1) == Ready()
    assert events.empty()


def test_answers_and_errors_are_told_apart(api):
    """A response and an error of an invocation arrive as what they are."""
    served, events = api
    assert ask(served, "POST", "invocation/id-1/response", b"1")[0] == 202
    assert ask(served, "POST", "invocation/id-1/error", b"{}")[0] == 202
    assert ask(served, "POST", "init/error", b'{"errorType": "X"}')[0] == 202
    assert [events.get(timeout=1) for _ in range(3)] == [
        Answered("id-1", b"1", is_error=False),
        Answered("id-1", b"{}", is_error=True),
        InitFailed(b'{"errorType": "X"}'),
    ]


def test_chunked_answers_are_put_together(api):
    """An answer that is sent in chunks arrives whole."""
    served, events = api
    assert ask(served, "POST", "invocation/id-1/response", iter([b"one", b"two"]))[0] == 202
    assert events.get(timeout=1) == Answered("id-1", b"onetwo", is_error=False)


def test_unknown_paths_are_not_found(api):
    """What the Runtime API does not have is 404."""
    assert ask(api[0], "GET", "restore/next")[0] == 404


def test_answer_is_sent_at_once(api):
    """Head and body of an answer are one write: with two, delayed acknowledgements cost 40 ms each way."""
    served, _ = api
    served.offer(INVOCATION)
    host, port = served.address.split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(65536).endswith(INVOCATION.payload)


def test_close_cuts_a_client_that_waits(api):
    """A runtime that waits for its next invocation is cut when the API closes."""
    served, events = api
    ended = []

    def wait():
        try:
            ask(served, "GET", "invocation/next")
        except (OSError, http.client.HTTPException):
            ended.append(True)

    client = threading.Thread(target=wait)
    client.start()
    assert events.get(timeout=5) == Ready()
    served.close()
    client.join(timeout=5)
    assert ended == [True]
