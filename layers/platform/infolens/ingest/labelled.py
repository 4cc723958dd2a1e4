"""Reads one labelled file with a task's schema: clean rows, duplicates within the file, rejects; counts every row."""

from __future__ import annotations

import collections
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from infolens.contracts.dataset import Reject
from infolens.contracts.task import RowRejected
from infolens.ingest import csv_reading
from infolens.ingest.csv_reading import BrokenRow, FileRefused, Row
from infolens.ingest.identity import row_digest
from infolens.ingest.reasons import most_frequent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from infolens.contracts.task import Schema

REFUSED_WITH_FILE = "the file as a whole was refused"
"""Reason of rows that were not wrong themselves."""


@dataclass(frozen=True)
class CleanRow:
    """A row that passed the schema."""

    line: int
    digest: bytes
    """sha256 of the row's identity."""
    split: str
    values: tuple[object, ...]
    """In the order of `Schema.columns`."""


@dataclass
class ReadFile:
    """What one file held: rows_in == len(kept) + duplicates + len(rejects), unless the file was refused whole."""

    header: tuple[str, ...] = ()
    rows_in: int = 0
    kept: list[CleanRow] = field(default_factory=list)
    """Rows whose identity had not yet been seen in this file."""
    duplicates: int = 0
    rejects: list[Reject] = field(default_factory=list)
    replaced: int = 0
    """Invalid bytes and NULs that became U+FFFD."""
    refused: str = ""
    """Why the file as a whole is refused; "" when it is not. Then `kept` is not to be used."""


@dataclass(frozen=True)
class BoundHeader:
    """The header line and where the schema's fields are in it."""

    cells: tuple[str, ...]
    positions: Mapping[str, int]

    def raw(self, row: Row) -> dict[str, str]:
        """Give the bound fields of a row by name.

        Raises:
            RowRejected: the row has not as many fields as the header.
        """
        if len(row.fields) != len(self.cells):
            raise RowRejected("", f"the row has {len(row.fields)} fields, the header has {len(self.cells)}")
        return {name: row.fields[position] for name, position in self.positions.items()}

    def column(self, name: str) -> str:
        """Name a schema's field as the file calls it."""
        return self.cells[self.positions[name]] if name in self.positions else name


def bind_header(rows: Iterator[Row | BrokenRow], schema: Schema, *, labelled: bool) -> BoundHeader:
    """Take the header off `rows` and find the schema's fields in it.

    Raises:
        FileRefused: there is no header, or a needed column is missing or given twice.
    """
    first = next(rows, None)
    if first is None:
        raise FileRefused("the file has no header; a header line and at least one row are needed")
    if isinstance(first, BrokenRow):
        raise FileRefused(f"the header (line {first.line}) cannot be read: {first.reason}")
    try:
        return BoundHeader(first.fields, schema.bind(first.fields, labelled=labelled))
    except RowRejected as error:
        raise FileRefused(f"column {error.field}: {error.reason}") from error


def read_labelled(stream: IO[bytes], filename: str, schema: Schema) -> ReadFile:
    """Read a labelled file; a file that is refused whole comes back with `refused` and every row counted as read."""
    found = ReadFile()
    try:
        lines = csv_reading.open_lines(stream, filename)
    except FileRefused as error:
        found.refused = error.reason
        return found
    rows = csv_reading.rows(lines)
    try:
        header = bind_header(rows, schema, labelled=True)
        found.header = header.cells
        _read_rows(rows, header, schema, found)
    except FileRefused as error:
        found.refused = error.reason
        _count_rest(rows, found)
    else:
        found.refused = _past_budget(found, schema.bad_row_budget)
    found.replaced = lines.replaced
    return found


def reasons_of(rejects: Sequence[Reject]) -> dict[str, int]:
    """Count rejects by column and reason."""
    counts = collections.Counter(
        f"{reject.column}: {reject.reason}" if reject.column else reject.reason for reject in rejects
    )
    return most_frequent(counts)


def reject_table(found: ReadFile) -> Iterator[Sequence[str]]:
    """Lay out the rejects of a file as a table: line, column and reason before the fields as they were.

    The fields keep their header, so that an editor can correct the table and upload it again.
    """
    yield ("reject_line", "reject_column", "reject_reason", *found.header)
    for reject in found.rejects:
        yield (str(reject.line), reject.column, reject.reason, *reject.raw)


def _read_rows(rows: Iterator[Row | BrokenRow], header: BoundHeader, schema: Schema, found: ReadFile) -> None:
    seen: set[bytes] = set()
    columns = tuple(schema.columns)
    for row in rows:
        found.rows_in += 1
        if isinstance(row, BrokenRow):
            found.rejects.append(Reject(row.line, "", row.reason, (row.raw,)))
            continue
        try:
            clean = schema.clean(header.raw(row))
        except RowRejected as error:
            found.rejects.append(Reject(row.line, header.column(error.field), error.reason, row.fields))
            continue
        identity = schema.identity(clean)
        digest = row_digest(identity)
        if digest in seen:
            found.duplicates += 1
            continue
        seen.add(digest)
        found.kept.append(CleanRow(row.line, digest, schema.split(clean), tuple(clean[name] for name in columns)))


def _count_rest(rows: Iterator[Row | BrokenRow], found: ReadFile) -> None:
    try:
        found.rows_in += sum(1 for _ in rows)
    except FileRefused as error:
        found.refused = f"{found.refused}; {error.reason}"


def _past_budget(found: ReadFile, budget: float) -> str:
    if found.rows_in == 0:
        return "the file has a header and no row below it; at least one row is needed"
    share = len(found.rejects) / found.rows_in
    if share <= budget:
        return ""
    (reason, count), *_ = reasons_of(found.rejects).items()
    return (
        f"{len(found.rejects)} of {found.rows_in} rows ({share:.1%}) were rejected, at most {budget:.1%} may be; "
        f"most often ({count} rows): {reason}"
    )
