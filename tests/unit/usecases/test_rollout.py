"""Tests of `infolens.usecases.rollout`: every path of a rollout, and every race between those who move the alias."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from infolens.aws.alias import StaleAliasError
from infolens.aws.rollouts import RolloutInProgressError
from infolens.codec import to_dict, to_json
from infolens.contracts.rollout import Action, Decision
from infolens.rollout.decision import decide
from infolens.rollout.plan import PlanError
from infolens.usecases.rollout import (
    STATE_MACHINE,
    NoAliasError,
    NoRolloutError,
    Request,
    RolloutLostError,
    RolloutRefusedError,
    abort,
    apply,
    begin,
    collect,
    history,
    plan_for,
    rollout_input,
    set_weight_by_hand,
    start,
    status,
    take_back,
    who_served,
)
from infolens.usecases.rollout_effects import Note, history_event
from rollout_fakes import PLAN, TASK, World, arm

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FAULTS_ALARM = f"infolens-rollout.{TASK}.r1.faults"
ADVANCE = Decision(Action.ADVANCE, 40, ("all fine",))
PROMOTE = Decision(Action.PROMOTE, 100, ("all fine",))
ROLL_BACK = Decision(Action.ROLL_BACK, 0, ("error rate 30 %",))


@pytest.fixture
def world():
    """Version 1 is live, version 2 may come in."""
    return World()


def request(**others):
    """Bring in version 2 by the usual plan."""
    return replace(Request(TASK, "2", "r1", PLAN), **others)


def begun(world):
    """Begin the rollout."""
    begin(world.ports, request(), NOW)
    return world


def at_step(world, step):
    """Bring the rollout to a step without evidence in between."""
    begun(world)
    for weight in PLAN.weights[1 : step + 1]:
        apply(world.ports, TASK, "r1", Decision(Action.ADVANCE, weight, ()), NOW)
    return world


def look_and_apply(world, now):
    """One turn of the state machine's loop."""
    evidence = collect(world.ports, TASK, "r1", now)
    return apply(world.ports, TASK, "r1", decide(evidence), now, evidence=evidence)


def note_promotion(world):
    """Do the second half of a promotion, which follows the alias: the record, with its line of history."""
    event = history_event(world.record, "promoted", 100, Note(STATE_MACHINE, NOW))
    world.store.replace(world.record, replace(world.record, status="promoted"), event)


# --- begin


def test_a_rollout_begins_with_alarms_and_the_first_weight(world):
    """20 % for the candidate, both brakes on, and a history that says so."""
    outcome = begin(world.ports, request(), NOW)

    assert (outcome.status, outcome.weight, outcome.look_seconds) == ("running", 20, 60)
    assert world.split == ("1", "2", 20)
    assert world.record.revision_id == world.aliases.state.revision_id
    assert list(world.alarms.watched) == ["r1"]
    assert world.store.told() == [("started", 0), ("weight", 20)]


def test_lines_of_one_call_keep_their_order(world):
    """History sorts by time: two lines of the same moment could change places."""
    begin(world.ports, request(), NOW)

    assert world.store.events[0].at < world.store.events[1].at


def test_alarms_are_there_before_the_candidate_gets_traffic(world):
    """A crash between the two leaves a brake without traffic, never traffic without a brake."""
    seen = []
    world.aliases.before_write = lambda: seen.append(list(world.alarms.watched))

    begin(world.ports, request(), NOW)

    assert seen == [["r1"]]


def test_the_first_version_goes_live_at_once(world):
    """Without a champion there is nothing to compare with: the gates alone let it in."""
    world.aliases.state = None
    outcome = begin(world.ports, request(), NOW)

    assert (outcome.status, outcome.weight) == ("promoted", 100)
    assert world.split == ("2", "", 0)
    assert world.alarms.watched == {}
    assert world.store.told() == [("started", 0), ("promoted", 100)]
    assert world.record.status == "promoted"


def test_the_first_version_does_not_go_live_past_refused_gates(world):
    """No champion is no excuse."""
    world.aliases.state = None
    world.register("2", passed=False, reasons=("accuracy 0.61 is under 0.70 (n=1121)",))

    with pytest.raises(RolloutRefusedError, match=r"did not pass its gates; accuracy 0\.61"):
        begin(world.ports, request(), NOW)

    assert world.aliases.state is None


def test_two_first_versions_at_once_leave_one_alias(world):
    """Somebody created the alias in between: ours ends as aborted, theirs stays."""
    world.aliases.state = None
    create = world.aliases.create

    def beaten(function, version):
        world.aliases.move("1", "", 0)
        return create(function, version)

    world.aliases.create = beaten

    assert begin(world.ports, request(), NOW).status == "aborted"
    assert world.split == ("1", "", 0)


@pytest.mark.parametrize(
    ("plant", "words"),
    [
        (lambda world: world.models.records.clear(), "version 2 of news_category is not in the registry"),
        (lambda world: world.register("2", passed=False, reasons=("worse than the champion",)), "worse than the champ"),
        (lambda world: world.register("2", digest="abc", pinned="xyz"), "pins bundle xyz, but bundle abc was judged"),
        (lambda world: world.aliases.digests.clear(), "infolens-predict-news_category has no version 2"),
        (lambda world: world.aliases.move("2", "", 0), "version 2 has all the traffic already"),
        (lambda world: world.aliases.move("1", "7", 10), "version 7 10 %, set by hand: set weight 0 or 100 first"),
    ],
)
def test_a_candidate_that_must_not_come_in_is_refused_with_reasons(world, plant, words):
    """Nothing is moved, nothing is owned."""
    plant(world)
    before = world.split

    with pytest.raises(RolloutRefusedError, match=words):
        begin(world.ports, request(), NOW)

    assert world.split == before
    assert world.store.records == {}
    assert world.alarms.watched == {}


@pytest.mark.parametrize("candidate", ["$LATEST", "", "two"])
def test_only_a_published_version_can_be_a_candidate(world, candidate):
    """`$LATEST` changes under one's feet and cannot be weighted."""
    with pytest.raises(RolloutRefusedError, match="must be the number of a published version"):
        begin(world.ports, request(candidate=candidate), NOW)


def test_force_overrules_refused_gates_and_is_remembered(world):
    """An operator may bring in a bundle past its gates; record and history say so."""
    world.register("2", passed=False)

    assert begin(world.ports, request(forced=True, who="operator:ann"), NOW).status == "running"
    assert world.record.forced
    assert (world.store.events[0].who, world.store.events[0].reasons) == ("operator:ann", ("past its gates, by force",))


def test_a_version_that_was_refused_under_load_meets_no_users(world):
    """Neither through a rollout nor by hand, unless an operator insists; what had no load test may come in."""
    world.register("2")
    tested = replace(world.models.get(TASK, "2"), load_passed=False, load_reasons=("load p95: 2797 ms",))
    world.models.records[TASK, "2"] = tested
    with pytest.raises(RolloutRefusedError, match="version 2 did not pass its load test; load p95: 2797 ms"):
        begin(world.ports, request(), NOW)
    with pytest.raises(RolloutRefusedError, match="did not pass its load test"):
        set_weight_by_hand(world.ports, TASK, 10, "ann", NOW, version="2")
    assert world.aliases.writes == []
    assert begin(world.ports, request(forced=True, who="operator:ann"), NOW).status == "running"


def test_force_never_overrules_a_digest_mismatch(world):
    """What would be served is not what was judged: no word of an operator makes that right."""
    world.register("2", digest="abc", pinned="xyz")

    with pytest.raises(RolloutRefusedError, match="pins bundle xyz"):
        begin(world.ports, request(forced=True), NOW)


def test_a_second_rollout_is_refused_and_told_who_owns_the_alias(world):
    """One owner per task."""
    begun(world)
    world.register("3")

    with pytest.raises(
        RolloutInProgressError, match=r"rollout r1 owns the alias of news_category: .* version 2 over 1"
    ):
        begin(world.ports, request(candidate="3", rollout_id="r2"), NOW)

    assert world.split == ("1", "2", 20)


def test_beginning_again_changes_nothing(world):
    """The state machine retries its steps."""
    begun(world)
    writes = list(world.aliases.writes)

    assert begin(world.ports, request(), NOW).status == "running"
    assert world.aliases.writes == writes
    assert world.store.told() == [("started", 0), ("weight", 20)]


def test_beginning_again_in_the_middle_resumes_there(world):
    """A state machine that was killed is started again for the same rollout."""
    at_step(world, 2)

    outcome = begin(world.ports, request(), NOW)

    assert (outcome.status, outcome.weight, world.split) == ("running", 60, ("1", "2", 60))


def test_beginning_again_with_another_candidate_is_refused(world):
    """A rollout id belongs to one candidate."""
    begun(world)
    with pytest.raises(RolloutRefusedError, match="rollout r1 brings in version 2, not 3"):
        begin(world.ports, request(candidate="3"), NOW)


def test_beginning_again_after_the_end_gives_the_end(world):
    """An ended rollout does not rise again."""
    begun(world)
    apply(world.ports, TASK, "r1", ROLL_BACK, NOW)

    assert begin(world.ports, request(), NOW).status == "rolled_back"
    assert world.split == ("1", "", 0)


def test_a_writer_cut_off_after_claiming_is_followed(world):
    """The record names the step, the alias does not show it yet: the next one writes it."""
    world.aliases.before_write = lambda: (_ for _ in ()).throw(TimeoutError)
    with pytest.raises(TimeoutError):
        begin(world.ports, request(), NOW)
    assert world.split == ("1", "", 0)

    assert begin(world.ports, request(), NOW).status == "running"
    assert world.split == ("1", "2", 20)


def test_a_writer_cut_off_after_writing_is_followed(world):
    """The alias shows the step, the record misses its revision: the next one takes it over."""
    world.aliases.after_write = lambda: (_ for _ in ()).throw(TimeoutError)
    with pytest.raises(TimeoutError):
        begin(world.ports, request(), NOW)
    assert world.split == ("1", "2", 20)

    assert begin(world.ports, request(), NOW).status == "running"
    assert world.record.revision_id == world.aliases.state.revision_id


def test_a_new_rollout_clears_what_the_last_one_left(world):
    """Alarms of a rollout whose state machine died are taken away."""
    begun(world)
    take_back(world.ports, FAULTS_ALARM, "3 faults", NOW)
    assert list(world.alarms.watched) == ["r1"]

    begin(world.ports, request(rollout_id="r2"), NOW)

    assert list(world.alarms.watched) == ["r2"]


@pytest.mark.parametrize(("own", "limit"), [(None, 400.0), (266.0, 400.0), (300.0, 450.0)])
def test_the_latency_alarm_is_one_that_the_champion_would_not_trip(world, own, limit):
    """A champion at 300 ms, 1.5 times accepted: 450 ms; otherwise the plan's own 400 ms."""
    world.metrics.arms["1"] = replace(arm("1"), latency_mean_ms=own)

    begun(world)

    assert world.alarms.watched["r1"].latency_ms == limit


# --- the loop


def test_a_healthy_candidate_climbs_to_the_top(world):
    """20, 40, 60, 80, 100: S0's steps, each on evidence of its own."""
    begun(world)
    bounds = {"latency_p95_low_ms": 98.0, "latency_p95_high_ms": 102.0}
    world.metrics.arms = {"1": arm("1", 6000, **bounds), "2": arm("2", 1500, **bounds)}
    seen = [world.split]
    for minute in range(1, 5):
        outcome = look_and_apply(world, NOW + timedelta(minutes=minute))
        seen.append(world.split)

    assert seen == [("1", "2", 20), ("1", "2", 40), ("1", "2", 60), ("1", "2", 80), ("2", "", 0)]
    assert (outcome.status, outcome.weight) == ("promoted", 100)
    assert world.alarms.watched == {}
    assert world.store.told() == [
        ("started", 0),
        ("weight", 20),
        ("weight", 40),
        ("weight", 60),
        ("weight", 80),
        ("promoted", 100),
    ]


def test_each_step_gathers_its_own_evidence(world):
    """The metrics are asked for since the step began, not since the rollout did."""
    begun(world)
    later = NOW + timedelta(minutes=5)
    apply(world.ports, TASK, "r1", ADVANCE, later)

    collect(world.ports, TASK, "r1", later + timedelta(minutes=1))

    assert world.metrics.asked[-1] == ("2", later, later + timedelta(minutes=1))


def test_a_look_without_traffic_holds_and_is_written_down(world):
    """Silence changes nothing but the history."""
    begun(world)
    outcome = look_and_apply(world, NOW + timedelta(minutes=1))

    assert (outcome.status, outcome.weight, world.split) == ("running", 20, ("1", "2", 20))
    assert world.store.events[-1].event == "held"
    assert world.store.events[-1].evidence["candidate"]["requests"] == 0


def test_a_canary_that_never_gets_traffic_expires(world):
    """After four hours the champion has everything again."""
    begun(world)
    outcome = look_and_apply(world, NOW + timedelta(hours=4))

    assert (outcome.status, world.split) == ("expired", ("1", "", 0))
    assert world.store.events[-1].event == "expired"
    assert world.alarms.watched == {}


def test_a_failing_canary_is_taken_back_by_the_state_machine(world):
    """The reasons and the evidence stay in the history."""
    begun(world)
    world.metrics.arms = {"1": arm("1", 160), "2": arm("2", 40, 12)}
    outcome = look_and_apply(world, NOW + timedelta(minutes=1))

    assert (outcome.status, outcome.weight, world.split) == ("rolled_back", 0, ("1", "", 0))
    assert outcome.cause.startswith("error rate 30.00 % (12 of 40), limit 2.00 %")
    assert world.store.events[-1].evidence["candidate"]["faults"] == 12
    assert world.alarms.watched == {}


def test_rolling_back_twice_is_rolling_back_once(world):
    """A retried step finds it done."""
    begun(world)
    apply(world.ports, TASK, "r1", ROLL_BACK, NOW)
    writes, events = list(world.aliases.writes), list(world.store.events)

    assert apply(world.ports, TASK, "r1", ROLL_BACK, NOW).status == "rolled_back"
    assert (world.aliases.writes, world.store.events) == (writes, events)


def test_advancing_twice_is_advancing_once(world):
    """A retried step neither writes nor tells again."""
    begun(world)
    apply(world.ports, TASK, "r1", ADVANCE, NOW)
    writes, events = list(world.aliases.writes), list(world.store.events)

    outcome = apply(world.ports, TASK, "r1", ADVANCE, NOW)

    assert (outcome.status, outcome.weight) == ("running", 40)
    assert (world.aliases.writes, world.store.events) == (writes, events)


def test_a_late_decision_for_an_earlier_step_changes_nothing(world):
    """Two executions of one rollout do not pull it back."""
    at_step(world, 2)

    outcome = apply(world.ports, TASK, "r1", ADVANCE, NOW)

    assert (outcome.status, world.split) == ("running", ("1", "2", 60))


def test_a_step_is_never_skipped(world):
    """A decision that does not follow from the record is a fault."""
    begun(world)
    with pytest.raises(ValueError, match="weight 60 skips a step"):
        apply(world.ports, TASK, "r1", Decision(Action.ADVANCE, 60, ()), NOW)


@pytest.mark.parametrize("moment", ["before_write", "after_write"])
@pytest.mark.parametrize(("step", "decision"), [(0, ADVANCE), (3, PROMOTE)])
def test_an_advance_that_was_cut_off_is_finished_by_its_retry(world, moment, step, decision):
    """Cut off before or after the alias was written: the retry ends in the same place."""
    at_step(world, step)
    setattr(world.aliases, moment, lambda: (_ for _ in ()).throw(TimeoutError))
    with pytest.raises(TimeoutError):
        apply(world.ports, TASK, "r1", decision, NOW)

    outcome = apply(world.ports, TASK, "r1", decision, NOW)

    assert outcome.weight == decision.weight
    assert world.record.revision_id == world.aliases.state.revision_id
    assert [event.weight for event in world.store.events].count(decision.weight) == 1


def test_the_state_machine_of_another_rollout_does_nothing(world):
    """An execution that lost its rollout neither reads nor moves."""
    begun(world)
    with pytest.raises(RolloutLostError, match="the table has r1, running"):
        collect(world.ports, TASK, "r0", NOW)

    outcome = apply(world.ports, TASK, "r0", ROLL_BACK, NOW)

    assert (outcome.status, world.split, world.record.status) == ("aborted", ("1", "2", 20), "running")


# --- take back


def test_an_alarm_takes_the_candidate_off_at_once(world):
    """No look, no state machine: the champion has everything, and the history names the alarm."""
    begun(world)
    outcome = take_back(world.ports, FAULTS_ALARM, "4 faults within 10 s", NOW)

    assert (outcome.status, outcome.weight, world.split) == ("rolled_back", 0, ("1", "", 0))
    assert world.store.events[-1].who == f"alarm:{FAULTS_ALARM}"
    assert world.store.events[-1].reasons == ("4 faults within 10 s",)


def test_the_state_machine_ends_as_rolled_back_at_its_next_look(world):
    """And takes the alarms away."""
    begun(world)
    take_back(world.ports, FAULTS_ALARM, "4 faults", NOW)
    world.metrics.arms = {"1": arm("1", 6000), "2": arm("2", 1500)}

    outcome = look_and_apply(world, NOW + timedelta(minutes=1))

    assert (outcome.status, world.split) == ("rolled_back", ("1", "", 0))
    assert outcome.cause == f"ended as rolled_back by alarm:{FAULTS_ALARM}; 4 faults"
    assert world.alarms.watched == {}
    assert [event.event for event in world.store.events].count("rolled_back") == 1


def test_a_second_alarm_is_harmless(world):
    """Faults and latency often come together."""
    begun(world)
    take_back(world.ports, FAULTS_ALARM, "4 faults", NOW)
    writes = list(world.aliases.writes)

    assert take_back(world.ports, f"infolens-rollout.{TASK}.r1.latency", "slow", NOW) is None
    assert world.aliases.writes == writes


@pytest.mark.parametrize(
    "alarm", [f"infolens-rollout.{TASK}.r0.faults", "infolens-rollout.fake_news.r1.faults", "cpu", "a.b.c.d"]
)
def test_an_alarm_without_a_running_rollout_does_nothing(world, alarm):
    """An old alarm must not move what a newer rollout does."""
    begun(world)

    assert take_back(world.ports, alarm, "", NOW) is None
    assert world.split == ("1", "2", 20)


def test_taking_back_reads_again_when_a_step_was_faster(world):
    """The state machine advanced between reading and writing: taken back all the same."""
    begun(world)
    world.aliases.before_write = lambda: apply(world.ports, TASK, "r1", ADVANCE, NOW)

    outcome = take_back(world.ports, FAULTS_ALARM, "4 faults", NOW)

    assert (outcome.status, world.split) == ("rolled_back", ("1", "", 0))


@pytest.mark.parametrize("moment", ["before_read", "before_write"])
def test_a_promotion_in_the_middle_of_a_take_back_is_taken_back_and_both_are_told(world, moment):
    """The alarm fires only once, and nobody watches a promoted version: its traffic goes, and the history says so."""
    at_step(world, 3)
    later = NOW + timedelta(seconds=1)
    setattr(world.aliases, moment, lambda: apply(world.ports, TASK, "r1", PROMOTE, later))

    outcome = take_back(world.ports, FAULTS_ALARM, "4 faults", NOW)

    assert (outcome.status, world.record.status, world.split) == ("rolled_back", "rolled_back", ("1", "", 0))
    lines = sorted(world.store.events, key=lambda event: event.at)
    assert (lines[-1].event, lines[-1].who) == ("rolled_back", f"alarm:{FAULTS_ALARM}")
    served = who_served(lines, NOW + timedelta(minutes=1))
    assert (served.champion, served.candidate) == ("1", "")


def test_an_abort_that_meets_the_last_step_between_its_two_writes_wins(world):
    """The alias was given back before the promotion was written down: the promotion does not stand."""
    at_step(world, 3)
    world.aliases.after_write = lambda: note_promotion(world)

    outcome = abort(world.ports, TASK, "ann", NOW)

    assert (outcome.status, world.record.status, world.split) == ("aborted", "aborted", ("1", "", 0))
    assert outcome.reasons == ("aborted by hand",)


def test_a_share_by_hand_after_the_promotion_is_not_told_as_taken_back(world):
    """A take-back met both; the operator's word is the last one, and the promotion stands in the history."""
    at_step(world, 3)

    def promoted_and_moved():
        note_promotion(world)
        world.aliases.move("1", "2", 5)

    world.aliases.after_write = promoted_and_moved

    assert take_back(world.ports, FAULTS_ALARM, "4 faults", NOW).status == "promoted"
    assert (world.record.status, world.split) == ("promoted", ("1", "2", 5))


def test_taking_back_gives_up_loudly_after_five_lost_races(world):
    """Lambda then calls the function again; it does not spin for ever."""
    begun(world)
    read = world.aliases.read

    def moving(function):
        seen = read(function)
        world.aliases.before_write = lambda: world.aliases.move("1", "2", 20)
        return seen

    world.aliases.read = moving

    with pytest.raises(StaleAliasError, match="moved 5 times"):
        take_back(world.ports, FAULTS_ALARM, "4 faults", NOW)


def test_taking_back_ends_what_a_cut_off_take_back_began(world):
    """The alias was given back, the record was not written: the second call writes it."""
    begun(world)
    world.aliases.after_write = lambda: (_ for _ in ()).throw(TimeoutError)
    with pytest.raises(TimeoutError):
        take_back(world.ports, FAULTS_ALARM, "4 faults", NOW)
    assert (world.record.status, world.split) == ("running", ("1", "", 0))

    assert take_back(world.ports, FAULTS_ALARM, "4 faults", NOW).status == "rolled_back"


def test_taking_back_reaches_a_weight_that_was_forced_by_hand(world):
    """The operator did not know of the fault; traffic is taken off the candidate wherever it is."""
    begun(world)
    set_weight_by_hand(world.ports, TASK, 90, "ann", NOW, force=True)

    assert take_back(world.ports, FAULTS_ALARM, "4 faults", NOW).status == "rolled_back"
    assert world.split == ("1", "", 0)


def test_taking_back_leaves_an_alias_without_the_candidate_alone(world):
    """Other versions are none of this alarm's business."""
    begun(world)
    world.aliases.move("7", "", 0)

    assert take_back(world.ports, FAULTS_ALARM, "4 faults", NOW).status == "aborted"
    assert world.split == ("7", "", 0)


@pytest.mark.parametrize(("step", "decision"), [(0, ADVANCE), (3, PROMOTE)])
def test_after_a_take_back_no_decision_raises_the_weight_again(world, step, decision):
    """The decision was made before the alarm fired and arrives after it."""
    at_step(world, step)
    take_back(world.ports, FAULTS_ALARM, "4 faults", NOW)

    outcome = apply(world.ports, TASK, "r1", decision, NOW)

    assert (outcome.status, world.split) == ("rolled_back", ("1", "", 0))


@pytest.mark.parametrize("moment", ["before_read", "before_write", "after_write", "before_replace"])
@pytest.mark.parametrize(("step", "decision"), [(0, ADVANCE), (3, PROMOTE)])
def test_a_take_back_in_the_middle_of_an_advance_wins(world, moment, step, decision):
    """Whichever write comes first: the alias ends with the champion, the rollout as rolled back."""
    at_step(world, step)
    place = world.store if moment == "before_replace" else world.aliases
    setattr(place, moment, lambda: take_back(world.ports, FAULTS_ALARM, "4 faults", NOW))

    outcome = apply(world.ports, TASK, "r1", decision, NOW)

    assert (outcome.status, world.split) == ("rolled_back", ("1", "", 0))
    assert outcome.cause == f"ended as rolled_back by alarm:{FAULTS_ALARM}; 4 faults"
    assert world.record.status == "rolled_back"


@pytest.mark.parametrize(("step", "decision"), [(0, ADVANCE), (3, PROMOTE)])
def test_a_retry_never_raises_what_a_cut_off_take_back_lowered(world, step, decision):
    """Advance was cut off before its write, the take-back before its record: the alias alone tells, and stays."""
    at_step(world, step)
    world.aliases.before_write = lambda: (_ for _ in ()).throw(TimeoutError)
    with pytest.raises(TimeoutError):
        apply(world.ports, TASK, "r1", decision, NOW)
    world.aliases.after_write = lambda: (_ for _ in ()).throw(TimeoutError)
    with pytest.raises(TimeoutError):
        take_back(world.ports, FAULTS_ALARM, "4 faults", NOW)

    outcome = apply(world.ports, TASK, "r1", decision, NOW)

    assert (outcome.status, world.split) == ("aborted", ("1", "", 0))


def test_a_firing_alarm_whose_action_got_lost_is_seen_at_the_next_look(world):
    """The state machine reads the alarms itself."""
    begun(world)
    world.alarms.alarming = (FAULTS_ALARM,)
    world.metrics.arms = {"1": arm("1", 6000), "2": arm("2", 1500)}

    assert look_and_apply(world, NOW + timedelta(minutes=1)).status == "rolled_back"
    assert world.split == ("1", "", 0)


# --- somebody else's hand


@pytest.mark.parametrize("decision", [ADVANCE, ROLL_BACK, Decision(Action.EXPIRE, 0, ("late",))])
def test_an_alias_moved_between_decision_and_write_is_left_alone(world, decision):
    """Stale revision: the rollout ends as aborted, the other hand's weight stays."""
    begun(world)
    world.aliases.before_write = lambda: world.aliases.move("1", "2", 7)

    outcome = apply(world.ports, TASK, "r1", decision, NOW)

    assert (outcome.status, world.split) == ("aborted", ("1", "2", 7))
    assert "somebody moved the alias" in outcome.cause
    assert world.alarms.watched == {}


def test_a_hand_that_set_the_very_next_weight_is_not_taken_for_ours(world):
    """The decision to advance was made before; by its revision the alias is somebody else's."""
    begun(world)
    set_weight_by_hand(world.ports, TASK, 40, "ann", NOW, force=True)

    assert apply(world.ports, TASK, "r1", ADVANCE, NOW).status == "aborted"


@pytest.mark.parametrize("moment", ["before_read", "before_write", "after_write", "before_replace"])
@pytest.mark.parametrize(("step", "decision"), [(0, ADVANCE), (3, PROMOTE)])
def test_a_step_and_its_own_retry_at_once_do_no_harm(world, moment, step, decision):
    """A function that timed out may still be writing while its retry runs: the same end as one alone."""
    at_step(world, step)
    place = world.store if moment == "before_replace" else world.aliases
    setattr(place, moment, lambda: apply(world.ports, TASK, "r1", decision, NOW))

    outcome = apply(world.ports, TASK, "r1", decision, NOW)

    assert (outcome.status, outcome.weight) == ("promoted" if step else "running", decision.weight)
    assert world.record.revision_id == world.aliases.state.revision_id
    assert [event.weight for event in world.store.events].count(decision.weight) == 1


def test_a_look_that_was_torn_by_a_second_execution_does_not_abort(world):
    """Record from before, alias from after: the decision to abort is checked against both together."""
    begun(world)
    torn = collect(world.ports, TASK, "r1", NOW)
    apply(world.ports, TASK, "r1", ADVANCE, NOW)
    torn = replace(torn, alias=world.aliases.state)
    decision = decide(torn)
    assert decision.action is Action.ABORT

    outcome = apply(world.ports, TASK, "r1", decision, NOW, evidence=torn)

    assert (outcome.status, world.split) == ("running", ("1", "2", 40))


def test_an_alias_moved_before_a_look_aborts_the_rollout(world):
    """By its revision alone, although the weights are the same."""
    begun(world)
    world.aliases.move("1", "2", 20)
    world.metrics.arms = {"1": arm("1", 6000), "2": arm("2", 1500)}

    outcome = look_and_apply(world, NOW + timedelta(minutes=1))

    assert (outcome.status, outcome.weight, world.split) == ("aborted", 20, ("1", "2", 20))


def test_an_alias_that_vanished_aborts_the_rollout(world):
    """Somebody deleted it; it is not brought back."""
    begun(world)
    world.aliases.state = None

    assert look_and_apply(world, NOW).status == "aborted"
    assert world.aliases.state is None


# --- the operator


def test_a_weight_by_hand_is_refused_while_a_rollout_owns_the_alias(world):
    """With a clear reason: who owns it, and where it stands."""
    begun(world)
    with pytest.raises(RolloutInProgressError, match=r"rollout r1 owns the alias .* stands at 20 %"):
        set_weight_by_hand(world.ports, TASK, 10, "ann", NOW)

    assert world.split == ("1", "2", 20)


def test_a_forced_weight_moves_the_alias_and_the_rollout_aborts_at_its_next_look(world):
    """The history names the operator; the state machine leaves the new weight alone."""
    begun(world)
    set_weight_by_hand(world.ports, TASK, 10, "ann", NOW, force=True)
    assert world.split == ("1", "2", 10)
    event = world.store.events[-1]
    assert (event.event, event.who, event.weight, event.rollout_id) == ("weight_by_hand", "operator:ann", 10, "r1")
    assert event.reasons == ("weight set by hand, forced while rollout r1 owned the alias",)

    assert look_and_apply(world, NOW + timedelta(minutes=1)).status == "aborted"
    assert world.split == ("1", "2", 10)


@pytest.mark.parametrize(
    ("weight", "split"),
    [(0, ("1", "", 0)), (1, ("1", "2", 1)), (99, ("1", "2", 99)), (100, ("2", "", 0))],
)
def test_a_weight_by_hand_moves_the_named_version(world, weight, split):
    """0 gives the champion all, 100 promotes."""
    set_weight_by_hand(world.ports, TASK, weight, "ann", NOW, version="2")

    assert world.split == split
    assert (world.store.events[-1].event, world.store.events[-1].weight) == ("weight_by_hand", weight)


def test_without_a_name_the_version_that_has_a_share_is_meant(world):
    """`infolens rollout weight news_category 10`."""
    set_weight_by_hand(world.ports, TASK, 10, "ann", NOW, version="2")
    set_weight_by_hand(world.ports, TASK, 30, "ann", NOW)

    assert world.split == ("1", "2", 30)


def test_without_a_share_the_last_candidate_is_meant(world):
    """After a rollback an operator tries the candidate again."""
    begun(world)
    apply(world.ports, TASK, "r1", ROLL_BACK, NOW)
    set_weight_by_hand(world.ports, TASK, 5, "ann", NOW)

    assert world.split == ("1", "2", 5)


@pytest.mark.parametrize(
    ("weight", "version", "words"),
    [
        (-1, "2", "within 0 and 100, got -1"),
        (101, "2", "within 0 and 100, got 101"),
        (10, "", "name the version"),
        (10, "1", "version 1 is the champion already"),
        (10, "9", "version 9 of news_category is not in the registry"),
    ],
)
def test_a_weight_by_hand_that_makes_no_sense_is_refused(world, weight, version, words):
    """With the limit in the message, and nothing moved."""
    with pytest.raises(RolloutRefusedError, match=words):
        set_weight_by_hand(world.ports, TASK, weight, "ann", NOW, version=version)

    assert world.aliases.writes == []


def test_a_refused_version_gets_a_weight_by_hand_only_by_force(world):
    """Gates hold for hands, too; force is told in the history."""
    world.register("2", passed=False)
    with pytest.raises(RolloutRefusedError, match="did not pass its gates"):
        set_weight_by_hand(world.ports, TASK, 10, "ann", NOW, version="2")

    set_weight_by_hand(world.ports, TASK, 10, "ann", NOW, version="2", force=True)

    assert world.store.events[-1].reasons == ("weight set by hand, forced",)


def test_a_weight_by_hand_needs_a_live_version(world):
    """The first version goes live through a rollout."""
    world.aliases.state = None
    with pytest.raises(NoAliasError, match="no version of news_category is live"):
        set_weight_by_hand(world.ports, TASK, 10, "ann", NOW, version="2")


def test_a_weight_by_hand_that_lost_a_race_is_told(world):
    """Nothing is overwritten, and the history does not claim otherwise."""
    world.aliases.before_write = lambda: world.aliases.move("1", "", 0)
    with pytest.raises(StaleAliasError):
        set_weight_by_hand(world.ports, TASK, 10, "ann", NOW, version="2")

    assert world.store.events == []


def test_an_operator_aborts_a_rollout(world):
    """The champion has everything; the state machine ends as aborted at its next look."""
    begun(world)
    outcome = abort(world.ports, TASK, "ann", NOW, "wrong model")

    assert (outcome.status, world.split) == ("aborted", ("1", "", 0))
    assert (world.store.events[-1].who, world.store.events[-1].reasons) == ("operator:ann", ("wrong model",))
    assert look_and_apply(world, NOW + timedelta(minutes=1)).status == "aborted"


def test_nothing_is_aborted_when_nothing_runs(world):
    """And the message says how the last one ended."""
    with pytest.raises(NoRolloutError, match=r"no rollout of news_category is running$"):
        abort(world.ports, TASK, "ann", NOW)
    begun(world)
    apply(world.ports, TASK, "r1", ROLL_BACK, NOW)
    with pytest.raises(NoRolloutError, match="the last one, r1, ended as rolled_back"):
        abort(world.ports, TASK, "ann", NOW)


def test_a_first_version_cut_off_half_way_can_be_aborted(world):
    """There is no champion to give the traffic back to; the alias stays free for the next rollout."""
    world.aliases.state = None
    world.aliases.create = lambda function, version: (_ for _ in ()).throw(TimeoutError)
    with pytest.raises(TimeoutError):
        begin(world.ports, request(), NOW)

    outcome = apply(world.ports, TASK, "r1", ROLL_BACK, NOW)

    assert (outcome.status, world.record.status) == ("aborted", "aborted")
    assert "no champion" in outcome.cause


def test_the_status_shows_alias_record_and_evidence(world):
    """What `infolens rollout status` prints."""
    assert status(world.ports, TASK, NOW).candidate is None
    begun(world)
    world.metrics.arms["2"] = arm("2", 12)

    seen = status(world.ports, TASK, NOW)

    assert (seen.alias.weight, seen.record.rollout_id, seen.candidate.requests) == (20, "r1", 12)


def test_the_history_shows_the_newest_last(world):
    """What `infolens rollout history` prints."""
    begun(world)
    apply(world.ports, TASK, "r1", ROLL_BACK, NOW)

    assert [event.event for event in history(world.ports, TASK, 2)] == ["weight", "rolled_back"]


def test_starting_hands_the_input_to_the_state_machine():
    """The execution's name is the rollout id."""
    started = []
    document = rollout_input(TASK, "2", "operator:ann", forced=True, plan=to_dict(PLAN))

    assert start(lambda *call: started.append(call) or True, "arn", "r1", document)
    assert started == [("arn", "r1", document)]
    assert document["plan"]["weights"] == [20, 40, 60, 80, 100]
    assert "plan" not in rollout_input(TASK, "2", "state-machine")


def test_the_plan_comes_from_the_input_then_from_the_deployment():
    """Each wrong one is refused by name."""
    short = {**to_dict(PLAN), "weights": [50, 100]}

    assert plan_for(TASK, short, "{}").weights == (50, 100)
    assert plan_for(TASK, None, to_json(PLAN).decode()) == PLAN
    with pytest.raises(PlanError, match="ROLLOUT_PLAN is no JSON"):
        plan_for(TASK, None, "{")
