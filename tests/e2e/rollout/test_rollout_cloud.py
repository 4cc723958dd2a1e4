"""Rollouts in the embedded cloud: real state machine, functions, alias, metrics and alarms, each path with its fault.

The scenarios run at the same time, each with a task of its own; each test tells how one of them ended.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from cloud_parts import make_function, until
from infolens.aws.alarms import CloudWatchAlarms
from infolens.aws.metrics import CloudWatchMetrics
from infolens.usecases import rollout
from rollout_cloud import FAULTY, GOOD, SLOW, RolloutCloud, Traffic

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(1200)]

PLAN = {
    "weights": [50, 100],
    "min_requests": 25,
    "look_seconds": 1,
    "max_step_seconds": 600,
    "guardrails": {
        "max_error_rate": 0.02,
        "max_error_rate_increase": 0.01,
        "max_latency_ratio": 3.0,
        "max_latency_ms": 400.0,
    },
    "alarms": {"period_seconds": 10, "faults_per_period": 3, "latency_ms": 400.0, "min_latency_periods": 1},
}
SOON_PROVED = {**PLAN["guardrails"], "max_error_rate": 0.1, "max_error_rate_increase": 0.1}
"""160 requests of each version prove that all of these are kept; to prove an error rate below 2 % takes some 800."""

NO_ALARMS = {**PLAN, "alarms": {**PLAN["alarms"], "faults_per_period": 100_000, "latency_ms": 1e6}}
PATIENT = {**PLAN, "look_seconds": 60}
"""The state machine looks so rarely that the alarms come first."""


@pytest.fixture(scope="module")
def deployment(cloud):
    """Functions, tables and state machine."""
    return RolloutCloud(cloud)


def first_version(deployment, task, behaviour=GOOD):
    """Bring version 1 of a task to life, through a rollout of its own."""
    deployment.publish(task, "1", behaviour)
    return deployment.ended(deployment.start(task, "1", PLAN))


def bring_in(deployment, task, behaviour, plan, *, traffic=True, **more):
    """Bring version 2 in over version 1: how that ended, the traffic, and when it was seen in the history."""
    assert first_version(deployment, task)[0] == "SUCCEEDED"
    deployment.publish(task, "2", behaviour, **more)
    if not traffic:
        return deployment.ended(deployment.start(task, "2", plan)), None, 0.0
    with Traffic(deployment, task) as calls:
        execution = deployment.start(task, "2", plan)
        until(lambda: deployment.over(task, 2), 400, every=0.2)
        over = time.time()
        return deployment.ended(execution), calls, over


def promoted(deployment):
    """A better candidate."""
    return bring_in(deployment, "promoted", GOOD, {**PLAN, "weights": [30, 60, 100], "guardrails": SOON_PROVED})


def faulty_looked_at(deployment):
    """A candidate that answers with handled 5xx, and no alarm."""
    return bring_in(deployment, "faulty_looked_at", FAULTY, NO_ALARMS)


def slow_looked_at(deployment):
    """A slow candidate, and no alarm."""
    return bring_in(deployment, "slow_looked_at", SLOW, NO_ALARMS)


def faulty_alarmed(deployment):
    """A candidate that answers with handled 5xx, while the state machine waits."""
    return bring_in(deployment, "faulty_alarmed", FAULTY, PATIENT)


def slow_alarmed(deployment):
    """A slow candidate, while the state machine waits."""
    return bring_in(deployment, "slow_alarmed", SLOW, PATIENT)


def silent(deployment):
    """A candidate without traffic."""
    return bring_in(deployment, "silent", GOOD, {**PLAN, "max_step_seconds": 3}, traffic=False)


def refused(deployment):
    """A candidate whose gates refused it."""
    return bring_in(deployment, "refused", GOOD, PLAN, traffic=False, passed=False)


def mispinned(deployment):
    """A version that pins another bundle than the registry says."""
    return bring_in(deployment, "mispinned", GOOD, PLAN, traffic=False, pinned="other")


def moved_by_hand(deployment):
    """An operator forces a weight while the rollout waits."""
    task = "moved_by_hand"
    first_version(deployment, task)
    deployment.publish(task, "2", GOOD)
    execution = deployment.start(task, "2", {**PLAN, "look_seconds": 5})
    until(lambda: deployment.live(task) == ("1", "2", 50))
    cloud = deployment.cloud
    ports = rollout.Ports(
        aliases=deployment.aliases,
        store=deployment.store,
        models=deployment.registry,
        metrics=CloudWatchMetrics(cloud.client("cloudwatch")),
        alarms=CloudWatchAlarms("", cloud.client("cloudwatch")),
        observations=deployment.observations,
        function_prefix=deployment.prefix,
    )
    rollout.set_weight_by_hand(ports, task, 7, "ann", datetime.now(UTC), force=True)
    return deployment.ended(execution), None, 0.0


def broken_step(deployment):
    """A function of the state machine's own is broken."""
    task = "broken_step"
    first_version(deployment, task)
    deployment.publish(task, "2", GOOD)
    name = make_function(deployment.cloud, "def handler(event, context): raise RuntimeError('broken {1}')")
    broken = deployment.functions.get_function_configuration(FunctionName=name)["FunctionArn"]
    machine = deployment.state_machine({**deployment.arns, "DecideRolloutFunctionArn": broken})
    return deployment.ended(deployment.start(task, "2", PLAN, machine)), None, 0.0


def killed(deployment):
    """The execution is stopped from outside; the rollout goes on in a new one under its own id."""
    task = "killed"
    first_version(deployment, task)
    deployment.publish(task, "2", GOOD)
    execution = deployment.start(task, "2", {**PLAN, "look_seconds": 30})
    until(lambda: deployment.live(task) == ("1", "2", 50))
    deployment.states.stop_execution(executionArn=execution)
    lost = deployment.store.current(task)
    other = deployment.ended(deployment.start(task, "2", PLAN))
    resumed = deployment.start(task, "2", PLAN, rollout_id=lost.rollout_id)
    until(lambda: "WaitStateEntered" in deployment.went_through(resumed))
    deployment.states.stop_execution(executionArn=resumed)
    return other, deployment.live(task), deployment.store.current(task).rollout_id == lost.rollout_id


SCENARIOS = (
    faulty_alarmed,
    slow_alarmed,
    promoted,
    faulty_looked_at,
    slow_looked_at,
    silent,
    refused,
    mispinned,
    moved_by_hand,
    broken_step,
    killed,
)


@pytest.fixture(scope="module")
def endings(deployment):
    """All scenarios under way, by name."""
    with ThreadPoolExecutor(6) as pool:
        yield {scenario.__name__: pool.submit(scenario, deployment) for scenario in SCENARIOS}


def test_a_good_candidate_climbs_to_the_top_and_the_alarms_go(deployment, endings):
    """Every weight of the plan, on evidence from CloudWatch; the alias ends with the candidate alone."""
    (status, _, _), calls, _ = endings["promoted"].result()

    assert status == "SUCCEEDED", calls
    assert deployment.live("promoted") == ("2", "", 0)
    moves = [line for line in deployment.told("promoted") if line[0] != "held"]
    assert moves == [
        ("started", 0),
        ("promoted", 100),
        ("started", 0),
        ("weight", 30),
        ("weight", 60),
        ("promoted", 100),
    ]
    assert not [name for name in deployment.alarm_names() if ".promoted." in name]
    assert {version for _, version in calls.answers} == {"1", "2"}, calls


@pytest.mark.parametrize(
    ("task", "reason"), [("faulty_looked_at", "error rate 100.00 %"), ("slow_looked_at", "p95 latency 5000 ms")]
)
def test_a_bad_candidate_is_taken_back_at_a_look(deployment, endings, task, reason):
    """By evidence alone: the alarms of these two cannot fire."""
    (status, error, cause), calls, _ = endings[task].result()

    assert (status, error) == ("FAILED", "RolledBack"), calls
    assert cause.startswith(reason)
    assert deployment.live(task) == ("1", "", 0)
    assert deployment.store.history(task)[-1].who == "state-machine"


@pytest.mark.parametrize(("task", "kind"), [("faulty_alarmed", "faults"), ("slow_alarmed", "latency")])
def test_a_bad_candidate_is_taken_back_by_its_alarm(deployment, endings, task, kind):
    """Before the state machine's first look; it then ends as rolled back, and takes the alarms away."""
    (status, error, cause), calls, over = endings[task].result()

    assert (status, error) == ("FAILED", "RolledBack"), calls
    assert cause.startswith(f"ended as rolled_back by alarm:infolens-rollout.{task}.")
    assert deployment.live(task) == ("1", "", 0)
    end = deployment.store.history(task)[-1]
    assert (end.event, end.who) == ("rolled_back", f"alarm:infolens-rollout.{task}.{end.rollout_id}.{kind}")
    # A look of the state machine would have left a line of its own.
    assert [event for event, _ in deployment.told(task)] == ["started", "promoted", "started", "weight", "rolled_back"]
    # What was asked from then on, while the state machine still waited, met version 1 alone.
    assert {version for asked, version in calls.answers if asked > over} == {"1"}, calls
    assert not [name for name in deployment.alarm_names() if f".{task}." in name]


def test_a_candidate_without_traffic_expires(deployment, endings):
    """No evidence is never success."""
    (status, error, cause), _, _ = endings["silent"].result()

    assert (status, error) == ("FAILED", "Expired")
    assert "0 of 25 requests in this step" in cause
    assert deployment.live("silent") == ("1", "", 0)


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ("refused", "version 2 did not pass its gates; accuracy 0.61 is under 0.70 (n=1121)"),
        ("mispinned", "version 2 pins bundle other, but bundle digest-2 was judged"),
    ],
)
def test_a_candidate_that_must_not_come_in_is_refused(deployment, endings, task, reason):
    """The execution fails with the reasons as they are, and nothing was moved."""
    end, _, _ = endings[task].result()

    assert end == ("FAILED", "RolloutRefusedError", reason)
    assert deployment.live(task) == ("1", "", 0)


def test_an_alias_moved_by_hand_is_left_alone(deployment, endings):
    """The rollout ends as aborted, the operator's weight stays."""
    (status, error, cause), _, _ = endings["moved_by_hand"].result()

    assert (status, error) == ("FAILED", "Aborted")
    assert "somebody moved the alias: version 1 has 93 % and version 2 7 %" in cause
    assert deployment.live("moved_by_hand") == ("1", "2", 7)


def test_a_broken_step_takes_the_candidate_back(deployment, endings):
    """Nobody is watching any more: the champion has everything, and the execution fails with the cause."""
    (status, error, cause), _, _ = endings["broken_step"].result()

    assert (status, error) == ("FAILED", "RolledBack")
    assert cause.startswith("a step of the rollout failed: RuntimeError; ")
    assert "broken {1}" in cause
    assert deployment.live("broken_step") == ("1", "", 0)


def test_a_killed_execution_keeps_its_alias_until_it_is_resumed(endings):
    """Another rollout is refused and told the owner; one under the same id goes on."""
    (status, error, cause), live, owner_kept = endings["killed"].result()

    assert (status, error) == ("FAILED", "RolloutInProgressError")
    assert "owns the alias of killed" in cause
    assert live == ("1", "2", 50)
    assert owner_kept
