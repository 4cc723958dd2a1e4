"""An operator's hold keeps a weight where it is, and switches no brake off."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from infolens.aws.rollouts import StaleRecordError
from infolens.contracts.rollout import Action, Decision
from infolens.usecases.rollout import (
    NoRolloutError,
    Request,
    RolloutRefusedError,
    apply,
    begin,
    hold,
    resume,
    take_back,
)
from rollout_fakes import PLAN, TASK, World

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ADVANCE = Decision(Action.ADVANCE, 40, ("all fine",))


@pytest.fixture
def world():
    """Version 2 has 20 %, and ann holds it there."""
    made = World()
    begin(made.ports, Request(TASK, "2", "r1", PLAN), NOW)
    hold(made.ports, TASK, "ann", NOW + timedelta(minutes=1), "the desk asked for it")
    return made


def test_a_hold_is_written_down(world):
    """Who, why, and at which weight."""
    line = world.store.events[-1]
    assert (line.event, line.who, line.weight, line.reasons) == (
        "held_by_hand",
        "operator:ann",
        20,
        ("the desk asked for it",),
    )
    assert world.record.held_by == "ann"


@pytest.mark.parametrize("action", [Action.ADVANCE, Action.PROMOTE, Action.EXPIRE, Action.HOLD])
def test_nothing_moves_and_nothing_expires(world, action):
    """The state machine goes on looking, and says who holds it."""
    weight = {Action.ADVANCE: 40, Action.PROMOTE: 100, Action.EXPIRE: 0, Action.HOLD: 20}[action]
    outcome = apply(world.ports, TASK, "r1", Decision(action, weight, ("all fine",)), LATER)
    assert (outcome.status, world.split) == ("running", ("1", "2", 20))
    assert world.store.events[-1].event == "held"
    if action is not Action.HOLD:
        assert outcome.reasons[0] == f"held by ann until resumed; otherwise: {action.value}"


def test_proof_that_it_is_bad_takes_back_all_the_same(world):
    """A hold is no order to go on hurting users."""
    apply(world.ports, TASK, "r1", Decision(Action.ROLL_BACK, 0, ("error rate 30 %",)), LATER)
    assert (world.record.status, world.split) == ("rolled_back", ("1", "", 0))


def test_an_alarm_takes_back_all_the_same(world):
    """The second brake knows nothing of holds."""
    take_back(world.ports, f"infolens-rollout.{TASK}.r1.faults", "alarm", LATER)
    assert (world.record.status, world.split) == ("rolled_back", ("1", "", 0))


def test_resumed_the_step_begins_anew(world):
    """It has its whole time again, and evidence of its own; the next advance is done."""
    resume(world.ports, TASK, "bob", LATER)
    assert (world.record.held_by, world.record.step) == ("", 0)
    assert datetime.fromisoformat(world.record.step_started_at) == LATER
    assert (world.store.events[-1].event, world.store.events[-1].who) == ("resumed", "operator:bob")
    apply(world.ports, TASK, "r1", ADVANCE, LATER)
    assert world.split == ("1", "2", 40)


def test_what_is_not_held_cannot_be_resumed(world):
    """The second resume says so, and the step is not begun a third time."""
    resume(world.ports, TASK, "bob", LATER)
    with pytest.raises(RolloutRefusedError, match="r1 is not held"):
        resume(world.ports, TASK, "bob", LATER + timedelta(hours=1))
    assert datetime.fromisoformat(world.record.step_started_at) == LATER


@pytest.mark.parametrize("deed", [hold, resume])
def test_only_a_running_rollout_is_held(deed):
    """None yet, or one that is over."""
    world = World()
    with pytest.raises(NoRolloutError, match="no rollout of news_category is running"):
        deed(world.ports, TASK, "ann", NOW)


def test_a_hold_that_lost_a_race_reads_again(world):
    """A step was written between reading and holding: the hold is put on what is there now."""
    world = World()
    begin(world.ports, Request(TASK, "2", "r1", PLAN), NOW)
    world.store.before_replace = lambda: world.store.records.update(
        {TASK: replace(world.record, step_started_at="2026-03-01T12:30:00.000000+00:00")}
    )
    held = hold(world.ports, TASK, "ann", LATER)
    assert (held.held_by, held.step_started_at) == ("ann", "2026-03-01T12:30:00.000000+00:00")


def test_a_hold_that_always_loses_says_so():
    """Nothing is claimed that was not written."""
    world = World()
    begin(world.ports, Request(TASK, "2", "r1", PLAN), NOW)

    def lose(old, new, event=None):
        raise StaleRecordError(old.rollout_id)

    world.store.replace = lose
    with pytest.raises(StaleRecordError, match="5 times"):
        hold(world.ports, TASK, "ann", LATER)


def test_an_advance_under_way_does_not_overtake_a_hold(world):
    """An operator holds between decision and write: the weight stays."""
    world = World()
    begin(world.ports, Request(TASK, "2", "r1", PLAN), NOW)
    world.aliases.before_read = lambda: hold(world.ports, TASK, "ann", LATER)
    apply(world.ports, TASK, "r1", ADVANCE, LATER)
    assert (world.split, world.record.held_by) == (("1", "2", 20), "ann")
