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
