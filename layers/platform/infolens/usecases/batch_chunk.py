"""Asks the live model for the rows of one chunk of a batch; one bad row does not take its neighbours with it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

from infolens.aws.predictions import NoModelLiveError
from infolens.contracts import keys
from infolens.contracts.batch import AnsweredChunk
from infolens.contracts.prediction import PredictRequest
from infolens.ingest.unlabelled import Answer
from infolens.usecases.batch import read_answers, read_questions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from infolens.aws.objects import ObjectStore
    from infolens.contracts.batch import BatchChunk
    from infolens.contracts.prediction import PredictResponse
    from infolens.ingest.unlabelled import Question

_BUSY = 429
_NOT_PINNED = 503
_WAITS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between tries while the account's concurrency is used up; after that the state machine tries again later."""


FIRST_ROWS = 4
"""Rows of the first call, before it is known how long one takes (S0-38)."""

CALL_SECONDS = 2.0
"""What a call is meant to take: a tenth of the longest time-out of a predict function, so that one with long texts, or
a cold start, still ends within it; and long enough that an invocation's own milliseconds are a hundredth."""


class Ask(Protocol):
    """Asks a task's live model."""

    def __call__(self, task: str, request: PredictRequest) -> PredictResponse:
        """Give the answers; a fault comes back as a status of 5xx. Raises NoModelLiveError."""


@dataclass(frozen=True)
class ChunkPorts:
    """What `answer_chunk` needs of the world."""

    store: ObjectStore
    data_bucket: str
    ask: Ask
    wait: Callable[[float], None]
    """Wait some seconds."""
    clock: Callable[[], float]
    """Seconds, rising."""
    rows_per_call: int = 32
    """Most rows in one invocation: its overhead is spread over them, more gain nothing more (infra/benchmarks/
    micro_batching), and they stay far below Lambda's 6 MB."""


class ModelBusyError(RuntimeError):
    """The model could not be asked for want of capacity; the state machine tries the chunk again."""


class _FaultError(RuntimeError):
    """The model failed on some rows."""


def answer_chunk(chunk: BatchChunk, ports: ChunkPorts) -> AnsweredChunk:
    """Answer the rows of a chunk that can be asked and write all of them down, once; asked again, the first stand.

    Raises:
        ModelBusyError: the model was throttled for longer than is worth waiting; nothing was written.
        Exception: whatever the store or the model's adapter raises.
    """
    answers = read_answers(chunk, ports.store, ports.data_bucket)
    questions = read_questions(chunk, ports.store, ports.data_bucket)
    if answers is None:
        answers = _answers(chunk, questions, ports)
        key = keys.batch_answers(chunk.task, chunk.upload_id, chunk.number)
        data = json.dumps([asdict(answer) for answer in answers], ensure_ascii=False).encode()
        if not ports.store.create(ports.data_bucket, key, data, "application/json"):
            answers = read_answers(chunk, ports.store, ports.data_bucket) or answers  # another try was faster
    asked = [answer for question, answer in zip(questions, answers, strict=True) if not question.problem]
    if asked and all(answer.problem and not answer.model_version for answer in asked):
        return AnsweredChunk("unanswered", asked[0].problem, chunk.number)
    return AnsweredChunk("answered", "", chunk.number)


def _answers(chunk: BatchChunk, questions: Sequence[Question], ports: ChunkPorts) -> list[Answer]:
    asked = [question for question in questions if question.payload is not None]
    made: list[Answer] = []
    caller = _Caller(chunk.task, ports)
    rows, at = min(FIRST_ROWS, ports.rows_per_call), 0
    while len(made) < len(asked):
        call = asked[len(made) : len(made) + rows]
        began = ports.clock()
        made += caller.rows(call, f"{chunk.upload_id}-{chunk.number:05d}-{at:02d}")
        rows, at = next_rows(len(call), ports.clock() - began, ports.rows_per_call), at + 1
        if all(answer.problem and not answer.model_version for answer in made):
            # A model that answers none of the first rows is not asked for hundreds more.
            reason = made[0].problem
            made += [Answer({}, "", reason) for _ in asked[len(made) :]]
            break
    answers = iter(made)
    return [Answer({}, "", question.problem) if question.problem else next(answers) for question in questions]


def next_rows(rows: int, seconds: float, most: int) -> int:
    """Say how many rows the next call gets, after one of `rows` took so long: as many as fit CALL_SECONDS, 1 to `most`.

    A summary takes a second where a category takes some milliseconds, and nothing but the model knows which.
    """
    return most if seconds <= 0 else max(1, min(most, int(CALL_SECONDS * rows / seconds)))


class _Caller:
    """Asks one task's model."""

    def __init__(self, task: str, ports: ChunkPorts) -> None:
        self._task = task
        self._ports = ports

    def rows(self, questions: Sequence[Question], request_id: str) -> list[Answer]:
        """Ask for some rows at once, and one by one where that fails."""
        try:
            return self._once(questions, request_id)
        except NoModelLiveError:
            reason = f"no model of {self._task} is live yet; upload the file again once one is"
            return [Answer({}, "", reason) for _ in questions]
        except _FaultError as error:
            if len(questions) == 1:
                return [Answer({}, "", str(error))]
        return [self.rows([one], f"{request_id}-{at:02d}")[0] for at, one in enumerate(questions)]

    def _once(self, questions: Sequence[Question], request_id: str) -> list[Answer]:
        request = PredictRequest(request_id, tuple(question.payload or {} for question in questions))
        response = self._ports.ask(self._task, request)
        for wait in _WAITS:
            if response.status != _BUSY:
                break
            self._ports.wait(wait)
            response = self._ports.ask(self._task, request)
        if response.status == _BUSY:
            raise ModelBusyError(f"the model of {self._task} was throttled for {sum(_WAITS):.0f} s")
        detail = response.problem.detail if response.problem else f"the model answered with status {response.status}"
        if response.status == _NOT_PINNED:
            raise NoModelLiveError(detail)
        if response.status != 200:
            raise _FaultError(detail)
        if len(response.answers) != len(questions):
            raise _FaultError(f"the model gave {len(response.answers)} answers to {len(questions)} rows")
        return [_answer(content, response.model_version) for content in response.answers]


def _answer(content: dict[str, object], model_version: str) -> Answer:
    problem = content.get("problem")
    if not problem:
        return Answer(content, model_version, "")
    detail = problem.get("detail", problem) if isinstance(problem, dict) else problem
    return Answer({}, model_version, str(detail))
