"""Reads a file of rows to answer, and lays the answers out beside the rows, in their order."""

from __future__ import annotations

import collections
import csv
import io
import json
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from infolens.contracts.task import RowRejected
from infolens.ingest import csv_reading
from infolens.ingest.csv_reading import BrokenRow, FileRefused
from infolens.ingest.labelled import BoundHeader, bind_header, most_frequent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from infolens.contracts.task import Schema
    from infolens.ingest.csv_reading import Row

MODEL_VERSION = "model_version"
PROBLEM = "problem"
"""The last two columns of a result file: who answered, or why nobody did."""


@dataclass(frozen=True)
class Question:
    """One row of the file."""

    fields: tuple[str, ...]
    """As read, cut or filled to the width of the header."""
    payload: dict[str, object] | None
    """What the predict function is asked; None when the row cannot be asked."""
    problem: str
    """Why it cannot; "" when it can."""


@dataclass(frozen=True)
class Answer:
    """What became of one row: an answer, or a problem, and the version that said so ("" when no model did)."""

    content: Mapping[str, object]
    model_version: str
    problem: str


@dataclass(frozen=True)
class Sheet:
    """A file of rows to answer."""

    header: tuple[str, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Counts:
    """What a result file says: rows_in == rows_answered + rows_failed."""

    rows_in: int
    rows_answered: int
    failed_by_reason: dict[str, int]
    model_versions: dict[str, int]


def read_unlabelled(stream: IO[bytes], filename: str, schema: Schema) -> Sheet:
    """Read a file of rows to answer; a row that cannot be asked stays in its place with the reason.

    Raises:
        FileRefused: it is no CSV file, a needed column is missing, or it has no row.
    """
    rows = csv_reading.rows(csv_reading.open_lines(stream, filename))
    header = bind_header(rows, schema, labelled=False)
    questions = tuple(_question(row, header, schema) for row in rows)
    if not questions:
        raise FileRefused("the file has a header and no row below it; at least one row is needed")
    return Sheet(header.cells, questions)


def result_table(sheet: Sheet, answers: Sequence[Answer]) -> Iterator[Sequence[str]]:
    """Lay out the file's own columns, then the answers' columns, the model version and the problem.

    An answer's column that the file has already is written as `answer_<name>`.
    """
    names = list(dict.fromkeys(name for answer in answers for name in answer.content))
    taken = {cell.strip().casefold() for cell in sheet.header}
    yield (*sheet.header, *(_free(name, taken) for name in (*names, MODEL_VERSION, PROBLEM)))
    for question, answer in zip(sheet.questions, answers, strict=True):
        values = (_cell(answer.content[name]) if name in answer.content else "" for name in names)
        yield (*question.fields, *values, answer.model_version, answer.problem)


def counts_of(results: bytes) -> Counts:
    """Count a result file, so that its report says what is in it whoever wrote it."""
    csv.field_size_limit(2 * csv_reading.MAX_LINE)  # a cell may hold a whole line that could not be read
    rows = csv.reader(io.StringIO(results.decode(), newline=""))
    next(rows)
    failed: collections.Counter[str] = collections.Counter()
    versions: collections.Counter[str] = collections.Counter()
    total = 0
    for *_, version, problem in rows:
        total += 1
        if problem:
            failed[problem] += 1
        else:
            versions[version] += 1
    return Counts(total, versions.total(), most_frequent(failed), dict(sorted(versions.items())))


def _question(row: Row | BrokenRow, header: BoundHeader, schema: Schema) -> Question:
    width = len(header.cells)
    if isinstance(row, BrokenRow):
        return Question(_fit((row.raw,), width), None, f"line {row.line}: {row.reason}")
    try:
        payload: dict[str, object] = {**header.raw(row)}
        schema.check(payload)
    except RowRejected as error:
        where = f"{header.column(error.field)}: " if error.field else ""
        return Question(_fit(row.fields, width), None, f"{where}{error.reason}")
    return Question(row.fields, payload, "")


def _fit(fields: tuple[str, ...], width: int) -> tuple[str, ...]:
    return (*fields, *[""] * (width - len(fields)))[:width]


def _free(name: str, taken: set[str]) -> str:
    while name.casefold() in taken:
        name = f"answer_{name}"
    taken.add(name.casefold())
    return name


def _cell(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
