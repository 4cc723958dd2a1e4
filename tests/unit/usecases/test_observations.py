"""Observations are written once and joined in whatever order they come."""

from dataclasses import replace

import pytest

from infolens.contracts.observation import CANDIDATE, CHAMPION, FALLBACK
from infolens.usecases.observations import join_prediction, record_answers, record_label
from observation_fakes import FakeObservations, candidate, champion, label, observation_ports
from rollout_fakes import TASK, record


def fresh(answer):
    """An answer as a log line tells it: nothing about rollouts in it."""
    return replace(answer, rollout_id="", role="")


@pytest.fixture
def ports():
    """A running rollout of version 2 over version 1."""
    return observation_ports(record())


def the_joined(ports):
    """The one joined record."""
    (joined,) = ports.observations.joined.values()
    return joined


def test_versions_of_the_running_rollout_are_evidence(ports):
    """Champion and candidate are told apart, and joined under the rollout's id."""
    assert record_answers(ports, [fresh(champion()), fresh(candidate())]) == 2
    assert the_joined(ports).paired
    assert {x.role for x in ports.observations.answers.values()} == {CHAMPION, CANDIDATE}


@pytest.mark.parametrize(
    ("rollout", "answer"),
    [
        (None, champion()),
        (record(status="promoted"), champion()),
        (record(champion=""), champion(version="")),
        (record(), champion(version="3")),
        (record(), champion(purpose=FALLBACK)),
    ],
    ids=["none yet", "over", "nobody", "another version", "fallback"],
)
def test_others_are_kept_without_being_evidence(rollout, answer):
    """They are known, so that labels find them, but no rollout is decided on them."""
    ports = observation_ports(rollout)
    record_answers(ports, [fresh(answer)])
    (kept,) = ports.observations.answers.values()
    assert (kept.rollout_id, kept.role) == ("", "")
    assert ports.observations.joined == {}


def test_the_same_line_twice_changes_nothing(ports):
    """Logs are delivered at least once."""
    record_answers(ports, [fresh(champion())])
    before = dict(ports.observations.joined)
    record_answers(ports, [fresh(champion(milliseconds=99.0))])
    assert ports.observations.joined == before


def test_a_writer_that_died_before_joining_is_followed(ports):
    """The line comes again, and what its first writer left out is done."""
    ports.observations.add_answer(champion())
    record_answers(ports, [fresh(champion())])
    assert the_joined(ports).champion.version == "1"


def test_a_label_may_come_first(ports):
    """Whoever writes second finds the first."""
    record_label(ports, label())
    assert ports.observations.joined == {}
    record_answers(ports, [fresh(champion())])
    assert the_joined(ports).champion.score == 1.0


def test_a_label_may_come_last(ports):
    """The other order ends in the same record."""
    record_answers(ports, [fresh(champion())])
    record_label(ports, label())
    assert the_joined(ports).champion.score == 1.0


def test_a_correction_stands_and_counts_once(ports):
    """There is one record still, with the newer label."""
    record_answers(ports, [fresh(champion())])
    record_label(ports, label())
    record_label(ports, label("Sports", at="2026-03-01T14:00:00.000000+00:00"))
    assert (the_joined(ports).champion.score, the_joined(ports).label) == (0.0, "Sports")


def test_a_slow_writer_does_not_undo_a_faster_one():
    """A writer that read before the other's answer came writes last: what knows more stays."""
    table = FakeObservations()
    ports = observation_ports(record(), table)
    slow = FakeObservations()
    slow.answers = {"k": champion()}

    def interrupt():
        record_answers(ports, [fresh(candidate())])

    table.after_add = interrupt
    record_answers(ports, [fresh(champion())])
    assert the_joined(ports).paired
    stale = replace(the_joined(ports), candidate=None, parts=1)
    table.put_joined(stale)
    assert the_joined(ports).paired
    join_prediction(ports, TASK, "7")
    assert the_joined(ports).paired
