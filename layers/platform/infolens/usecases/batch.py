"""Answers a file of unlabelled rows chunk by chunk; every row comes back, with an answer or with a reason.

Each step writes objects that are named by the upload, and a chunk's answers are created once, so that a step that is
tried again finds what it has done. A file that could not be answered as a whole is refused and stays where it is.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from infolens import codec
from infolens.aws.objects import ObjectMissingError
from infolens.contracts import keys
from infolens.contracts.batch import BatchChunk, SplitBatch
from infolens.contracts.dataset import BatchReport
from infolens.ingest.csv_reading import FileRefused
from infolens.ingest.csv_writing import csv_bytes
from infolens.ingest.unlabelled import Answer, Question, Sheet, counts_of, read_unlabelled, result_table
from infolens.tasks import UnknownTaskError

if TYPE_CHECKING:
    from collections.abc import Callable

    from infolens.aws.objects import ObjectStore
    from infolens.contracts.batch import BatchOrder
    from infolens.contracts.task import Schema

UNKNOWN_TASK = "unknown"
"""Reports of files that name no known task lie under this name."""

UNASKED = "the model could not be asked for this row (throttled, or gone); upload the file again"
"""Problem of the rows of a chunk that ended without answers, after all its tries."""

_JSON = "application/json"


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
            sheet = read_unlabelled(stream, filename, schema)
    except ObjectMissingError:
        reason = "the file was deleted before it could be read; upload it again"
        return _refused(order, order.task, reason, ports)
    except FileRefused as error:
        return _refused(order, order.task, error.reason, ports)
    return _write_chunks(order, sheet, ports)


def assemble_batch(order: BatchOrder, ports: BatchPorts) -> BatchReport:
    """Lay the answers of all chunks beside the file's own columns, as a CSV beside the file, and report the counts.

    Where the model answered none of the rows that could be asked, the file is refused instead and no results written.
    """
    sheet, answers = _collected(order, ports)
    asked = [answer for question, answer in zip(sheet.questions, answers, strict=True) if not question.problem]
    if asked and all(answer.problem and not answer.model_version for answer in asked):
        return refuse_batch(order, order.task, asked[0].problem, len(answers), ports)
    results = csv_bytes(result_table(sheet, answers))
    counts = counts_of(results)
    ports.store.write(order.source.bucket, keys.batch_results(order.source.key), results, "text/csv; charset=utf-8")
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
    size, rows = ports.rows_per_chunk, sheet.questions
    chunks = [rows[at : at + size] for at in range(0, len(rows), size)]
    for number, chunk in enumerate(chunks):
        key = keys.batch_questions(order.task, order.upload_id, number)
        ports.store.write(ports.data_bucket, key, _json([asdict(question) for question in chunk]), _JSON)
    listed = [codec.to_dict(BatchChunk(order.task, order.upload_id, number)) for number in range(len(chunks))]
    described = {"header": sheet.header, "chunks": len(chunks)}
    ports.store.write(ports.data_bucket, keys.batch_sheet(order.task, order.upload_id), _json(described), _JSON)
    chunks_key = keys.batch_chunks(order.task, order.upload_id)
    ports.store.write(ports.data_bucket, chunks_key, _json(listed), _JSON)
    return SplitBatch("split", "", order.task, order.upload_id, ports.data_bucket, chunks_key)


def _collected(order: BatchOrder, ports: BatchPorts) -> tuple[Sheet, list[Answer]]:
    """Read all rows back with one answer each, in the order of the file."""
    described = json.loads(ports.store.read(ports.data_bucket, keys.batch_sheet(order.task, order.upload_id)).data)
    questions: list[Question] = []
    answers: list[Answer] = []
    for number in range(described["chunks"]):
        chunk = read_questions(BatchChunk(order.task, order.upload_id, number), ports.store, ports.data_bucket)
        given = read_answers(BatchChunk(order.task, order.upload_id, number), ports.store, ports.data_bucket)
        questions += chunk
        answers += given or [Answer({}, "", question.problem or UNASKED) for question in chunk]
    return Sheet(tuple(described["header"]), tuple(questions)), answers


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
