"""Takes the label that somebody tells about a prediction, and keeps it where the answers are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from infolens.contracts.observation import Label
from infolens.joining import standing_label
from infolens.usecases.observations import record_label

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from infolens.usecases.observations import ObservationPorts


class UnknownPredictionError(LookupError):
    """No answer is known under the id, and no task was named that would tell what the label means."""


class SeveralTasksError(LookupError):
    """The id belongs to answers of several tasks, and none was named."""

    def __init__(self, prediction_id: str, tasks: Sequence[str]) -> None:
        """Keep the `tasks` that answered."""
        super().__init__(f"prediction {prediction_id} was answered by {', '.join(tasks)}; name the one that is meant")
        self.tasks = tuple(tasks)


class Outcome(StrEnum):
    """What became of a label."""

    RECORDED = "recorded"
    """The first one."""
    SAME = "same"
    """It stood already."""
    CORRECTED = "corrected"
    """Another one stood before; it is kept, and counts no more."""
    AWAITING = "awaiting"
    """It is kept, and joined once the answer is known: answers are recorded some seconds after they are given."""


@dataclass(frozen=True)
class Said:
    """A label as it was sent."""

    prediction_id: str
    label: object
    """A JSON value."""
    task: str
    """The task that is meant; "" where the id says enough."""
    at: datetime
    """When it was told, UTC."""


@dataclass(frozen=True)
class Told:
    """A label that was taken."""

    task: str
    label: object
    """In the form in which it is kept."""
    outcome: Outcome


def tell(ports: ObservationPorts, said: Said, tasks: Sequence[str]) -> Told:
    """Take a label about a prediction.

    Args:
        ports: where it goes.
        said: the label, as it was sent.
        tasks: all tasks; asked which of them answered where none is named.

    Raises:
        RowRejected: it is no label of the task.
        UnknownPredictionError: see there.
        SeveralTasksError: see there.
    """
    task = said.task or _task_of(ports, tasks, said.prediction_id)
    checked = ports.feedback_of(task).check_label(said.label)
    answers, labels = ports.observations.of(task, said.prediction_id)
    before = standing_label(labels)
    if before is None or before.label != checked:
        record_label(ports, Label(task, said.prediction_id, checked, said.at.isoformat(timespec="microseconds")))
    if not answers:
        return Told(task, checked, Outcome.AWAITING)
    if before is None:
        return Told(task, checked, Outcome.RECORDED)
    return Told(task, checked, Outcome.SAME if before.label == checked else Outcome.CORRECTED)


def _task_of(ports: ObservationPorts, tasks: Sequence[str], prediction_id: str) -> str:
    known = [task for task in tasks if ports.observations.of(task, prediction_id)[0]]
    if not known:
        raise UnknownPredictionError(f"no answer is known under prediction id {prediction_id}")
    if len(known) > 1:
        raise SeveralTasksError(prediction_id, known)
    return known[0]
