"""Reads a file of rows to answer, row by row, and lays the answers out beside the rows, in their order."""

from __future__ import annotations

import collections
import csv
import itertools
import json
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from infolens.contracts.task import RowRejected
from infolens.ingest import csv_reading
from infolens.ingest.csv_reading import BrokenRow, FileRefused, Row
from infolens.ingest.file_format import MAX_COLUMNS, names_delimiter, open_content
from infolens.ingest.reasons import bounded, most_frequent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from infolens.contracts.task import Schema

MODEL_VERSION = "model_version"
PROBLEM = "problem"
"""The last two columns of a result file: who answered, or why nobody did."""

_MANY_REASONS = 20_000
"""Different reasons counted by name at a time: line numbers stand in some."""


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
    """A file of rows to answer, while it is being read."""

    header: tuple[str, ...]
    questions: Iterator[Question]
    """One for each row; raises FileRefused when the rest of the file cannot be read."""


@dataclass(frozen=True)
class Counts:
    """What a result file says: rows_in == rows_answered + rows_failed."""

    rows_in: int
    rows_answered: int
    failed_by_reason: dict[str, int]
    model_versions: dict[str, int]


@dataclass(frozen=True)
class _Header:
    cells: tuple[str, ...]
    positions: Mapping[str, int]


def read_unlabelled(stream: IO[bytes], filename: str, schema: Schema) -> Sheet:
    """Open a file of rows to answer; a row that cannot be asked stays in its place with the reason.

    Raises:
        FileRefused: it is no CSV file, a needed column is missing, or it has no row.
    """
    content, file_format = open_content(stream, filename, lambda header: _binds(header, schema))
    rows = csv_reading.rows(content, file_format.delimiter)
    first = next(rows, None)
    if isinstance(first, Row) and names_delimiter(first.fields):
        first = next(rows, None)
    header = _bound(first, schema)
    questions = (_question(row, header, schema) for row in rows)
    question = next(questions, None)
    if question is None:
        raise FileRefused("the file has a header and no row below it; at least one row is needed")
    return Sheet(header.cells, itertools.chain((question,), questions))


def result_table(
    header: Sequence[str], names: Sequence[str], answered: Iterable[tuple[Question, Answer]]
) -> Iterator[Sequence[str]]:
    """Lay out the file's own columns, then the answers' columns, the model version and the problem.

    An answer's column that the file has already is written as `answer_<name>`.

    Args:
        header: of the file.
        names: of all that answers hold, in the order of the columns.
        answered: rows with their answers.
    """
    taken = {cell.strip().casefold() for cell in header}
    yield (*header, *(_free(name, taken) for name in (*names, MODEL_VERSION, PROBLEM)))
    for question, answer in answered:
        values = (_cell(answer.content[name]) if name in answer.content else "" for name in names)
        yield (*question.fields, *values, answer.model_version, answer.problem)


def counts_of(results: Iterable[str]) -> Counts:
    """Count the lines of a result file, so that its report says what is in it whoever wrote it."""
    csv.field_size_limit(2 * csv_reading.MAX_RECORD)  # a cell may hold a whole line that could not be read
    rows = csv.reader(results)
    next(rows)
    failed: collections.Counter[str] = collections.Counter()
    versions: collections.Counter[str] = collections.Counter()
    total = 0
    for *_, version, problem in rows:
        total += 1
        if problem:
            failed[problem] += 1
            if len(failed) > _MANY_REASONS:
                failed = collections.Counter(bounded(failed))
        else:
            versions[version] += 1
    return Counts(total, versions.total(), most_frequent(failed), dict(sorted(versions.items())))


def _binds(header: Sequence[str], schema: Schema) -> bool:
    try:
        schema.bind(header, labelled=False)
    except RowRejected:
        return False
    return True


def _bound(first: Row | BrokenRow | None, schema: Schema) -> _Header:
    """Find the schema's fields in the header."""
    if first is None:
        raise FileRefused("the file has no header; a header line and at least one row are needed")
    if isinstance(first, BrokenRow):
        raise FileRefused(f"the header (line {first.line}) cannot be read: {first.reason}")
    if len(first.fields) > MAX_COLUMNS:
        raise FileRefused(f"the header has {len(first.fields):,} columns; at most {MAX_COLUMNS:,} are taken")
    try:
        return _Header(first.fields, schema.bind(first.fields, labelled=False))
    except RowRejected as error:
        raise FileRefused(f"column {error.field}: {error.reason}") from error


def _question(row: Row | BrokenRow, header: _Header, schema: Schema) -> Question:
    width = len(header.cells)
    if isinstance(row, BrokenRow):
        return Question(_fit((row.raw,), width), None, f"line {row.line}: {row.reason}")
    try:
        if len(row.fields) != width:
            raise RowRejected("", f"the row has {len(row.fields)} fields, the header has {width}")  # noqa: TRY301
        payload: dict[str, object] = {name: row.fields[position] for name, position in header.positions.items()}
        schema.check(payload)
    except RowRejected as error:
        column = header.cells[header.positions[error.field]] if error.field in header.positions else error.field
        return Question(_fit(row.fields, width), None, f"{column}: {error.reason}" if column else error.reason)
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
