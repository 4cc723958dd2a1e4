"""Traffic as users make it."""

import itertools
import threading

import pytest

from infolens_cli.demo.traffic import Seen, Traffic, count
from infolens_cli.predictions import Answer
from infolens_cli.trouble import Trouble
from infolens_cli.waiting import wait_for

PAYLOADS = [{"text": "a"}, {"text": "b"}]


def answered(version, seconds, *, fallback=False):
    """A request that was answered."""
    return Seen(0.0, seconds, 200, version, fallback=fallback)


def test_answers_are_counted_by_version():
    """Who answered, how often, and how fast."""
    found = count([answered("2", 0.010), answered("2", 0.030), answered("3", 0.100)])
    assert found.versions == {"2": 2, "3": 1}
    assert found.mean_ms == pytest.approx({"2": 20.0, "3": 100.0})
    assert (found.requests, found.failed, found.slowest_ms) == (3, 0, 100.0)


def test_versions_are_in_the_order_of_their_numbers():
    """Version 10 comes after version 9."""
    assert list(count([answered("10", 0.1), answered("9", 0.1)]).versions) == ["9", "10"]


def test_a_failed_request_is_counted_with_its_reason():
    """A user who saw an error is never left out of the sum."""
    found = count([answered("2", 0.1), Seen(0.0, 0.2, 502, "", "Model fault"), Seen(0.0, 0.0, 0, "", "no answer")])
    assert (found.requests, found.failed) == (3, 2)
    assert found.failures == {"502 Model fault": 1, "0 no answer": 1}


def test_a_rescued_request_is_an_answer():
    """The champion answered for the candidate: the user saw nothing."""
    found = count([answered("2", 0.1, fallback=True)])
    assert (found.failed, found.rescued) == (0, 1)


def test_nothing_was_sent_yet():
    """The first look at fresh traffic must not divide by zero."""
    found = count([])
    assert (found.requests, found.versions, found.slowest_ms) == (0, {}, 0.0)


def test_requests_are_sent_round_and_round_until_the_end():
    """Every payload is used, under an id of its own, and nothing is sent after the context was left."""
    sent = []

    def send(payload):
        sent.append((payload["prediction_id"], payload["text"]))
        return Answer(200, {"model_version": "2"}, 0.01)

    with Traffic(send, PAYLOADS, rate=200, ids=itertools.count(7)) as users:
        wait_for(lambda: len(users.since(0)) >= 5 or None, what="five answers", seconds=5, every=0.01)
    total = len(users.since(0))
    assert sent[:4] == [(7, "a"), (8, "b"), (9, "a"), (10, "b")]
    assert len(sent) == total


def test_a_refusal_and_a_silence_are_both_seen():
    """A problem document fails with its detail, an endpoint that is gone with status 0."""

    def send(payload):
        if payload["text"] == "a":
            return Answer(503, {"detail": "no model"}, 0.01)
        raise Trouble("nothing answers")

    with Traffic(send, PAYLOADS, rate=200, ids=itertools.count(7)) as users:
        wait_for(lambda: len(users.since(0)) >= 2 or None, what="two answers", seconds=5, every=0.01)
    seen = sorted(users.since(0)[:2], key=lambda one: one.status)
    assert [(one.status, one.detail) for one in seen] == [(0, "nothing answers"), (503, "no model")]


def test_users_come_one_after_another_and_slow_answers_pile_up_no_more_than_they_are():
    """One more is under way only when those before have been answered: the second after 1 answer, the third after 3."""
    lock, under_way, answers, met = threading.Lock(), set(), itertools.count(), set()

    def send(payload):
        with lock:
            under_way.add(payload["prediction_id"])
            met.add((len(under_way), send.answered))
        send.slow.wait(0.02)
        with lock:
            under_way.remove(payload["prediction_id"])
            send.answered = next(answers) + 1
        return Answer(200, {"model_version": "2"}, 0.02)

    send.answered, send.slow = 0, threading.Event()
    with Traffic(send, PAYLOADS, rate=500, ids=itertools.count(7), workers=4) as users:
        wait_for(lambda: len(users.since(0)) >= 30 or None, what="thirty answers", seconds=10, every=0.01)
    assert max(met)[0] == 4
    assert all(before >= sum(range(many)) for many, before in met)
