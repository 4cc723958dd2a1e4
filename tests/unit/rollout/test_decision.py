"""Tests of `infolens.rollout.decision`."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolens.codec import from_dict, to_dict
from infolens.contracts.rollout import Action, Arm
from infolens.rollout.decision import decide
from infolens.rollout.evidence import Evidence
from infolens.rollout.guardrails import Outcome, assess
from rollout_fakes import PLAN, alias, arm, look, record


def test_a_healthy_candidate_advances_by_one_step():
    """All guardrails pass on enough requests."""
    decision = decide(look())

    assert (decision.action, decision.weight) == (Action.ADVANCE, 40)
    assert "error rate 0.00 % (0 of 1500), limit 2.00 %" in decision.reasons


def test_the_step_before_100_promotes():
    """There is nothing left to compare with at 100 %: the last judged step ends the rollout."""
    decision = decide(look(record=record(step=3), alias=alias(weight=80)))

    assert (decision.action, decision.weight) == (Action.PROMOTE, 100)


@pytest.mark.parametrize(("requests", "action", "more"), [(1499, Action.HOLD, 1), (1500, Action.ADVANCE, 0)])
def test_the_step_waits_for_its_requests(requests, action, more):
    """S0-42: after enough samples, and not before; the hold says how many are missing."""
    decision = decide(look(candidate=arm("2", requests)))

    assert (decision.action, decision.more_requests) == (action, more)


def test_a_canary_without_traffic_holds_at_its_weight():
    """PEERS O2: silence is not success."""
    decision = decide(look(candidate=Arm("2", 0, 0, None, None)))

    assert (decision.action, decision.weight, decision.more_requests) == (Action.HOLD, 20, 1500)
    assert decision.reasons[0] == "0 of 1500 requests in this step"


@pytest.mark.parametrize(
    ("at", "action"),
    [
        ("2026-03-01T15:59:59.999000+00:00", Action.HOLD),
        ("2026-03-01T16:00:00.000000+00:00", Action.EXPIRE),
    ],
)
def test_a_step_without_evidence_expires(at, action):
    """Boundary pair of max_step_seconds (four hours)."""
    assert decide(look(candidate=Arm("2", 0, 0, None, None), at=at)).action is action


def test_evidence_that_is_complete_at_the_last_moment_counts():
    """A step that has its evidence does not expire."""
    assert decide(look(at="2026-03-01T17:00:00.000000+00:00")).action is Action.ADVANCE


@pytest.mark.parametrize("side", ["champion", "candidate"])
def test_a_missing_latency_metric_holds_and_then_expires(side):
    """A metric that is missing is not zero, on either side."""
    mute = replace(look(), **{side: replace(getattr(look(), side), latency_p95_ms=None)})

    assert decide(mute).action is Action.HOLD
    assert decide(replace(mute, at="2026-03-01T16:00:00.000000+00:00")).action is Action.EXPIRE


def test_a_failing_canary_is_taken_back_before_the_step_is_full():
    """S0-42: "at any point"; 12 of 40 handled 5xx prove more than 2 %."""
    decision = decide(look(candidate=arm("2", 40, 12)))

    assert (decision.action, decision.weight) == (Action.ROLL_BACK, 0)
    assert decision.reasons[0].startswith("error rate 30.00 % (12 of 40), limit 2.00 %; it is at least")


def test_a_slow_canary_is_taken_back():
    """p95 proved over its absolute limit."""
    slow = arm("2", 200, 0, 900.0, latency_p95_low_ms=850.0)

    assert decide(look(candidate=slow)).action is Action.ROLL_BACK


def test_an_excess_that_may_be_chance_holds_even_with_all_requests():
    """31 of 1500 is over 2 % but proves nothing: neither advance nor roll back."""
    assert decide(look(candidate=arm("2", 1500, 31), champion=arm("1", 6000, 120))).action is Action.HOLD


@pytest.mark.parametrize(
    "shown",
    [
        None,
        alias(revision_id="rev-2"),
        alias(weight=10),
        alias(champion="7"),
        alias(candidate="7"),
        alias(candidate="", weight=0),
    ],
)
def test_an_alias_moved_by_somebody_else_aborts(shown):
    """The rollout never overwrites what it did not write, however healthy the candidate looks."""
    decision = decide(look(alias=shown))

    assert decision.action is Action.ABORT
    assert "somebody moved the alias" in decision.reasons[0]


def test_a_firing_alarm_takes_back_although_its_action_got_lost():
    """Two brakes: the state machine reads the alarm's state as well."""
    decision = decide(look(firing=("infolens-rollout.news_category.r1.faults",)))

    assert decision.action is Action.ROLL_BACK
    assert decision.reasons == ("alarm infolens-rollout.news_category.r1.faults is firing",)


@pytest.mark.parametrize(
    ("status", "action"),
    [
        ("promoted", Action.PROMOTE),
        ("rolled_back", Action.ROLL_BACK),
        ("expired", Action.EXPIRE),
        ("aborted", Action.ABORT),
    ],
)
def test_a_rollout_that_has_ended_stays_ended(status, action):
    """After a take-back the state machine ends as rolled back, with the weight as it is."""
    shown = alias("2", "", 0) if status == "promoted" else alias("1", "", 0)
    decision = decide(look(record=record(status=status), alias=shown))

    assert decision.action is action
    assert decision.weight == (100 if status == "promoted" else 0)


def test_evidence_of_another_version_is_refused():
    """A mixed-up dimension must not decide about the wrong model."""
    with pytest.raises(ValueError, match="evidence is of versions 1 and 3"):
        decide(look(candidate=arm("3")))


def test_a_look_survives_the_state_machine():
    """Evidence goes through JSON unchanged."""
    assert from_dict(Evidence, to_dict(look())) == look()


@st.composite
def arms(draw, version):
    """Any evidence, healthy or not, complete or not."""
    requests = draw(st.integers(0, 5000))
    latency = st.none() | st.floats(0.1, 5000)
    return Arm(version, requests, draw(st.integers(0, requests)), *(draw(latency) for _ in range(4)))


@st.composite
def looks(draw):
    """Any look at any step of any plan, with an alias that is ours, somebody else's or gone."""
    weights = (*sorted(draw(st.sets(st.integers(1, 99), min_size=1, max_size=6))), 100)
    plan = replace(PLAN, weights=weights, min_requests=draw(st.integers(1, 3000)))
    step = draw(st.integers(0, len(weights) - 2))
    ours = alias(weight=weights[step])
    return Evidence(
        record=record(plan=plan, step=step, status=draw(st.sampled_from(["running"] * 5 + ["rolled_back", "aborted"]))),
        alias=draw(st.sampled_from([ours, ours, ours, None, alias(revision_id="x"), alias(champion="9")])),
        champion=draw(arms("1")),
        candidate=draw(arms("2")),
        at=f"2026-03-01T{draw(st.integers(12, 23))}:00:01.000000+00:00",
        firing=draw(st.sampled_from([(), (), ("alarm",)])),
    )


@given(looks())
def test_the_weight_rises_only_after_a_look_in_which_everything_passed(seen):
    """Promise of the house: no failed, silent or foreign look ever raises a weight."""
    decision = decide(seen)
    now = seen.record.plan.weights[seen.record.step]
    if decision.action in {Action.ADVANCE, Action.PROMOTE}:
        results = assess(seen.record.plan.guardrails, seen.champion, seen.candidate)
        assert all(item.outcome is Outcome.PASSED for item in results)
        assert len(results) == 4
        assert seen.candidate.requests >= seen.record.plan.min_requests
        assert seen.record.status == "running"
        assert seen.alias == alias(weight=now)
        assert not seen.firing
    elif seen.alias == alias(weight=now):
        assert decision.weight <= now


@given(looks())
def test_the_weight_never_leaves_the_plan(seen):
    """An advance goes to the very next weight of the plan; everything else holds it or takes it away."""
    decision = decide(seen)
    plan, step = seen.record.plan, seen.record.step
    if decision.action in {Action.ADVANCE, Action.PROMOTE}:
        assert decision.weight == plan.weights[step + 1]
    if decision.action is Action.HOLD:
        assert decision.weight == plan.weights[step]
    if decision.action in {Action.ROLL_BACK, Action.EXPIRE} and seen.record.status == "running":
        assert decision.weight == 0


@given(looks())
def test_a_decision_is_a_function_of_the_look_alone_and_gives_reasons(seen):
    """Pure: the same look gives the same decision; and there is always something to read."""
    assert decide(seen) == decide(from_dict(Evidence, to_dict(seen)))
    assert decide(seen).reasons
