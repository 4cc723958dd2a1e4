"""Lets a candidate answer copies of users' questions: sent beside the champion's answer, asked off anybody's path.

Nobody gets the candidate's answers. Its own log line becomes the observation, under the same prediction id.
"""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from infolens.aws.predictions import NoModelLiveError
from infolens.contracts.observation import SHADOW, Answer, ShadowQuestion
from infolens.contracts.prediction import PredictRequest
from infolens.rollout.decision import RUNNING
from infolens.usecases.observations import record_answers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from infolens.aws.predictions import Predictions
    from infolens.contracts.rollout import RolloutRecord
    from infolens.usecases.observations import ObservationPorts

GRACE_SECONDS = 0.05
"""Longest that a user's answer waits for the copy, once it is there itself."""

HEAD_START_SECONDS = 0.01
"""The user's question goes first: writing two requests at a time on one processor delayed it by 4 ms of 71
(infra/benchmarks/shadow), and a model takes longer than this anyway."""

MOST_UNDER_WAY = 8
"""Copies that one execution environment sends at a time; it answers one user at a time, with three models at most."""


class Queue(Protocol):
    """Where copies go; fakes keep a list."""

    def send(self, question: ShadowQuestion) -> None:
        """Send one; raises whatever the queue raises."""


class CopyLostError(RuntimeError):
    """A copy was not sent."""


class BusyError(RuntimeError):
    """The candidate could not be asked for want of capacity; the message comes again."""


def shadowed_by(record: RolloutRecord | None) -> str:
    """Name the version that gets copies of a task's questions: the candidate before its first weight; "" for none."""
    if record is None or record.status != RUNNING or record.plan.shadow is None or not record.champion:
        return ""
    return record.candidate if record.step < 0 else ""


class Mirror:
    """Sends copies of users' questions, each in a thread beside the model's own work."""

    def __init__(
        self,
        rollout_of: Callable[[str], RolloutRecord | None],
        queue: Queue,
        on_loss: Callable[[str, Exception], None],
        *,
        head_start: float = HEAD_START_SECONDS,
        grace: float = GRACE_SECONDS,
    ) -> None:
        """Take where rollouts are read, where copies go, and who is told (task, why) of a copy that was not sent."""
        self._head_start = head_start
        self._rollout_of = rollout_of
        self._queue = queue
        self._on_loss = on_loss
        self._grace = grace
        self._pool = ThreadPoolExecutor(MOST_UNDER_WAY, thread_name_prefix="mirror")
        self._under_way: set[Future[None]] = set()
        self._lock = threading.Lock()  # the three models of one request are asked in threads of their own

    @contextlib.contextmanager
    def beside(self, task: str, prediction_id: str, payload: Mapping[str, object]) -> Iterator[None]:
        """Send a copy, where the task is shadowed, while the body of the `with` asks the model.

        The body's answer, or error, comes through whatever happens to the copy, and waits `grace` for it at most: what
        is not sent by then goes on in its thread.
        """
        answered = threading.Event()
        future = self._start(lambda: self._send(task, prediction_id, dict(payload), answered), task)
        try:
            yield
        finally:
            answered.set()
            if future is not None:
                wait([future], timeout=self._grace)

    def _start(self, send: Callable[[], None], task: str) -> Future[None] | None:
        with self._lock:
            self._under_way = {future for future in self._under_way if not future.done()}
            if len(self._under_way) < MOST_UNDER_WAY:
                future = self._pool.submit(send)
                self._under_way.add(future)
                return future
        self._on_loss(task, CopyLostError(f"{MOST_UNDER_WAY} copies are still under way"))
        return None

    def _send(self, task: str, prediction_id: str, payload: dict[str, object], answered: threading.Event) -> None:
        answered.wait(self._head_start)
        try:
            record = self._rollout_of(task)
            version = shadowed_by(record)
            if record is not None and version:
                self._queue.send(ShadowQuestion(task, prediction_id, record.rollout_id, version, payload))
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not reach the user's answer
            self._on_loss(task, error)


@dataclass(frozen=True)
class ShadowPorts:
    """What asking the candidate needs."""

    predictions: Predictions
    observations: ObservationPorts
    now: Callable[[], datetime]


def ask_candidate(ports: ShadowPorts, question: ShadowQuestion) -> str:
    """Ask the candidate a user's question and forget its answer; say what became of it.

    A candidate that was ended by Lambda itself wrote no line: its fault is recorded here. One that wrote its line has
    said the same already, and the first to be recorded stands.

    Returns:
        "answered", "failed", or why it was dropped: "over" (the rollout, or its shadow), "gone" (the version).

    Raises:
        BusyError: ask again later.
    """
    record = ports.observations.rollout_of(question.task)
    if record is None or record.rollout_id != question.rollout_id or shadowed_by(record) != question.version:
        return "over"
    request = PredictRequest(question.prediction_id, (question.payload,), purpose=SHADOW)
    try:
        response = ports.predictions.invoke(question.task, request, qualifier=question.version)
    except NoModelLiveError:
        return "gone"
    if response.status < 500 and response.status != 429:
        return "answered"
    if not response.model_version:
        raise BusyError(f"version {question.version} of {question.task} could not be asked: {response.problem}")
    fault = Answer(
        task=question.task,
        prediction_id=question.prediction_id,
        version=question.version,
        purpose=SHADOW,
        status=response.status,
        null=False,
        answer=None,
        milliseconds=0.0,
        cold=False,
        gb=0.0,
        at=ports.now().astimezone(UTC).isoformat(timespec="microseconds"),
    )
    record_answers(ports.observations, [fault])
    return "failed"
