"""Answers a file of unlabelled rows with the live model; every row comes back, with an answer or with a reason.

The result file is created once and its report is counted from it, so that the same event again, or two at a time, give
one result. A file that could not be answered as a whole is refused and stays where it is: its event again tries anew.
"""

from __future__ import annotations

import concurrent.futures
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from infolens import codec
from infolens.aws.objects import ObjectMissingError
from infolens.aws.predictions import NoModelLiveError
from infolens.contracts import keys
from infolens.contracts.dataset import BatchReport
from infolens.contracts.prediction import PredictRequest
from infolens.ingest.csv_reading import FileRefused
from infolens.ingest.csv_writing import csv_bytes
from infolens.ingest.identity import upload_id_of
from infolens.ingest.unlabelled import Answer, Question, Sheet, counts_of, read_unlabelled, result_table
from infolens.tasks import UnknownTaskError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from infolens.aws.objects import ObjectStore
    from infolens.contracts.prediction import PredictResponse
    from infolens.contracts.task import Schema
    from infolens.ingest.arrivals import Arrival

UNKNOWN_TASK = "unknown"
"""Reports of files that name no known task lie under this name."""

_BUSY = 429
_NOT_PINNED = 503
_WAITS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between tries while the account's concurrency is used up; after that the message comes again later."""


class Ask(Protocol):
    """Asks a task's live model."""

    def __call__(self, task: str, request: PredictRequest) -> PredictResponse:
        """Give the answers; a fault comes back as a status of 5xx. Raises NoModelLiveError."""


@dataclass(frozen=True)
class BatchPorts:
    """What `answer_batch` needs of the world."""

    store: ObjectStore
    schema_of: Callable[[str], Schema]
    """Raises UnknownTaskError."""
    ask: Ask
    wait: Callable[[float], None]
    """Wait some seconds."""
    rows_per_call: int = 32
    """Rows in one invocation: its overhead is spread over them, and they stay far below Lambda's 6 MB."""
    calls_at_once: int = 4
    """Invocations under way at a time; more would crowd out the API's callers."""


@dataclass(frozen=True)
class Answered:
    """What became of a batch."""

    report: BatchReport
    repeated: bool
    """It had been answered before; it must not be counted again."""


class ModelBusyError(RuntimeError):
    """The model could not be asked for want of capacity; the message will be delivered again."""


class _ModelDownError(RuntimeError):
    """The model answers no row at all."""


class _FaultError(RuntimeError):
    """The model failed on some rows."""


def answer_batch(arrival: Arrival, ports: BatchPorts) -> Answered:
    """Answer a file of rows: results and report beside it in the uploads bucket.

    Args:
        arrival: the object; a folder marker is not for here.
        ports: the store and the other parts of the world.

    Raises:
        ModelBusyError: the model was throttled for longer than is worth waiting.
        Exception: whatever the store or the model's adapter raises; asked again, the rest is made up.
    """
    try:
        schema = ports.schema_of(arrival.task)
    except UnknownTaskError as error:
        reason = f"{error}; the key must be batch/<task>/<file>.csv, not {arrival.source.key}"
        return _Batch(arrival, UNKNOWN_TASK, ports).refuse(reason)
    return _Batch(arrival, schema.task, ports).answer(schema)


class _Batch:
    """One file on its way."""

    def __init__(self, arrival: Arrival, task: str, ports: BatchPorts) -> None:
        self._arrival = arrival
        self._task = task
        self._ports = ports
        self._id = upload_id_of(arrival.source)
        self._bucket = arrival.source.bucket
        self._store = ports.store

    def answer(self, schema: Schema) -> Answered:
        results_key = keys.batch_results(self._task, self._id)
        known = self._read(results_key)
        if known is not None:  # answered before; its report may be missing, or still speak of an earlier refusal
            return Answered(self._report(known), repeated=True)
        source = self._arrival.source
        try:
            with self._store.open(source.bucket, source.key, self._arrival.version_id) as stream:
                sheet = read_unlabelled(stream, self._arrival.filename, schema)
            answers = self._answers(sheet)
        except ObjectMissingError:
            return self.refuse("the file was deleted before it could be read; upload it again")
        except FileRefused as error:
            return self.refuse(error.reason)
        except NoModelLiveError:
            reason = f"no model of {self._task} is live yet, nothing was answered; upload the file again once one is"
            return self.refuse(reason, rows_in=len(sheet.questions))
        except _ModelDownError as error:
            reason = f"the model answered no row ({error}); upload the file again once it is well"
            return self.refuse(reason, rows_in=len(sheet.questions))
        results = csv_bytes(result_table(sheet, answers))
        if not self._store.create(self._bucket, results_key, results, "text/csv; charset=utf-8"):
            # A second delivery was faster: its answers stand.
            results = self._store.read(self._bucket, results_key).data
        return Answered(self._report(results), repeated=False)

    def refuse(self, reason: str, rows_in: int = 0) -> Answered:
        """Report why nothing was answered; the file stays where it is."""
        failed = {reason: rows_in} if rows_in else {}
        return Answered(self._write("refused", reason, rows_in, 0, failed, {}), repeated=False)

    def _answers(self, sheet: Sheet) -> list[Answer]:
        """Ask for all rows that can be asked; gives one answer per row, in order.

        The first rows go alone: a model that answers none of them is not asked for thousands more.
        """
        asked = [question for question in sheet.questions if question.payload is not None]
        chunks = [asked[at : at + self._ports.rows_per_call] for at in range(0, len(asked), self._ports.rows_per_call)]
        made: list[Answer] = []
        if chunks:
            made = self._ask_chunk(chunks[0], f"{self._id}-00000")
            if all(answer.problem and not answer.model_version for answer in made):
                raise _ModelDownError(made[0].problem)
        with concurrent.futures.ThreadPoolExecutor(self._ports.calls_at_once) as pool:
            futures = [
                pool.submit(self._ask_chunk, chunk, f"{self._id}-{at + 1:05d}") for at, chunk in enumerate(chunks[1:])
            ]
            try:
                made.extend(itertools.chain.from_iterable(future.result() for future in futures))
            finally:
                pool.shutdown(cancel_futures=True)  # one chunk that cannot be asked ends the others that wait
        answers = iter(made)
        return [Answer({}, "", question.problem) if question.problem else next(answers) for question in sheet.questions]

    def _ask_chunk(self, chunk: Sequence[Question], request_id: str) -> list[Answer]:
        """Ask for some rows at once, and one by one where that fails: one row must not take its neighbours with it."""
        try:
            return self._ask(chunk, request_id)
        except _FaultError as error:
            if len(chunk) == 1:
                return [Answer({}, "", str(error))]
        singles = ([question] for question in chunk)
        return [self._ask_chunk(single, f"{request_id}-{at:02d}")[0] for at, single in enumerate(singles)]

    def _ask(self, chunk: Sequence[Question], request_id: str) -> list[Answer]:
        request = PredictRequest(request_id, tuple(question.payload or {} for question in chunk))
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
        if len(response.answers) != len(chunk):
            raise _FaultError(f"the model gave {len(response.answers)} answers to {len(chunk)} rows")
        return [_answer(content, response.model_version) for content in response.answers]

    def _report(self, results: bytes) -> BatchReport:
        counts = counts_of(results)
        failed, versions = counts.failed_by_reason, counts.model_versions
        return self._write("answered", "", counts.rows_in, counts.rows_answered, failed, versions)

    def _write(  # noqa: PLR0913, PLR0917 - the counts of a report
        self, status: str, reason: str, rows_in: int, answered: int, failed: dict[str, int], versions: dict[str, int]
    ) -> BatchReport:
        """Write the report unless the very same one is there."""
        report = BatchReport(
            upload_id=self._id,
            task=self._task,
            source=self._arrival.source,
            status=status,
            reason=reason,
            rows_in=rows_in,
            rows_answered=answered,
            rows_failed=rows_in - answered,
            failed_by_reason=failed,
            results_key=keys.batch_results(self._task, self._id),
            model_versions=versions,
        )
        key, data = keys.batch_report(self._task, self._id), codec.to_json(report)
        if self._read(key) != data:
            self._store.write(self._bucket, key, data, "application/json")
        return report

    def _read(self, key: str) -> bytes | None:
        try:
            return self._store.read(self._bucket, key).data
        except ObjectMissingError:
            return None


def _answer(content: dict[str, object], model_version: str) -> Answer:
    problem = content.get("problem")
    if not problem:
        return Answer(content, model_version, "")
    detail = problem.get("detail", problem) if isinstance(problem, dict) else problem
    return Answer({}, model_version, str(detail))
