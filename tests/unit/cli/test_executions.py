"""State machines as a person follows them."""

from datetime import timedelta
from typing import ClassVar

import pytest

from cli_fakes import START, Clock, Pages, drawn, refusal
from infolens_cli import executions
from infolens_cli.trouble import Trouble

ARN = "arn:aws:states:us-east-1:000000000000:execution:infolens-training:run-1"


def at(seconds):
    """Time of an event."""
    return START + timedelta(seconds=seconds)


def entered(name, seconds, kind="TaskState"):
    """A state was entered."""
    return {"type": f"{kind}Entered", "timestamp": at(seconds), "stateEnteredEventDetails": {"name": name}}


def left(name, seconds, kind="TaskState"):
    """A state was left."""
    return {"type": f"{kind}Exited", "timestamp": at(seconds), "stateExitedEventDetails": {"name": name}}


def scheduled(seconds, parameters="{}"):
    """A task was handed over."""
    return {"type": "TaskScheduled", "timestamp": at(seconds), "taskScheduledEventDetails": {"parameters": parameters}}


def failed(seconds, error, cause):
    """A task failed."""
    return {"type": "TaskFailed", "timestamp": at(seconds), "taskFailedEventDetails": {"error": error, "cause": cause}}


def test_states_have_an_outcome_and_a_duration():
    """A state that was left is done, the last one runs."""
    found = executions.states([entered("Prepare", 0), left("Prepare", 2), entered("Train", 2)])
    assert [(state.name, state.outcome, state.seconds(at(10))) for state in found] == [
        ("Prepare", "succeeded", 2.0),
        ("Train", "running", 8.0),
    ]


def test_a_job_is_named():
    """The job's name is what its logs are found by."""
    found = executions.states([entered("Train", 0), scheduled(1, '{"TrainingJobName": "run-1-train-0"}')])
    assert found[0].note == "run-1-train-0"


def test_a_retry_counts_and_heals():
    """A state that failed once and is tried again runs, in its second try."""
    events = [entered("Train", 0), scheduled(1), failed(2, "States.TaskFailed", "no disk"), scheduled(3)]
    state = executions.states(events)[0]
    assert (state.outcome, state.tries) == ("running", 2)


def test_a_failure_that_was_caught_stays_visible():
    """A machine that leaves a failed state through its catch did not succeed in it."""
    events = [entered("Train", 0), scheduled(1), failed(2, "States.TaskFailed", "no disk"), left("Train", 3)]
    state = executions.states([*events, entered("Failed", 3, "FailState")])[0]
    assert (state.outcome, state.note) == ("failed", "States.TaskFailed: no disk")


def test_a_fail_state_is_a_failure():
    """It is entered and never left."""
    assert executions.states([entered("Refused", 0, "FailState")])[0].outcome == "failed"


def test_a_state_that_comes_again_is_left_each_time():
    """A rollout waits and looks many times."""
    events = [entered("Wait", 0, "WaitState"), left("Wait", 3, "WaitState"), entered("Wait", 5, "WaitState")]
    assert [state.outcome for state in executions.states(events)] == ["succeeded", "running"]


def test_plumbing_is_not_drawn():
    """A choice takes no time and says nothing."""
    text = drawn(executions.table(executions.states([entered("Train", 0), entered("IsGood", 1, "ChoiceState")]), at(2)))
    assert "Train" in text
    assert "IsGood" not in text


class States:
    """An execution that ends after some looks."""

    def __init__(self, looks, status="SUCCEEDED", **rest):
        self.looks, self.status, self.rest = looks, status, rest

    def describe_execution(self, executionArn):  # noqa: N803 - boto3's name
        """RUNNING for some looks."""
        self.looks -= 1
        return {"status": self.status, **self.rest} if self.looks < 0 else {"status": "RUNNING"}

    def get_paginator(self, _name):
        """One state."""
        return Pages(lambda **_: {"events": [entered("Train", 0)]})


def test_following_ends_with_the_execution():
    """The output is parsed, and each look was shown."""
    clock, shown = Clock(), []
    ended = executions.follow(
        States(2, output='{"version": "3"}'), ARN, seen=shown.append, seconds=60, clock=clock, pause=clock.pause
    )
    assert (ended.status, ended.output, ended.name) == ("SUCCEEDED", {"version": "3"}, "run-1")
    assert len(shown) == 3


def test_a_failed_execution_keeps_its_reasons():
    """Error and cause come from the state machine's Fail state."""
    ended = executions.follow(
        States(0, "FAILED", error="Refused", cause="accuracy 0.61, limit 0.70"), ARN, seen=lambda _: None, seconds=60
    )
    assert (ended.error, ended.cause) == ("Refused", "accuracy 0.61, limit 0.70")


def test_following_has_a_limit():
    """The message says where the execution was."""
    clock = Clock()
    with pytest.raises(Trouble, match="run-1 still runs after 5 seconds, at Train"):
        executions.follow(States(100), ARN, seen=lambda _: None, seconds=5, clock=clock, pause=clock.pause)


def test_the_arn_of_an_execution_follows_from_its_machine():
    """No look-up is needed to find a run by its name."""
    machine = "arn:aws:states:us-east-1:000000000000:stateMachine:infolens-training"
    assert executions.arn_of(machine, "run-1") == ARN


def test_the_newest_execution_that_matches_is_found():
    """Others of the same machine are passed over."""

    class Machine:
        given: ClassVar = {"old": '{"candidate": "2"}', "new": '{"candidate": "2"}', "other": '{"candidate": "3"}'}

        def list_executions(self, stateMachineArn, maxResults):  # noqa: N803 - boto3's names
            dates = {"old": at(0), "new": at(5), "other": at(9)}
            return {"executions": [{"executionArn": name, "startDate": date} for name, date in dates.items()]}

        def describe_execution(self, executionArn):  # noqa: N803 - boto3's name
            return {"input": self.given[executionArn]}

    assert executions.newest(Machine(), "arn", lambda given: given["candidate"] == "2") == "new"
    assert executions.newest(Machine(), "arn", lambda given: given["candidate"] == "9") is None


def test_an_execution_that_is_not_there_yet_is_none():
    """Whoever waits for it looks again; other refusals are not waited away."""

    class Nothing:
        def __init__(self, code):
            self.code = code

        def describe_execution(self, executionArn):  # noqa: N803 - boto3's name
            raise refusal(self.code)

    assert executions.exists(Nothing("ExecutionDoesNotExist"), ARN) is None
    with pytest.raises(Exception, match="AccessDenied"):
        executions.exists(Nothing("AccessDenied"), ARN)
