"""Starts state machines and follows them: history events in, a list of states with their outcome out."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from rich import box
from rich.markup import escape
from rich.table import Table

from infolens_cli.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

_PLUMBING = ("ChoiceState", "PassState", "SucceedState")
"""Kinds of state that do no work: they are left out of what a person reads."""

_MARKS = {"running": "[cyan]▸[/]", "succeeded": "[green]✓[/]", "failed": "[red]✗[/]"}


@dataclass(frozen=True)
class StateRun:
    """One state of an execution, as far as it came."""

    name: str
    kind: str
    """Start of its event type: "TaskState", "WaitState", "FailState", …"""
    entered: datetime
    left: datetime | None = None
    tries: int = 1
    note: str = ""
    """Name of the job it runs, or what went wrong."""
    failed: bool = False

    @property
    def outcome(self) -> str:
        """`running`, `succeeded` or `failed`."""
        if self.failed or self.kind == "FailState":
            return "failed"
        return "running" if self.left is None else "succeeded"

    def seconds(self, now: datetime) -> float:
        """How long it took, or has been taking."""
        return ((self.left or now) - self.entered).total_seconds()


@dataclass(frozen=True)
class Ended:
    """How an execution ended."""

    arn: str
    status: str
    """SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""
    output: dict[str, Any]
    error: str
    cause: str
    states: tuple[StateRun, ...]

    @property
    def name(self) -> str:
        """Name of the execution: the run id of a training, the rollout id of a rollout."""
        return self.arn.rpartition(":")[2]


def arn_of(state_machine_arn: str, name: str) -> str:
    """ARN of an execution, from its state machine's and its name."""
    return f"{state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"


def _job_of(details: Mapping[str, Any]) -> str:
    try:
        parameters = json.loads(details.get("parameters") or "{}")
    except ValueError:
        return ""
    kinds = ("TrainingJobName", "ProcessingJobName", "HyperParameterTuningJobName")
    return next((str(parameters[kind]) for kind in kinds if parameters.get(kind)), "")


def states(events: Iterable[Mapping[str, Any]]) -> list[StateRun]:
    """Turn history events into states in the order in which they were entered.

    A state that a machine comes back to (a rollout waits and looks many times) appears once per visit. A state that
    failed and was retried counts its tries; a failure that was caught leaves the state failed.
    """
    found: list[StateRun] = []
    for event in events:
        kind = str(event["type"])
        if kind.endswith("StateEntered"):
            details = event["stateEnteredEventDetails"]
            found.append(StateRun(details["name"], kind.removesuffix("Entered"), event["timestamp"]))
        elif not found:
            continue
        elif kind.endswith("StateExited"):
            name = event["stateExitedEventDetails"]["name"]
            at = next((i for i in reversed(range(len(found))) if found[i].name == name and not found[i].left), None)
            if at is not None:
                found[at] = replace(found[at], left=event["timestamp"])
        elif kind in {"TaskScheduled", "LambdaFunctionScheduled"}:
            last = found[-1]
            job = _job_of(event.get("taskScheduledEventDetails") or {})
            tries = last.tries + 1 if last.failed else last.tries
            found[-1] = replace(last, note=job or last.note, tries=tries, failed=False)
        elif kind.endswith(("Failed", "TimedOut")) and not kind.startswith("Execution"):
            failure: Mapping[str, Any] = next((event[name] for name in event if name.endswith("EventDetails")), {})
            why = ": ".join(str(failure[name]) for name in ("error", "cause") if failure.get(name))
            found[-1] = replace(found[-1], note=why, failed=True)
    return found


def table(found: Iterable[StateRun], now: datetime) -> Table:
    """Draw the states that do work."""
    drawn = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    drawn.add_column(no_wrap=True, min_width=1)
    drawn.add_column(no_wrap=True)
    drawn.add_column(justify="right", style="dim", no_wrap=True)
    drawn.add_column(style="dim", overflow="ellipsis", no_wrap=True)
    for state in found:
        if state.kind in _PLUMBING:
            continue
        tries = f" (try {state.tries})" if state.tries > 1 else ""
        drawn.add_row(
            _MARKS[state.outcome],
            state.name + tries,
            f"{state.seconds(now):.1f} s",
            escape(state.note.splitlines()[0]) if state.note else "",
        )
    return drawn


def history(stepfunctions: Any, arn: str) -> list[dict[str, Any]]:  # noqa: ANN401 - a boto3 client
    """Read all events of an execution."""
    pages = stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
    return [event for page in pages for event in page["events"]]


def follow(  # noqa: PLR0913 - clock and pause come in as arguments, as everywhere
    stepfunctions: Any,  # noqa: ANN401 - a boto3 client
    arn: str,
    *,
    seen: Callable[[list[StateRun]], None],
    seconds: float,
    every: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Ended:
    """Follow an execution to its end; `seen` is given the states at each look.

    Raises:
        Trouble: it was still running after `seconds`; it goes on without us.
    """
    end = clock() + seconds
    while True:
        # The description first: whatever it says has ended is in the history that is read after it.
        description = stepfunctions.describe_execution(executionArn=arn)
        found = states(history(stepfunctions, arn))
        seen(found)
        if description["status"] != "RUNNING":
            return Ended(
                arn=arn,
                status=description["status"],
                output=json.loads(description.get("output") or "{}"),
                error=description.get("error") or "",
                cause=description.get("cause") or "",
                states=tuple(found),
            )
        if clock() >= end:
            at = found[-1].name if found else "its start"
            raise Trouble(
                f"{arn.rpartition(':')[2]} still runs after {seconds:g} seconds, at {at}", "it goes on by itself"
            )
        pause(every)


def newest(stepfunctions: Any, state_machine_arn: str, matches: Callable[[dict[str, Any]], bool]) -> str | None:  # noqa: ANN401
    """ARN of the newest execution whose input matches, among the latest hundred."""
    listed = stepfunctions.list_executions(stateMachineArn=state_machine_arn, maxResults=100)["executions"]
    for item in sorted(listed, key=lambda one: one["startDate"], reverse=True):
        description = stepfunctions.describe_execution(executionArn=item["executionArn"])
        if matches(json.loads(description.get("input") or "{}")):
            return str(item["executionArn"])
    return None


def exists(stepfunctions: Any, arn: str) -> bool | None:  # noqa: ANN401 - a boto3 client
    """Whether there is such an execution: True, or None for "not yet" as `wait_for` likes it."""
    try:
        stepfunctions.describe_execution(executionArn=arn)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "ExecutionDoesNotExist":
            return None
        raise
    return True
