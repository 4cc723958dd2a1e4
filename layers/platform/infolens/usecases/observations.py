"""Writes down what versions answered and what was said of it later, and joins the two in whatever order they come."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from infolens.contracts.observation import CANDIDATE, CHAMPION, FALLBACK
from infolens.joining import join
from infolens.rollout.decision import RUNNING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from infolens.aws.observations import Observations
    from infolens.contracts.observation import Answer, Feedback, Label
    from infolens.contracts.rollout import RolloutRecord


@dataclass(frozen=True)
class ObservationPorts:
    """Where observations go, and what tells whether they belong to a rollout."""

    observations: Observations
    rollout_of: Callable[[str], RolloutRecord | None]
    """The rollout that owns, or last owned, a task's alias; may be some seconds old."""
    feedback_of: Callable[[str], Feedback]


def record_answers(ports: ObservationPorts, answers: Iterable[Answer]) -> int:
    """Keep what versions answered, each once however often it is delivered; give how many there were.

    Each is written before the prediction is read again and joined: of two writers the later one sees both.
    """
    count = 0
    for answer in answers:
        ports.observations.add_answer(_in_rollout(answer, ports.rollout_of(answer.task)))
        join_prediction(ports, answer.task, answer.prediction_id)
        count += 1
    return count


def record_label(ports: ObservationPorts, label: Label) -> None:
    """Keep a label beside those before it, and join it with the answers that are there."""
    ports.observations.add_label(label)
    join_prediction(ports, label.task, label.prediction_id)


def join_prediction(ports: ObservationPorts, task: str, prediction_id: str) -> None:
    """Write anew what is known of one prediction; doing so twice changes nothing."""
    answers, labels = ports.observations.of(task, prediction_id)
    for joined in join(answers, labels, ports.feedback_of(task)):
        ports.observations.put_joined(joined)


def _in_rollout(answer: Answer, record: RolloutRecord | None) -> Answer:
    """Say which rollout an answer is evidence in: a running one that its version takes part in."""
    if record is None or record.status != RUNNING or answer.purpose == FALLBACK or not answer.version:
        return answer
    role = {record.candidate: CANDIDATE, record.champion: CHAMPION}.get(answer.version)
    return replace(answer, rollout_id=record.rollout_id, role=role) if role else answer
