"""Answers a file of unlabelled rows chunk by chunk; every row comes back, with an answer or with a reason.

Each step writes objects that are named by the upload, and a chunk's answers are created once, so that a step that is
tried again finds what it has done. A file that could not be answered as a whole is refused and stays where it is.
Rows pass through a chunk at a time: memory does not grow with the file.
"""

from __future__ import annotations

import itertools
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infolens import codec
from infolens.aws.objects import ObjectMissingError
from infolens.contracts import keys
from infolens.contracts.batch import BatchChunk, SplitBatch
from infolens.contracts.dataset import BatchReport
from infolens.ingest.csv_reading import FileRefused
from infolens.ingest.csv_writing import csv_bytes
from infolens.ingest.unlabelled import Answer, Question, counts_of, read_unlabelled, result_table
from infolens.tasks import UnknownTaskError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from infolens.aws.objects import ObjectStore
    from infolens.contracts.batch import BatchOrder
    from infolens.contracts.task import Schema
    from infolens.ingest.unlabelled import Counts, Sheet

UNKNOWN_TASK = "unknown"
"""Reports of files that name no known task lie under this name."""

UNASKED = "the model could not be asked for this row (throttled, or gone); upload the file again"
"""Problem of the rows of a chunk that ended without answers, after all its tries."""

_JSON = "application/json"

_CHUNK_CHARACTERS = 4 << 20
"""A chunk ends early after so many: rows can be long, and a chunk is held in memory."""

_WRITTEN_ROWS = 256
"""Rows of results laid out at a time."""


@dataclass(frozen=True)
class BatchPorts:
    """What splitting and assembling need of the world."""

    store: ObjectStore
    data_bucket: str
    schema_of: Callable[[str], Schema]
    """Raises UnknownTaskError."""
    rows_per_chunk: int = 256
    """Rows of one step: at a second each, as long summaries take, they need a third of a Lambda's 15 minutes."""


def split_batch(order: BatchOrder, ports: BatchPorts) -> SplitBatch:
    """Read a file and write its rows as chunks; a file that cannot be read is refused, with its report."""
    try:
        schema = ports.schema_of(order.task)
    except UnknownTaskError as error:
        reason = f"{error}; the key must be batch/<task>/<file>.csv, not {order.source.key}"
        return _refused(order, UNKNOWN_TASK, reason, ports)
    filename = order.source.key.rpartition("/")[2]
    try:
        with ports.store.open(order.source.bucket, order.source.key, order.version_id) as stream:
            return _write_chunks(order, read_unlabelled(stream, filename, schema), ports)
    except ObjectMissingError:
        reason = "the file was deleted before it could be read; upload it again"
        return _refused(order, order.task, reason, ports)
    except FileRefused as error:
        return _refused(order, order.task, error.reason, ports)


def assemble_batch(order: BatchOrder, ports: BatchPorts) -> BatchReport:
    """Lay the answers of all chunks beside the file's own columns, as a CSV beside the file, and report the counts.

    Where the model answered none of the rows that could be asked, the file is refused instead and no results written.
    """
    described = json.loads(ports.store.read(ports.data_bucket, keys.batch_sheet(order.task, order.upload_id)).data)
    chunks = [BatchChunk(order.task, order.upload_id, number) for number in range(described["chunks"])]
    names, anything = _answered_names(chunks, ports)
    if not anything:
        problem, rows_in = _unanswered(chunks, ports)
        if problem:
            return refuse_batch(order, order.task, problem, rows_in, ports)
    counts = _write_results(order, result_table(described["header"], names, _answered(chunks, ports)), ports)
    return _report(
        BatchReport(
            upload_id=order.upload_id,
            task=order.task,
            source=order.source,
            status="answered",
            reason="",
            rows_in=counts.rows_in,
            rows_answered=counts.rows_answered,
            rows_failed=counts.rows_in - counts.rows_answered,
            failed_by_reason=counts.failed_by_reason,
            results_key=keys.batch_results(order.source.key),
            model_versions=counts.model_versions,
        ),
        ports,
    )


def refuse_batch(order: BatchOrder, task: str, reason: str, rows_in: int, ports: BatchPorts) -> BatchReport:
    """Report why nothing was answered; the file stays where it is."""
    return _report(
        BatchReport(
            upload_id=order.upload_id,
            task=task,
            source=order.source,
            status="refused",
            reason=reason,
            rows_in=rows_in,
            rows_answered=0,
            rows_failed=rows_in,
            failed_by_reason={reason: rows_in} if rows_in else {},
            results_key="",
        ),
        ports,
    )


def _refused(order: BatchOrder, task: str, reason: str, ports: BatchPorts) -> SplitBatch:
    refuse_batch(order, task, reason, 0, ports)
    return SplitBatch("refused", reason, task, order.upload_id, "", "")


def _write_chunks(order: BatchOrder, sheet: Sheet, ports: BatchPorts) -> SplitBatch:
    count = 0
    for count, chunk in enumerate(_chunked(sheet.questions, ports.rows_per_chunk), 1):
        key = keys.batch_questions(order.task, order.upload_id, count - 1)
        ports.store.write(ports.data_bucket, key, _json([asdict(question) for question in chunk]), _JSON)
    described = {"header": sheet.header, "chunks": count}
    ports.store.write(ports.data_bucket, keys.batch_sheet(order.task, order.upload_id), _json(described), _JSON)
    listed = [codec.to_dict(BatchChunk(order.task, order.upload_id, number)) for number in range(count)]
    chunks_key = keys.batch_chunks(order.task, order.upload_id)
    ports.store.write(ports.data_bucket, chunks_key, _json(listed), _JSON)
    return SplitBatch("split", "", order.task, order.upload_id, ports.data_bucket, chunks_key)


def _chunked(questions: Iterable[Question], most: int) -> Iterator[list[Question]]:
    """Put questions together until they are `most`, or long."""
    chunk: list[Question] = []
    characters = 0
    for question in questions:
        chunk.append(question)
        characters += sum(map(len, question.fields))
        if len(chunk) == most or characters >= _CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def _answered_names(chunks: Sequence[BatchChunk], ports: BatchPorts) -> tuple[list[str], bool]:
    """Give the names of all that answers hold, in the order of the file, and whether a model answered any row."""
    names: dict[str, None] = {}
    anything = False
    for chunk in chunks:
        for answer in read_answers(chunk, ports.store, ports.data_bucket) or ():
            names.update(dict.fromkeys(answer.content))
            anything = anything or not answer.problem or bool(answer.model_version)
    return list(names), anything


def _unanswered(chunks: Sequence[BatchChunk], ports: BatchPorts) -> tuple[str, int]:
    """Give the problem of the first row that could be asked, where no model answered any, and the count of all rows."""
    problem, rows_in = "", 0
    for question, answer in _answered(chunks, ports):
        problem = problem or ("" if question.problem else answer.problem)
        rows_in += 1
    return problem, rows_in


def _answered(chunks: Sequence[BatchChunk], ports: BatchPorts) -> Iterator[tuple[Question, Answer]]:
    """Read all rows back with one answer each, in the order of the file."""
    for chunk in chunks:
        questions = read_questions(chunk, ports.store, ports.data_bucket)
        answers = read_answers(chunk, ports.store, ports.data_bucket)
        yield from zip(
            questions, answers or [Answer({}, "", each.problem or UNASKED) for each in questions], strict=True
        )


def _write_results(order: BatchOrder, table: Iterator[Sequence[str]], ports: BatchPorts) -> Counts:
    """Write the results as one CSV beside the file, by way of the disk, and count them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.csv"
        with path.open("wb") as file:
            while rows := list(itertools.islice(table, _WRITTEN_ROWS)):
                file.write(csv_bytes(rows))
        with path.open(encoding="utf-8", newline="") as text:
            counts = counts_of(text)
        key = keys.batch_results(order.source.key)
        ports.store.write_file(order.source.bucket, key, path, "text/csv; charset=utf-8")
    return counts


def read_questions(chunk: BatchChunk, store: ObjectStore, bucket: str) -> list[Question]:
    """Read the rows of a chunk."""
    data = store.read(bucket, keys.batch_questions(chunk.task, chunk.upload_id, chunk.number)).data
    return [Question(tuple(row["fields"]), row["payload"], row["problem"]) for row in json.loads(data)]


def read_answers(chunk: BatchChunk, store: ObjectStore, bucket: str) -> list[Answer] | None:
    """Read the answers to a chunk; None while there are none."""
    try:
        data = store.read(bucket, keys.batch_answers(chunk.task, chunk.upload_id, chunk.number)).data
    except ObjectMissingError:
        return None
    return [Answer(**row) for row in json.loads(data)]


def _report(report: BatchReport, ports: BatchPorts) -> BatchReport:
    key = keys.batch_report(report.task, report.upload_id)
    ports.store.write(report.source.bucket, key, codec.to_json(report), _JSON)
    return report


def _json(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
