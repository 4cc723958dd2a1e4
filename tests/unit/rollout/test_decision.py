"""Tests of `infolens.rollout.decision`."""

import timeit
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolens.codec import from_dict, to_dict
from infolens.contracts.rollout import Action, Arm, Decision, KeyedSides, Labels, Pairs, Shadow
from infolens.rollout.decision import decide, held_by_operator, judge
from infolens.rollout.evidence import Evidence
from infolens.rollout.guardrails import Outcome, assess
from rollout_fakes import PLAN, alias, arm, look, record


def test_a_healthy_candidate_advances_by_one_step():
    """All guardrails pass on enough requests."""
    decision = decide(look())

    assert (decision.action, decision.weight) == (Action.ADVANCE, 40)
    assert decision.reasons[0] == "error rate 0.00 % (0 of 1500), limit 2.00 %; it is at most 0.44 %"
    assert decision.reasons[-2] == "quality: this plan asks for no labels, so nothing is claimed about it"
    assert decision.reasons[-1].startswith("how surely: a good candidate is taken back with probability 0.05 at most")


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


@pytest.mark.parametrize(
    ("candidate", "action", "weight"),
    [(arm("2", 1500), Action.HOLD, 20), (arm("2", 40, 12), Action.ROLL_BACK, 0)],
)
def test_a_broken_sample_ratio_raises_nothing(candidate, action, weight):
    """What was compared may be of other people; what takes traffic off the candidate is done all the same."""
    decision = decide(look(candidate=candidate, sides=KeyedSides(600, 400, 0)))

    assert (decision.action, decision.weight) == (action, weight)
    assert ("sample ratio is broken" in decision.reasons[0]) is (action is Action.HOLD)


def test_a_sound_sample_ratio_is_in_nobodys_way():
    """Two hundred of a thousand at 20 %."""
    assert decide(look(sides=KeyedSides(800, 200, 0))).action is Action.ADVANCE


HELD = replace(record(), held_by="ann")


@pytest.mark.parametrize(
    ("seen", "meant"),
    [
        (look(record=HELD), "advance"),
        (look(record=replace(record(step=3), held_by="ann"), alias=alias(weight=80)), "promote"),
        (look(record=HELD, candidate=Arm("2", 0, 0, None, None), at="2026-03-01T16:00:00.000000+00:00"), "expire"),
    ],
)
def test_what_an_operator_holds_stays_at_its_weight(seen, meant):
    """The decision says who holds it, what it would be otherwise, and why."""
    free = decide(replace(seen, record=replace(seen.record, held_by="")))
    decision = decide(seen)

    assert free.action.value == meant
    assert (decision.action, decision.weight) == (Action.HOLD, seen.alias.weight)
    assert decision.reasons == (f"held by ann until resumed; otherwise: {meant}", *free.reasons)


@pytest.mark.parametrize("action", [Action.HOLD, Action.ROLL_BACK, Action.ABORT])
def test_a_hold_switches_no_brake_off(action):
    """What neither raises nor expires is decided as without it."""
    decision = Decision(action, 0, ("why",))
    assert held_by_operator(HELD, decision) is decision


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
    """31 of 1500 is over 2 % but proves nothing: neither advance nor roll back, and no time is promised."""
    decision = decide(look(candidate=arm("2", 1500, 31), champion=arm("1", 6000, 120)))

    assert (decision.action, decision.more_requests, decision.more_seconds) == (Action.HOLD, 0, None)
    assert decision.reasons[1] == "when there will be proof cannot be said yet; the step expires in 14340 s"


def test_a_value_within_its_limit_that_proves_nothing_yet_holds_and_says_how_long():
    """13 of 1500 after a minute: about 82 more, at 25 a second 4 s."""
    decision = decide(look(candidate=arm("2", 1500, 13), champion=arm("1", 6000, 60)))

    assert (decision.action, decision.weight) == (Action.HOLD, 20)
    assert decision.more_requests >= 82
    assert decision.more_seconds == pytest.approx(decision.more_requests * 60 / 1500, abs=1)
    assert decision.reasons[1] == (
        f"about {decision.more_requests} more needed, about {decision.more_seconds} s at the present traffic; "
        "the step expires in 14340 s"
    )


def test_a_candidate_without_a_proof_never_advances_however_many_requests_it_has():
    """Present averages within their limits were enough once; a p95 without an upper bound is not any more."""
    unbounded = arm("2", 1500, 0, 100.0, latency_p95_high_ms=None)

    assert decide(look(candidate=unbounded)).action is Action.HOLD


SHADOWED = replace(PLAN, shadow=Shadow(6000, 28_800))
PAIRED = Pairs(6000, 5900, 12, 12, timed=6000, slower=1500)


def shadow(**others):
    """A look at a healthy candidate at the end of its shadow."""
    base = look(
        record=record(plan=SHADOWED, step=-1),
        alias=alias("1", "", 0),
        champion=arm("1", 6000),
        candidate=arm("2", 6000),
        pairs=PAIRED,
    )
    return replace(base, **others)


def test_a_shadow_that_proves_everything_gives_the_first_weight():
    """From no user at all to the first step of the plan, never further."""
    decision = decide(shadow())

    assert (decision.action, decision.weight) == (Action.ADVANCE, 20)


@pytest.mark.parametrize(("pairs", "action", "more"), [(5999, Action.HOLD, 1), (6000, Action.ADVANCE, 0)])
def test_the_shadow_waits_for_its_pairs(pairs, action, more):
    """S0's critical sample; the hold gives the candidate no user."""
    decision = decide(shadow(pairs=replace(PAIRED, pairs=pairs)))

    assert (decision.action, decision.more_requests) == (action, more)
    assert decision.weight == (20 if more == 0 else 0)


def test_a_shadow_without_pairs_holds_at_no_weight_and_then_expires():
    """No user's request was mirrored: nothing is known, and nobody meets the candidate."""
    silent = shadow(candidate=Arm("2", 0, 0, None, None), pairs=None)
    late = replace(silent, at="2026-03-01T20:00:00.000000+00:00")

    assert (decide(silent).action, decide(silent).weight) == (Action.HOLD, 0)
    assert decide(silent).reasons[0] == "0 of 6000 pairs in the shadow"
    assert (decide(late).action, decide(late).weight) == (Action.EXPIRE, 0)


@pytest.mark.parametrize(
    ("at", "action"),
    [
        ("2026-03-01T19:59:59.999000+00:00", Action.HOLD),
        ("2026-03-01T20:00:00.000000+00:00", Action.EXPIRE),
    ],
)
def test_the_shadow_has_a_time_of_its_own(at, action):
    """Boundary pair of shadow.max_seconds (eight hours); a step has four."""
    assert decide(shadow(pairs=replace(PAIRED, pairs=10), at=at)).action is action


def test_a_candidate_that_fails_in_the_shadow_ends_before_any_user_met_it():
    """Ten pairs on which it alone failed are enough."""
    decision = decide(shadow(candidate=arm("2", 10, 10), pairs=Pairs(10, 0, 10, 0)))

    assert (decision.action, decision.weight) == (Action.ROLL_BACK, 0)


def test_a_shadow_whose_alias_was_moved_aborts():
    """Somebody gave the candidate traffic by hand: the shadow is over."""
    assert decide(shadow(alias=alias())).action is Action.ABORT


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
    few = st.integers(0, requests) | st.integers(0, min(3, requests))
    latency = st.none() | st.floats(0.1, 5000)
    sound = st.just((100.0, 100.0, 95.0, 105.0))
    answers = st.none() | st.dictionaries(st.sampled_from("abc"), st.integers(0, 2000))
    return Arm(
        version,
        requests,
        draw(few),
        *draw(sound | st.tuples(*[latency] * 4)),
        nulls=draw(st.none() | few),
        answers=draw(answers),
    )


@st.composite
def paired(draw):
    """Any pairs, or none."""
    pairs = draw(st.integers(0, 9000))
    some = st.integers(0, pairs // 2) | st.integers(0, min(3, pairs // 2))
    moved = {"a": draw(some)}
    return draw(
        st.none()
        | st.builds(
            Pairs,
            pairs=st.just(pairs),
            agree=st.just(pairs),
            only_candidate_failed=some,
            only_champion_failed=some,
            only_candidate_null=st.none() | some,
            only_champion_null=st.none() | some,
            timed=st.just(pairs),
            slower=some,
            costlier=st.none() | some,
            gained=st.none() | st.just(moved),
            lost=st.none() | st.just(moved),
        )
    )


labelled = st.none() | st.builds(
    Labels, st.dictionaries(st.sampled_from([-100, -7, 0, 100]), st.integers(0, 4000)), st.integers(0, 9000)
)


@st.composite
def looks(draw):
    """Any look at any step of any plan, with an alias that is ours, somebody else's or gone."""
    weights = (*sorted(draw(st.sets(st.integers(1, 99), min_size=1, max_size=6))), 100)
    shadow = draw(st.none() | st.builds(Shadow, st.integers(1, 6000), st.just(14_400)))
    margin = st.none() | st.just(0.1)
    limits = replace(
        PLAN.guardrails,
        max_null_rate_increase=draw(margin),
        max_mix_shift=draw(margin),
        max_cost_ratio=draw(st.none() | st.just(1.5)) if shadow else None,
        max_quality_loss=draw(margin),
    )
    plan = replace(PLAN, weights=weights, min_requests=draw(st.integers(1, 3000)), guardrails=limits, shadow=shadow)
    step = draw(st.integers(-1 if shadow else 0, len(weights) - 2))
    ours = at_step(plan, step)
    return Evidence(
        record=record(plan=plan, step=step, status=draw(st.sampled_from(["running"] * 5 + ["rolled_back", "aborted"]))),
        alias=draw(st.sampled_from([ours] * 5 + [None, alias(revision_id="x"), alias(champion="9")])),
        champion=draw(arms("1")),
        candidate=draw(arms("2")),
        at=f"2026-03-01T{draw(st.integers(12, 23))}:00:01.000000+00:00",
        firing=draw(st.sampled_from([(), (), ("alarm",)])),
        pairs=draw(paired()),
        labels=draw(labelled),
    )


def at_step(plan, step):
    """The alias as the rollout wrote it for a step."""
    return alias(weight=plan.weights[step]) if step >= 0 else alias("1", "", 0)


def weight_of(seen):
    """Percent that the candidate has while the step is in force."""
    return seen.record.plan.weights[seen.record.step] if seen.record.step >= 0 else 0


@given(looks())
def test_the_weight_rises_only_after_a_look_in_which_everything_was_proved(seen):
    """Promise of the house: no failed, silent or foreign look ever raises a weight."""
    decision = decide(seen)
    ours = at_step(seen.record.plan, seen.record.step)
    if decision.action in {Action.ADVANCE, Action.PROMOTE}:
        results = assess(seen)
        assert all(item.outcome is Outcome.PASSED for item in results)
        assert len(results) >= 4
        assert seen.record.status == "running"
        assert seen.alias == ours
        assert not seen.firing
        if seen.record.step < 0:
            assert seen.pairs.pairs >= seen.record.plan.shadow.min_pairs
        else:
            assert seen.candidate.requests >= seen.record.plan.min_requests
    elif seen.alias == ours:
        assert decision.weight <= weight_of(seen)


@given(looks())
def test_the_weight_never_leaves_the_plan(seen):
    """An advance goes to the very next weight of the plan; everything else holds it or takes it away."""
    decision = decide(seen)
    plan, step = seen.record.plan, seen.record.step
    if decision.action in {Action.ADVANCE, Action.PROMOTE}:
        assert decision.weight == plan.weights[step + 1]
        assert (decision.action is Action.PROMOTE) == (decision.weight == 100)
    if decision.action is Action.HOLD:
        assert decision.weight == weight_of(seen)
    if decision.action in {Action.ROLL_BACK, Action.EXPIRE} and seen.record.status == "running":
        assert decision.weight == 0


@given(looks())
def test_a_decision_is_a_function_of_the_look_alone_and_gives_reasons(seen):
    """Pure: the same look gives the same decision; and there is always something to read."""
    assert decide(seen) == decide(from_dict(Evidence, to_dict(seen)))
    assert decide(seen).reasons


@given(looks())
def test_the_words_never_change_the_verdict(seen):
    """What the simulation calls is what decides in production, but for who owns the alias."""
    decision = decide(seen)
    if (
        seen.record.status == "running"
        and not seen.firing
        and seen.alias == at_step(seen.record.plan, seen.record.step)
    ):
        assert decision.action is judge(seen).action


@given(looks(), st.integers(1, 50))
def test_an_alarm_ends_every_history_with_the_champion_alone(seen, turns):
    """Whatever comes before and after the alarm: once it is seen, the champion has 100 %, for good."""
    running = replace(seen, record=replace(seen.record, status="running"), firing=("alarm",))
    decision = decide(replace(running, alias=at_step(running.record.plan, running.record.step)))
    assert (decision.action, decision.weight) == (Action.ROLL_BACK, 0)

    ended = replace(seen, record=replace(seen.record, status="rolled_back"), alias=alias("1", "", 0))
    for _ in range(min(turns, 3)):
        later = decide(ended)
        assert (later.action, later.weight) == (Action.ROLL_BACK, 0)


@given(st.lists(looks(), min_size=1, max_size=8))
def test_no_history_of_looks_skips_a_step_or_outlives_its_end(history):
    """Looks in a row, each at the step that the last one led to: up by one step at most, and nothing after the end."""
    plan, step, weights = history[0].record.plan, history[0].record.step, []
    for seen in history:
        base = record(plan=plan, step=step)
        decision = decide(replace(seen, record=base, alias=at_step(plan, step), firing=()))
        weights.append(decision.weight)
        if decision.action is Action.ADVANCE:
            step += 1
        elif decision.action is not Action.HOLD:
            break
    reached = [0, *plan.weights]
    ups = [(one, two) for one, two in pairwise(weights) if two > one]
    assert all(reached.index(two) == reached.index(one) + 1 for one, two in ups)


@given(st.integers(200, 4000), st.integers(0, 60), st.integers(0, 60))
def test_more_good_requests_never_turn_an_advance_into_a_take_back(requests, faults, good):
    """Answers without a fault can only speak for the candidate."""
    before = decide(look(candidate=arm("2", requests, min(faults, requests))))
    after = decide(look(candidate=arm("2", requests + good, min(faults, requests))))

    if before.action is Action.ADVANCE:
        assert after.action is Action.ADVANCE
    if after.action is Action.ROLL_BACK:
        assert before.action is Action.ROLL_BACK


def test_a_decision_takes_less_than_two_milliseconds():
    """With its words, on the fullest look; a look of the simulation is faster still."""
    full = shadow(
        record=record(
            plan=replace(
                SHADOWED,
                guardrails=replace(
                    PLAN.guardrails,
                    max_null_rate_increase=0.01,
                    max_mix_shift=0.1,
                    max_cost_ratio=1.5,
                    max_quality_loss=0.02,
                ),
            ),
            step=-1,
        ),
        pairs=replace(
            PAIRED,
            costlier=1500,
            only_candidate_null=3,
            only_champion_null=3,
            gained=dict.fromkeys("abcdefghij", 50),
            lost=dict.fromkeys("abcdefghij", 50),
        ),
        labels=Labels({-100: 150, 0: 2700, 100: 150}, 6000),
    )
    decide(full)
    best = min(timeit.repeat(lambda: judge(full), number=10, repeat=5)) / 10

    assert best < 0.002
