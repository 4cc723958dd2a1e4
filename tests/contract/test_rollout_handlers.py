"""The functions of a rollout hand each other JSON that the next one takes, as the state machine wires them."""

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import ValidationError

from infolens.codec import to_dict
from infolens.usecases.rollout import RolloutRefusedError
from rollout_fakes import PLAN, TASK, World, arm

ROOT = Path(__file__).resolve().parents[2]
FAST = {**to_dict(PLAN), "weights": [50, 100], "max_step_seconds": 60}


@dataclass
class Context:
    """What powertools reads of Lambda's context."""

    function_name: str = "f"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:111122223333:function:f"
    aws_request_id: str = "request"


@pytest.fixture
def world():
    """Version 1 is live, version 2 may come in."""
    return World()


@pytest.fixture
def call(monkeypatch, world, request):
    """Call a function's handler by its folder's name, through JSON on both sides, with the fakes as AWS."""
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "true")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", request.node.name)  # a logger writes where its first test read

    def handle(folder, event):
        path = ROOT / "functions" / folder / "handler.py"
        spec = importlib.util.spec_from_file_location(f"handler_of_{folder}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        if hasattr(module, "rollout_ports"):
            monkeypatch.setattr(module, "rollout_ports", lambda: world.ports)
        return json.loads(json.dumps(module.handler(json.loads(json.dumps(event)), Context())))

    return handle


def begin(call, **more):
    """As state Begin calls it."""
    given = {"task": TASK, "candidate": "2", "plan": FAST, **more}
    return call("begin_rollout", {"execution": "r1", "input": given})


def look(call, standing):
    """One turn of the loop: Collect, Decide, Apply."""
    evidence = call("collect_evidence", {"task": standing["task"], "rollout_id": standing["rollout_id"]})
    decision = call("decide_rollout", evidence)
    applied = {
        "task": standing["task"],
        "rollout_id": standing["rollout_id"],
        "decision": decision,
        "evidence": evidence,
    }
    return call("apply_decision", applied)


def told(output):
    """The lines that a function logged or sent as metrics."""
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def test_a_candidate_comes_in_through_the_functions(call, world):
    """Begin, a hold, and a promotion; the state that is carried has what the machine reads."""
    standing = begin(call)
    assert (standing["status"], standing["look_seconds"], world.split) == ("running", 60, ("1", "2", 50))
    assert look(call, standing)["status"] == "running"

    bounds = {"latency_p95_low_ms": 98.0, "latency_p95_high_ms": 102.0}
    world.metrics.arms = {"1": arm("1", **bounds), "2": arm("2", **bounds)}
    standing = look(call, standing)

    assert (standing["status"], world.split) == ("promoted", ("2", "", 0))
    assert standing["cause"]


def test_a_step_that_failed_takes_back_without_evidence(call, world):
    """As state TakeBack calls it."""
    begin(call)
    decision = {"action": "roll_back", "weight": 0, "reasons": ["a step of the rollout failed: X", "trace"]}

    standing = call("apply_decision", {"task": TASK, "rollout_id": "r1", "decision": decision})

    assert (standing["status"], world.split) == ("rolled_back", ("1", "", 0))
    assert standing["cause"] == "a step of the rollout failed: X; trace"


def test_an_alarm_takes_back(call, world):
    """The event as CloudWatch sends it to a function."""
    begin(call)
    event = json.loads((ROOT / "tests" / "events" / "cloudwatch_alarm_faults.json").read_text("utf-8"))

    assert call("take_back", event)["status"] == "rolled_back"
    assert world.split == ("1", "", 0)
    assert world.store.events[-1].reasons[0].startswith("Threshold Crossed: 1 out of the last 1 datapoints [4.0")


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA"])
def test_an_alarm_that_calms_down_takes_nothing_back(call, world, state):
    """Only ALARM is an alarm."""
    begin(call)
    event = json.loads((ROOT / "tests" / "events" / "cloudwatch_alarm_faults.json").read_text("utf-8"))
    event["alarmData"]["state"]["value"] = state

    assert call("take_back", event)["status"] == "nothing_to_take_back"
    assert world.split == ("1", "2", 50)


def test_an_alarm_without_a_rollout_says_so(call, world, capsys):
    """And does nothing."""
    event = json.loads((ROOT / "tests" / "events" / "cloudwatch_alarm_faults.json").read_text("utf-8"))

    assert call("take_back", event)["status"] == "nothing_to_take_back"
    assert "no running rollout to take back" in [line.get("message") for line in told(capsys.readouterr().out)]


def test_a_refused_candidate_is_an_error_with_the_reasons(call, world, capsys):
    """Lambda hands class name and message to the state machine; the refusal is counted."""
    world.register("2", passed=False, reasons=("worse than the champion",))
    with pytest.raises(RolloutRefusedError, match="did not pass its gates; worse than the champion"):
        begin(call)

    assert [line["action"] for line in told(capsys.readouterr().out)] == ["begin_failed"]


def test_force_comes_from_the_input(call, world):
    """With the operator's name, for the history."""
    world.register("2", passed=False)
    begin(call, forced=True, who="operator:ann")

    assert world.store.events[0].who == "operator:ann"


@pytest.mark.parametrize(
    ("broken", "field"),
    [({"candidate": 2}, "candidate"), ({"task": None}, "task"), ({"forced": "perhaps"}, "forced")],
)
def test_an_input_of_the_wrong_type_is_refused_by_name(call, world, broken, field):
    """Nothing is begun."""
    with pytest.raises(ValidationError, match=field):
        begin(call, **broken)

    assert world.store.records == {}


def test_a_killed_execution_is_resumed_by_naming_its_rollout(call, world):
    """The execution's own name counts only where the input names no rollout."""
    begin(call)

    assert (
        call(
            "begin_rollout",
            {"execution": "another", "input": {"task": TASK, "candidate": "2", "plan": FAST, "rollout_id": "r1"}},
        )["rollout_id"]
        == "r1"
    )


def test_every_line_carries_task_and_rollout(call, world, capsys):
    """`infolens logs <rollout id>` follows a rollout through all functions."""
    standing = begin(call)
    look(call, standing)
    lines = [line for line in told(capsys.readouterr().out) if "message" in line]

    assert [line["message"] for line in lines] == ["rollout began", "looked", "decided", "applied"]
    assert {(line["task"], line["rollout_id"]) for line in lines} == {(TASK, "r1")}


def test_actions_are_counted_by_task_and_action(call, world, capsys):
    """Metric RolloutAction, as embedded metric format."""
    standing = begin(call)
    look(call, standing)
    counted = [line for line in told(capsys.readouterr().out) if "_aws" in line]

    assert [(line["task"], line["action"], line["RolloutAction"]) for line in counted] == [
        (TASK, "begin", [1.0]),
        (TASK, "hold", [1.0]),
    ]
    assert {line["_aws"]["CloudWatchMetrics"][0]["Namespace"] for line in counted} == {"InfoLens"}
