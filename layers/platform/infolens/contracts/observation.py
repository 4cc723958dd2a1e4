"""What is kept of each prediction while versions are compared: who answered what, and which label came later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

KEEP_DAYS = 30
"""Days that an observation is kept; a remembered answer lives as long (`infolens.aws.prediction_memory`)."""

MAX_ANSWER_BYTES = 4096
"""Largest answer that a log line carries, as JSON; a longer one is observed without it."""

LIVE, SHADOW, FALLBACK, LOAD = "", "shadow", "fallback", "load"
"""Why a model was asked: a user waits for the answer; a copy of a question, whose answer nobody gets; the champion's
turn after a candidate's fault; a load test before the rollout. A fallback says nothing about its version: it is asked
only where another one failed. A load test's requests are no users': they are neither observed nor in the metrics by
which a rollout is judged (`infolens.serving.metrics.metered_version`)."""

CHAMPION, CANDIDATE = "champion", "candidate"
"""What a version is in a rollout."""


class Feedback(Protocol):
    """`tasks/<task>/feedback.py: FEEDBACK`: what labels of a task are, and how answers compare. Pure.

    Answers are those of the task's predictor, as JSON gave them back; whatever they hold, nothing is raised.
    """

    def check_label(self, label: object) -> object:
        """Turn a caller's label (a JSON value) into the one form in which it is kept.

        Raises:
            RowRejected: with the field "label" and what would do.
        """

    def score(self, answer: Mapping[str, object], label: object) -> float:
        """Say how right an answer was, from 0 to 1, given a label of `check_label`."""

    def agree(self, one: Mapping[str, object], other: Mapping[str, object]) -> bool:
        """Say whether two versions answered the same question alike; symmetric."""

    def null(self, answer: Mapping[str, object]) -> bool:
        """Say whether an answer is empty or degenerate: good status, nothing in it."""

    def kind(self, answer: Mapping[str, object]) -> str:
        """Name what was answered, for the mix of answers; "" for an answer, or a task, without such a name."""


@dataclass(frozen=True)
class Answer:
    """One answer, or fault, of one version to one question of a user."""

    task: str
    prediction_id: str
    version: str
    purpose: str
    """LIVE, SHADOW or FALLBACK."""
    status: int
    null: bool
    answer: dict[str, object] | None
    """None for a fault, and for an answer too long to keep."""
    milliseconds: float
    cold: bool
    gb: float
    """Memory of the function that gave it."""
    at: str
    """ISO 8601, UTC: when it was given."""
    rollout_id: str = ""
    """The rollout that the version took part in; "" for none, and for a FALLBACK, which is no evidence."""
    role: str = ""
    """CHAMPION or CANDIDATE of that rollout; "" without one."""
    bucket: int | None = None
    """Bucket of its user, who is kept on one side; None for others."""

    @property
    def failed(self) -> bool:
        """Whether its user saw, or would have seen, a 5xx."""
        return self.status >= 500


@dataclass(frozen=True)
class Label:
    """The truth about one prediction, as somebody told it later."""

    task: str
    prediction_id: str
    label: object
    """A JSON value, as `Feedback.check_label` gives it."""
    at: str
    """ISO 8601, UTC: when it was told; the newest stands."""


@dataclass(frozen=True)
class Side:
    """What one version did about one question."""

    version: str
    purpose: str
    failed: bool
    null: bool
    kind: str
    milliseconds: float
    cold: bool
    gb: float
    score: float | None
    """How right it was, from 0 to 1; None without a label, or without an answer to hold against it."""
    answer: str
    """The answer as JSON, cut short; "" where both versions agree, or one is missing."""
    bucket: int | None = None
    """As in `Answer`."""


@dataclass(frozen=True)
class Joined:
    """All that is known of one question in one rollout: one record, however many lines, copies and labels came."""

    rollout_id: str
    task: str
    prediction_id: str
    at: str
    """ISO 8601, UTC: when it was answered first."""
    parts: int
    """Answers and labels that it is made of: of two records, the one of more parts knows more."""
    champion: Side | None
    candidate: Side | None
    agree: bool | None
    """None unless both versions answered."""
    label: object = None
    """The label that stands; None while there is none."""

    @property
    def paired(self) -> bool:
        """Whether both versions dealt with the very same question."""
        return self.champion is not None and self.candidate is not None


@dataclass(frozen=True)
class ShadowQuestion:
    """A copy of a user's question, on its way to a candidate whose answer nobody gets."""

    task: str
    prediction_id: str
    rollout_id: str
    version: str
    """The candidate's."""
    payload: dict[str, object]
    """The input, as the task's schema takes it."""
