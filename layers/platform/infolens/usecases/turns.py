"""Lets one training of a task run at a time; the others wait, and a newer dataset makes older ones give way.

Whose turn it is stands in one object, written only under conditions. Nobody gives a turn back: it is over when the
execution that took it does not run any more, however that ended (failed, aborted and timed out too). So there is
nothing that a crash could leave behind, and nothing to clean up on any of the ways on which a run can end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from infolens import codec
from infolens.aws.objects import ObjectMissingError, WriteRefusedError
from infolens.contracts import keys
from infolens.contracts.training_run import Turn
from infolens.ingest.dataset import Head
from infolens.usecases.training_order import TrainingRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from infolens.aws.objects import ObjectStore
    from infolens.usecases.training_order import Order

_ATTEMPTS = 5
_LONGEST_WAIT = timedelta(days=7)
"""Longer than any training may take. An execution has 25,000 events; waiting so long takes 11,000 of them."""
_SHORTEST_PAUSE = 5
_LONGEST_PAUSE = 600
_YOUNG = timedelta(minutes=1)
"""DescribeExecution is eventually consistent: an execution that is not found may have been started a moment ago."""


@dataclass(frozen=True)
class Asking:
    """An execution that asks whether it may go on."""

    order: Order
    execution_arn: str
    started_at: datetime


@dataclass(frozen=True)
class TurnPorts:
    """What taking a turn needs of the world."""

    objects: ObjectStore
    data_bucket: str
    models_bucket: str
    is_running: Callable[[str], bool | None]
    """Whether an execution runs; None when there is none of this ARN."""
    now: Callable[[], datetime]


@dataclass(frozen=True)
class Answer:
    """Whether the execution may go on."""

    answer: Literal["go", "wait", "give way"]
    reason: str
    seconds: int
    """How long to wait before asking again."""


def take_turn(asking: Asking, ports: TurnPorts) -> Answer:
    """Take the task's turn, or say why not. Asking again after it was taken gives the same answer.

    Raises:
        TrainingRefusedError: it has waited too long.
    """
    order = asking.order
    newest = _newest_dataset(order.task, ports)
    if order.give_way and newest not in {"", order.dataset_id}:
        return Answer("give way", f"dataset {newest} is newer than {order.dataset_id} and is trained instead", 0)
    key = keys.training_turn(order.task)
    for _ in range(_ATTEMPTS):
        mine = codec.to_json(Turn(asking.execution_arn, order.dataset_id, ports.now().isoformat()))
        try:
            found = ports.objects.read(ports.models_bucket, key)
        except ObjectMissingError:
            if ports.objects.create(ports.models_bucket, key, mine, "application/json"):
                return Answer("go", "nobody trains", 0)
            continue
        turn = codec.from_json(Turn, found.data)
        if turn.execution_arn == asking.execution_arn:
            return Answer("go", "it is the turn's owner", 0)
        if _goes_on(turn, ports):
            return _wait(asking, f"{turn.execution_arn} has the turn since {turn.taken_at}", ports)
        try:
            ports.objects.replace(ports.models_bucket, key, mine, found.etag)
        except (WriteRefusedError, ObjectMissingError):
            continue
        return Answer("go", f"{turn.execution_arn} has ended", 0)
    return _wait(asking, "several executions asked at once", ports)


def _newest_dataset(task: str, ports: TurnPorts) -> str:
    try:
        return codec.from_json(Head, ports.objects.read(ports.data_bucket, keys.dataset_head(task)).data).dataset_id
    except ObjectMissingError:
        return ""


def _goes_on(turn: Turn, ports: TurnPorts) -> bool:
    running = ports.is_running(turn.execution_arn)
    if running is None:
        return ports.now() - datetime.fromisoformat(turn.taken_at) < _YOUNG
    return running


def _wait(asking: Asking, reason: str, ports: TurnPorts) -> Answer:
    waited = ports.now() - asking.started_at
    if waited > _LONGEST_WAIT:
        raise TrainingRefusedError(f"waited {waited.days} days for its turn: {reason}")
    # The longer it has waited the longer it waits: a tenth of the wait is lost at most, and history stays short.
    pause = max(_SHORTEST_PAUSE, min(_LONGEST_PAUSE, int(waited.total_seconds() / 10)))
    return Answer("wait", reason, pause)
