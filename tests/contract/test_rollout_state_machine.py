"""The state machine of rollouts: a graph whose every path ends honestly, and whose names are those of the code."""

import importlib
import json
import re
from pathlib import Path

import pytest

from infolens.rollout.decision import RUNNING, STATUS_AFTER
from state_machines import following, reachable

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "state_machines" / "rollout.asl.json").read_text("utf-8")
MACHINE = json.loads(TEXT)
STATES = MACHINE["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}

ERRORS = {
    "RolloutRefusedError": "infolens.usecases.rollout",
    "RolloutLostError": "infolens.usecases.rollout",
    "RolloutInProgressError": "infolens.aws.rollouts",
    "PlanError": "infolens.rollout.plan",
    "UnknownTaskError": "infolens.tasks",
    "ValidationError": "pydantic",
}
"""Errors of our own that the machine names, and where they are."""


def test_every_state_is_reached_and_every_arrow_has_an_end():
    """No dead branch, no dangling name."""
    assert reachable(MACHINE) == set(STATES)


def test_only_a_promoted_candidate_ends_as_succeeded():
    """One Succeed, and no `End: true` that would make a failed run look successful (DESIGN, section 5)."""
    assert [name for name, state in STATES.items() if state["Type"] == "Succeed"] == ["Promoted"]
    assert not [name for name, state in STATES.items() if state.get("End")]
    for name, state in STATES.items():
        assert state["Type"] in {"Succeed", "Fail"} or following(state), name


def test_succeeding_takes_the_status_promoted():
    """No other arrow leads there."""
    sources = [name for name, state in STATES.items() if "Promoted" in following(state)]
    choices = [choice for choice in STATES["Standing"]["Choices"] if choice["Next"] == "Promoted"]

    assert sources == ["Standing"]
    assert [(choice["Variable"], choice["StringEquals"]) for choice in choices] == [("$.rollout.status", "promoted")]


def test_every_status_has_its_end():
    """The statuses of the decision, and no others; what is unknown ends as aborted."""
    ends = {choice["StringEquals"]: choice["Next"] for choice in STATES["Standing"]["Choices"]}

    assert ends == {RUNNING: "Wait", "promoted": "Promoted", "rolled_back": "RolledBack", "expired": "Expired"}
    assert set(STATUS_AFTER.values()) - set(ends) == {"aborted"}
    assert STATES["Standing"]["Default"] == "Aborted"


@pytest.mark.parametrize("name", [name for name, state in STATES.items() if state["Type"] == "Fail"])
def test_every_failure_says_what_and_why(name):
    """An error to match on, and the reasons as cause."""
    assert {"Error", "ErrorPath"} & set(STATES[name])
    assert "CausePath" in STATES[name]


@pytest.mark.parametrize("name", TASKS)
def test_every_step_is_caught_retried_and_limited(name):
    """Whatever breaks leads to a take-back, and nothing hangs."""
    state = TASKS[name]
    everything = next(catch for catch in state["Catch"] if catch["ErrorEquals"] == ["States.ALL"])

    assert state["Catch"][-1] is everything
    assert everything["Next"] == ("NotTakenBack" if name == "TakeBack" else "TakeBack")
    assert state["TimeoutSeconds"] == 60
    assert state["Retry"]


@pytest.mark.parametrize("name", [name for name in TASKS if name != "TakeBack"])
def test_the_service_errors_of_lambda_are_tried_again(name):
    """Those that AWS asks every caller to retry."""
    errors = {error for retry in TASKS[name]["Retry"] for error in retry["ErrorEquals"]}

    assert errors >= {
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.TooManyRequestsException",
        "States.TaskFailed",
        "States.Timeout",
    }


def test_a_refusal_is_not_tried_again_and_takes_nothing_back():
    """The candidate never had traffic; the alias may belong to another rollout."""
    refusals = TASKS["Begin"]["Catch"][0]

    assert refusals["Next"] == "Refuse"
    assert TASKS["Begin"]["Retry"][0] == {"ErrorEquals": refusals["ErrorEquals"], "MaxAttempts": 0}
    assert "TakeBack" not in reachable(MACHINE, "Refuse")


def test_our_errors_are_called_as_in_the_code():
    """Lambda reports the name of the class; a renamed class would be retried, or taken back."""
    named = {error for error in re.findall(r'"(\w+Error)"', TEXT) if error != "ExecutionError"}

    assert named == set(ERRORS)
    for name, module in ERRORS.items():
        assert getattr(importlib.import_module(module), name).__name__ == name


def test_the_weight_is_waited_for_as_the_plan_says():
    """No number of the machine's own."""
    assert STATES["Wait"] == {"Type": "Wait", "SecondsPath": "$.rollout.look_seconds", "Next": "Collect"}


def test_every_substitution_is_given_by_the_template():
    """The definition is JSON before substitution; each placeholder has its line in the template's stanza."""
    placeholders = set(re.findall(r"\$\{(\w+)\}", TEXT))
    stanza = (ROOT / "template.yaml").read_text("utf-8").split("  RolloutStateMachine:\n")[1].split("\n\n")[0]

    assert placeholders == set(re.findall(r"^ {8}(\w+FunctionArn):", stanza, re.MULTILINE))


def test_the_functions_have_folders():
    """BeginRolloutFunctionArn is functions/begin_rollout."""
    for placeholder in re.findall(r"\$\{(\w+)FunctionArn\}", TEXT):
        folder = re.sub(r"(?<!^)([A-Z])", r"_\1", placeholder).lower()
        assert (ROOT / "functions" / folder / "handler.py").is_file(), folder


def test_there_is_no_jsonata():
    """JSONPath runs everywhere; JSONata downloads a jar in the embedded cloud."""
    assert "QueryLanguage" not in TEXT
    assert "{%" not in TEXT
