"""The stage before the first weight: the alias stays the champion's, both brakes work, and nothing skips it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from infolens.aws.rollouts import RolloutInProgressError
from infolens.contracts.rollout import Action, Decision, Shadow
from infolens.usecases.rollout import Request, abort, apply, begin, status, take_back
from rollout_fakes import PLAN, TASK, World, record

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHADOWED = replace(PLAN, shadow=Shadow(min_pairs=100, max_seconds=600))
REQUEST = Request(TASK, "2", "r1", SHADOWED)
ALARM = f"infolens-rollout.{TASK}.r1.faults"


@pytest.fixture
def world():
    """A rollout in its shadow."""
    made = World()
    begin(made.ports, REQUEST, NOW)
    return made


def test_the_shadow_begins_with_alarms_and_without_a_weight(world):
    """The candidate is watched, and has no traffic."""
    assert world.split == ("1", "", 0)
    assert (world.record.step, world.record.status) == (-1, "running")
    assert list(world.alarms.watched) == ["r1"]
    assert world.store.told() == [("started", 0)]


def test_beginning_again_changes_nothing(world):
    """The state machine that was killed comes back to the same stage."""
    outcome = begin(world.ports, REQUEST, NOW + timedelta(minutes=1))
    assert (outcome.status, outcome.weight) == ("running", 0)
    assert world.store.told() == [("started", 0)]


def test_a_first_version_has_no_shadow():
    """There is no champion whose questions could be copied."""
    world = World()
    world.aliases.state = None
    assert begin(world.ports, REQUEST, NOW).status == "promoted"


def test_a_good_shadow_is_followed_by_the_first_weight(world):
    """The step that comes next is the first of the plan."""
    outcome = apply(world.ports, TASK, "r1", Decision(Action.ADVANCE, 20, ("fine",)), NOW)
    assert (outcome.weight, world.record.step, world.split) == (20, 0, ("1", "2", 20))
    with pytest.raises(ValueError, match="skips"):
        apply(world.ports, TASK, "r1", Decision(Action.ADVANCE, 60, ("fine",)), NOW)


def test_a_hold_is_at_no_weight(world):
    """Holding tells the weight that the candidate has: none."""
    outcome = apply(world.ports, TASK, "r1", Decision(Action.HOLD, 0, ("more",)), NOW)
    assert (outcome.status, outcome.weight) == ("running", 0)


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (lambda ports: apply(ports, TASK, "r1", Decision(Action.ROLL_BACK, 0, ("bad",)), NOW), "rolled_back"),
        (lambda ports: apply(ports, TASK, "r1", Decision(Action.EXPIRE, 0, ("late",)), NOW), "expired"),
        (lambda ports: take_back(ports, ALARM, "alarm", NOW), "rolled_back"),
        (lambda ports: abort(ports, TASK, "me", NOW), "aborted"),
    ],
    ids=["rolled back", "expired", "alarm", "operator"],
)
def test_every_end_leaves_the_champion_alone(world, end, told):
    """Nothing had been moved, and nothing is."""
    end(world.ports)
    assert (world.record.status, world.split, world.aliases.writes) == (told, ("1", "", 0), [])


def test_a_hand_that_moved_the_alias_ends_the_rollout(world):
    """The alias is somebody else's now."""
    world.aliases.move("3", "", 0)
    apply(world.ports, TASK, "r1", Decision(Action.ADVANCE, 20, ("fine",)), NOW)
    assert (world.record.status, world.split) == ("aborted", ("3", "", 0))


def test_a_new_revision_of_the_same_split_promotes_nobody(world):
    """Somebody wrote a description: the alias still shows the champion alone."""
    world.aliases.move("1", "", 0)
    outcome = begin(world.ports, REQUEST, NOW + timedelta(minutes=1))
    assert (outcome.status, outcome.weight, world.split) == ("running", 0, ("1", "", 0))


def test_status_tells_the_stage(world):
    """An operator sees both versions."""
    found = status(world.ports, TASK, NOW + timedelta(minutes=1))
    assert (found.record.step, found.candidate.version) == (-1, "2")


def test_a_second_rollout_is_told_of_the_shadow():
    """The refusal does not speak of a weight that there is not."""
    owner = record(plan=SHADOWED, step=-1)
    assert "brings in version 2 over 1 and answers copies in the shadow" in str(RolloutInProgressError(owner))
