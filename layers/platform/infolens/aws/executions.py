"""Starts executions of state machines under names that make starting twice harmless, and looks whether they run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infolens.aws.clients import client

if TYPE_CHECKING:
    from collections.abc import Mapping


def start(arn: str, name: str, document: Mapping[str, object], states: Any = None) -> bool:  # noqa: ANN401 - a boto3 client
    """Start an execution; False when one of this name has been started before.

    Step Functions answers like a first start when the earlier one is still running with the very same input, so True
    says that it runs, not that it was this call that started it.

    Args:
        arn: state machine.
        name: name of the execution, kept by Step Functions for 90 days.
        document: input.
        states: a boto3 client, or this process's own one.
    """
    try:
        (states or client("stepfunctions")).start_execution(
            stateMachineArn=arn, name=name, input=json.dumps(document, sort_keys=True)
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ExecutionAlreadyExists":
            return False
        raise
    return True


def execution_arn(machine: str, name: str) -> str:
    """Give the ARN of a state machine's execution by its name."""
    return f"{machine.replace(':stateMachine:', ':execution:', 1)}:{name}"


def is_running(arn: str, states: Any = None) -> bool | None:  # noqa: ANN401 - a boto3 client
    """Say whether an execution runs; None when there is none of this ARN (any more: it is kept for 90 days)."""
    try:
        described = (states or client("stepfunctions")).describe_execution(executionArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
            return None
        raise
    return bool(described["status"] in {"RUNNING", "PENDING_REDRIVE"})
