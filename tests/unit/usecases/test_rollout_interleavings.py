"""Any interleaving of a rollout's actors, cut off anywhere, keeps the promises of the house."""

from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from infolens.aws.alias import StaleAliasError
from infolens.aws.rollouts import RolloutInProgressError, StaleRecordError
from infolens.contracts.rollout import Action, Decision
from infolens.rollout.ownership import Ownership, ownership, share_of
from infolens.usecases.rollout import (
    NoRolloutError,
    Request,
    RolloutRefusedError,
    abort,
    apply,
    begin,
    set_weight_by_hand,
    take_back,
)
from rollout_fakes import PLAN, TASK, World

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALARM = f"infolens-rollout.{TASK}.r1.faults"
ALREADY = "version 2 is the champion already: name the other version"
EXPECTED = (StaleAliasError, StaleRecordError, RolloutInProgressError, NoRolloutError, TimeoutError, ValueError)


def advance(world):
    """What the state machine does after a good look at the step that the record has now, or had a moment ago."""
    step = world.record.step
    weight = PLAN.weights[min(step + 1, len(PLAN.weights) - 1)]
    action = Action.PROMOTE if weight == 100 else Action.ADVANCE
    return apply(world.ports, TASK, "r1", Decision(action, weight, ()), NOW)


def hand(world):
    """What an operator does who wants the candidate at 33 %; refused only where it has all the traffic already."""
    try:
        set_weight_by_hand(world.ports, TASK, 33, "ann", NOW, version="2", force=True)
    except RolloutRefusedError as refused:
        # An alias cannot split a version with itself; any other refusal is a fault.
        if world.split != ("2", "", 0) or refused.reasons != (ALREADY,):
            raise


ACTORS = {
    "begin again": lambda world: begin(world.ports, Request(TASK, "2", "r1", PLAN), NOW),
    "advance": advance,
    "late advance": lambda world: apply(world.ports, TASK, "r1", Decision(Action.ADVANCE, 40, ()), NOW),
    "roll back": lambda world: apply(world.ports, TASK, "r1", Decision(Action.ROLL_BACK, 0, ("bad",)), NOW),
    "take back": lambda world: take_back(world.ports, ALARM, "4 faults", NOW),
    "abort": lambda world: abort(world.ports, TASK, "ann", NOW),
}
HAND = {"hand": hand}
MOMENTS = ("before_read", "before_write", "after_write", "before_replace")
"""Where another actor may step in, or the actor may be cut off: at the alias, and at the record."""

INTERRUPTIONS = ("", *(f"{moment} {how}" for moment in MOMENTS for how in ("meets", "cut_off")))

LAST_STEP = [("advance", "", "")] * 3
PROMOTED_UNRECORDED = [*LAST_STEP, ("advance", "after_write cut_off", "")]
"""The candidate has all the traffic, and the record does not know of it yet."""


def act(world, actor, interruption, other):
    """Let an actor act; another one may step in between its reading and its writing, or it may be cut off there."""
    if interruption:
        moment, how = interruption.split()
        place = world.store if moment == "before_replace" else world.aliases
        setattr(place, moment, cut_off if how == "cut_off" else lambda: run(world, other))
    run(world, actor)
    world.aliases.before_read = world.aliases.before_write = world.aliases.after_write = None
    world.store.before_replace = None


def cut_off():
    """The function's time was up."""
    raise TimeoutError


def run(world, actor):
    """Run one actor to its end, or to the errors that its caller expects."""
    with suppress(*EXPECTED):
        {**ACTORS, **HAND}[actor](world)


def turns(names):
    """Sequences of turns of these actors."""
    turn = st.tuples(st.sampled_from(sorted(names)), st.sampled_from(INTERRUPTIONS), st.sampled_from(sorted(names)))
    return st.lists(turn, max_size=12)


def started():
    """A rollout in its first step."""
    world = World()
    begin(world.ports, Request(TASK, "2", "r1", PLAN), NOW)
    return world


@settings(max_examples=300, deadline=None)
@example(before=[*LAST_STEP, ("abort", "before_read meets", "advance")], after=[])
@example(before=[*LAST_STEP, ("take back", "before_read meets", "advance")], after=[])
@example(before=[*PROMOTED_UNRECORDED, ("abort", "before_write meets", "begin again")], after=[])
@given(turns(ACTORS), turns([name for name in ACTORS if name != "abort"]))
def test_what_was_taken_back_never_comes_up_again(before, after):
    """Once the rollout has ended below 100 %, no retry, late decision or second start gives the candidate a share."""
    world = started()
    for turn in before:
        act(world, *turn)
    run(world, "take back")
    if world.record.status == "promoted":
        assert world.split == ("2", "", 0)
        return
    assert share_of("2", world.aliases.state) == 0
    for turn in after:
        act(world, *turn)
        assert share_of("2", world.aliases.state) == 0


@settings(max_examples=300, deadline=None)
@given(turns(ACTORS))
def test_weights_rise_by_single_steps_of_the_plan(taken):
    """Whatever happens, each write to the alias is a step up by one, or gives everything back to the champion."""
    world = started()
    for turn in taken:
        act(world, *turn)
    ladder = [0, *PLAN.weights]
    shares = [0] + [100 if champion == "2" else weight for champion, _, weight in world.aliases.writes]
    for earlier, later in pairwise(shares):
        assert later == 0 or ladder.index(later) == ladder.index(earlier) + 1
    assert {champion for champion, _, _ in world.aliases.writes} <= {"1", "2"}


@settings(max_examples=300, deadline=None)
@example(taken=[*LAST_STEP, ("abort", "before_read meets", "advance"), ("hand", "", "")])
@example(taken=[*LAST_STEP, ("take back", "before_read meets", "advance")])
@example(taken=[*PROMOTED_UNRECORDED, ("abort", "before_write meets", "begin again")])
@given(turns([*ACTORS, *HAND]))
def test_the_history_tells_the_end_once_and_as_the_record_has_it(taken):
    """One end per rollout, in the same words as the record; only a promotion may be undone, and then both are told."""
    world = started()
    for turn in taken:
        act(world, *turn)
    status = world.record.status
    ends = [event for event in world.store.events if event.event in {"promoted", "rolled_back", "aborted"}]
    undone = ends.pop(0) if status in {"rolled_back", "aborted"} and ends[0].event == "promoted" else None

    assert [end.event for end in ends] == ([] if status == "running" else [status])
    assert undone is None or ends[0].weight == 0


@settings(max_examples=300, deadline=None)
@given(turns([*ACTORS, *HAND]))
def test_after_a_forced_hand_the_rollout_never_raises_a_weight(taken):
    """A weight by hand is left alone or taken off, never raised."""
    world = started()
    run(world, "hand")
    writes = len(world.aliases.writes)
    for turn in taken:
        act(world, *turn)

    for champion, candidate, weight in world.aliases.writes[writes:]:
        assert (champion, candidate, weight) in {("1", "", 0), ("1", "2", 33)}


@settings(max_examples=300, deadline=None)
@given(turns(["begin again", "advance", "late advance"]))
def test_a_rollouts_own_steps_never_look_like_another_hand(taken):
    """Twins and cut-off steps alone neither abort a rollout nor leave it half done once a step gets through."""
    world = started()
    for turn in taken:
        act(world, *turn)
    run(world, "begin again")

    assert world.record.status in {"running", "promoted"}
    assert ownership(world.record, world.aliases.state) is Ownership.OURS
