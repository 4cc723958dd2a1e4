"""Copies of users' questions: sent beside the answer, asked of the candidate, and never in anybody's way."""

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from infolens.aws.predictions import NoModelLiveError, failed
from infolens.contracts.observation import CANDIDATE, SHADOW, ShadowQuestion
from infolens.contracts.rollout import Shadow
from infolens.usecases.shadowing import (
    MOST_UNDER_WAY,
    BusyError,
    Mirror,
    ShadowPorts,
    ask_candidate,
    shadowed_by,
)
from observation_fakes import observation_ports
from rollout_fakes import PLAN, TASK, record
from serving_fakes import FakePredictions, answered_by

SHADOWED = record(plan=replace(PLAN, shadow=Shadow(min_pairs=100, max_seconds=600)), step=-1)
PAYLOAD = {"text": "a question"}
QUESTION = ShadowQuestion(TASK, "7", "r1", "2", PAYLOAD)


class FakeQueue:
    """A queue that keeps what is sent, or fails, or lets a test wait."""

    def __init__(self, fault=None, gate=None):
        self.sent = []
        self.fault = fault
        self.gate = gate

    def send(self, question):
        """See Queue."""
        if self.gate:
            self.gate.wait(30)
        if self.fault:
            raise self.fault
        self.sent.append(question)


def mirror(record, queue, **more):
    """A mirror and what it lost."""
    losses = []
    return Mirror(lambda task: record, queue, lambda task, error: losses.append((task, error)), **more), losses


@pytest.mark.parametrize(
    ("rollout", "version"),
    [
        (SHADOWED, "2"),
        (replace(SHADOWED, step=0), ""),
        (replace(SHADOWED, status="promoted"), ""),
        (replace(SHADOWED, champion=""), ""),
        (record(), ""),
        (None, ""),
    ],
    ids=["shadow", "first weight", "over", "first version", "plan without shadow", "no rollout"],
)
def test_who_gets_copies(rollout, version):
    """The candidate of a running rollout in its shadow."""
    assert shadowed_by(rollout) == version


def test_a_copy_is_sent_beside_the_answer():
    """It carries id, rollout, version and input."""
    queue = FakeQueue()
    sender, losses = mirror(SHADOWED, queue, grace=10.0)
    with sender.beside(TASK, "7", PAYLOAD):
        pass
    assert queue.sent == [QUESTION]
    assert losses == []


def test_nothing_is_sent_without_a_rollout():
    """Most of the time there is none."""
    queue = FakeQueue()
    sender, losses = mirror(None, queue, grace=10.0)
    with sender.beside(TASK, "7", PAYLOAD):
        pass
    assert (queue.sent, losses) == ([], [])


def test_a_queue_that_hangs_holds_nobody():
    """The answer is there while the copy is not; the copy goes on, and is sent when the queue answers."""
    gate = threading.Event()
    queue = FakeQueue(gate=gate)
    sender, losses = mirror(SHADOWED, queue, grace=0.01)
    with sender.beside(TASK, "7", PAYLOAD):
        answered = "answer"
    assert (answered, queue.sent) == ("answer", [])
    gate.set()
    sender._pool.shutdown(wait=True)
    assert (queue.sent, losses) == ([QUESTION], [])


def test_the_users_question_goes_first():
    """A copy waits for its head start, but not for longer than the answer."""
    queue = FakeQueue()
    sender, _ = mirror(SHADOWED, queue, grace=10.0, head_start=60.0)
    with sender.beside(TASK, "7", PAYLOAD):
        assert queue.sent == []
    assert queue.sent == [QUESTION]


def test_a_copy_that_fails_is_counted_and_not_seen():
    """Whatever the queue or the table raises, the answer comes through."""
    fault = OSError("no queue")
    sender, losses = mirror(SHADOWED, FakeQueue(fault=fault), grace=10.0)
    with sender.beside(TASK, "7", PAYLOAD):
        pass
    assert losses == [(TASK, fault)]


def test_an_error_of_the_model_is_the_callers():
    """What the body raises comes through, and its copy is sent all the same: a fault is worth comparing."""
    queue = FakeQueue()
    sender, _ = mirror(SHADOWED, queue, grace=10.0)
    with pytest.raises(NoModelLiveError), sender.beside(TASK, "7", PAYLOAD):
        raise NoModelLiveError(TASK)
    assert queue.sent == [QUESTION]


def test_copies_do_not_pile_up():
    """As many as may be under way wait for a queue that hangs; the next one is given up, and counted."""
    gate = threading.Event()
    sender, losses = mirror(SHADOWED, FakeQueue(gate=gate), grace=0.0)
    for _ in range(MOST_UNDER_WAY):
        with sender.beside(TASK, "7", PAYLOAD):
            pass
    assert losses == []
    with sender.beside(TASK, "7", PAYLOAD):
        pass
    assert [task for task, _ in losses] == [TASK]
    gate.set()
    sender._pool.shutdown(wait=True)


def shadow_ports(rollout, response):
    """Ports around a candidate that gives this response."""
    predictions = FakePredictions({"2": response} if response else {})
    return ShadowPorts(predictions, observation_ports(rollout), lambda: datetime(2026, 3, 1, 12, 1, tzinfo=UTC))


def test_the_candidate_is_asked_as_a_shadow():
    """Its version, the same id, the same input; nothing is recorded, since its own line tells."""
    ports = shadow_ports(SHADOWED, answered_by("2"))
    assert ask_candidate(ports, QUESTION) == "answered"
    ((task, request, qualifier),) = ports.predictions.asked
    assert (task, qualifier, request.request_id, request.inputs, request.purpose) == (
        TASK,
        "2",
        "7",
        (PAYLOAD,),
        SHADOW,
    )
    assert ports.observations.observations.answers == {}


@pytest.mark.parametrize(
    "rollout",
    [None, replace(SHADOWED, status="rolled_back"), replace(SHADOWED, rollout_id="r2"), replace(SHADOWED, step=0)],
    ids=["none", "taken back", "another one", "first weight"],
)
def test_copies_for_a_rollout_that_is_over_are_dropped(rollout):
    """Nobody asks a candidate that was taken back."""
    ports = shadow_ports(rollout, answered_by("2"))
    assert ask_candidate(ports, QUESTION) == "over"
    assert ports.predictions.asked == []


def test_a_fault_that_wrote_no_line_is_recorded():
    """A candidate that ran out of time has failed on the pair."""
    ports = shadow_ports(SHADOWED, failed(504, "2", "out of time"))
    assert ask_candidate(ports, QUESTION) == "failed"
    (kept,) = ports.observations.observations.answers.values()
    assert (kept.failed, kept.role, kept.purpose, kept.at) == (
        True,
        CANDIDATE,
        SHADOW,
        "2026-03-01T12:01:00.000000+00:00",
    )


@pytest.mark.parametrize("response", [failed(429, "", "busy"), failed(502, "", "Lambda"), failed(504, "", "no answer")])
def test_a_candidate_that_could_not_be_asked_is_asked_again(response):
    """Want of capacity says nothing about the version."""
    ports = shadow_ports(SHADOWED, response)
    with pytest.raises(BusyError):
        ask_candidate(ports, QUESTION)
    assert ports.observations.observations.answers == {}


def test_a_version_that_is_gone_is_asked_no_more():
    """It was deleted while its copies were on their way."""
    assert ask_candidate(shadow_ports(SHADOWED, None), QUESTION) == "gone"
