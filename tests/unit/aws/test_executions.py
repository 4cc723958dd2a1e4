"""Starting an execution twice is harmless."""

import json

import pytest
from botocore.exceptions import ClientError

from infolens.aws import executions


class FakeStates:
    """Knows the names of the executions that were started."""

    def __init__(self, error=""):
        self.started = {}
        self.error = error

    def start_execution(self, stateMachineArn, name, input):  # noqa: A002, N803 - boto3's names
        """See the boto3 client."""
        code = self.error or ("ExecutionAlreadyExists" if name in self.started else "")
        if code:
            raise ClientError({"Error": {"Code": code, "Message": "planted"}}, "StartExecution")
        self.started[name] = (stateMachineArn, json.loads(input))


def test_starts_once():
    """The second start under the same name says that there was one, and starts nothing."""
    states = FakeStates()
    assert executions.start("arn", "run-1", {"task": "t"}, states) is True
    assert executions.start("arn", "run-1", {"task": "other"}, states) is False
    assert states.started == {"run-1": ("arn", {"task": "t"})}


def test_other_errors_pass():
    """What is not a repetition is raised."""
    with pytest.raises(ClientError, match="StateMachineDoesNotExist"):
        executions.start("arn", "run-1", {}, FakeStates("StateMachineDoesNotExist"))


class Described:
    """Step Functions that knows some executions."""

    def __init__(self, **statuses):
        self.statuses = statuses

    def describe_execution(self, executionArn):  # noqa: N803 - boto3's name
        """See the boto3 client."""
        if executionArn not in self.statuses:
            raise ClientError({"Error": {"Code": "ExecutionDoesNotExist", "Message": ""}}, "DescribeExecution")
        return {"status": self.statuses[executionArn]}


def test_what_runs_is_told_from_what_has_ended_and_what_never_was():
    """However an execution ended, it does not run; one that is not known is neither."""
    known = Described(a="RUNNING", b="SUCCEEDED", c="FAILED", d="ABORTED", e="TIMED_OUT")
    found = {name: executions.is_running(name, known) for name in "abcdef"}
    assert found == {"a": True, "b": False, "c": False, "d": False, "e": False, "f": None}


def test_name_of_an_execution():
    """An execution is asked about by an ARN made of its machine's."""
    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:infolens-ingest"
    expected = "arn:aws:states:us-east-1:123456789012:execution:infolens-ingest:u1"
    assert executions.execution_arn(machine, "u1") == expected
