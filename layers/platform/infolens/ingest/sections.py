"""Stages one section of a labelled file: its kept rows as a part, their index, its rejects, and counts of every row.

Section k of a file holds the records that begin at offsets k * SECTION_BYTES to (k + 1) * SECTION_BYTES of its content,
so that what a file becomes does not depend on who reads which of its sections when. A section in which no record
begins is empty: its end is its start.
"""

from __future__ import annotations

import collections
import json
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa

from infolens.contracts.dataset import Reject
from infolens.ingest.csv_reading import SectionReader
from infolens.ingest.csv_writing import without_formula_mark
from infolens.ingest.identity_index import copies_among, index_bytes
from infolens.ingest.near_duplicates import sketches
from infolens.ingest.parts import (
    SPLIT,
    PartWriter,
    arrow_schema,
    cut_at_lines,
    part_id_of,
    rows_batch,
    text_buffers,
    text_lengths,
    without_lines,
)
from infolens.ingest.reasons import bounded
from infolens.ingest.regular_rows import ColumnBlock, regular_rows
from infolens.rows.few_texts import FewTexts
from infolens.rows.text_lengths import bins_of_counts, length_bins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from infolens.contracts.task import CleanBlock, Schema
    from infolens.ingest.csv_reading import Block
    from infolens.ingest.survey import Survey

T = TypeVar("T")

SECTION_BYTES = 8 << 20
"""Few enough for a worker's memory, enough for a part that is worth a request. Another number makes other parts."""

TEXT = "text"
"""The column that tasks about texts have: it is measured, and compared for near duplicates."""


@dataclass(frozen=True)
class Dropped:
    """Rows left out of a section's part, and what their leaving takes out of its counts."""

    rows: int
    labels: dict[str, int]
    splits: dict[str, int]
    lengths: dict[str, int]

    def __add__(self, other: Dropped) -> Dropped:
        """Add others."""
        mine, theirs = ((each.labels, each.splits, each.lengths) for each in (self, other))
        return Dropped(self.rows + other.rows, *(_sum(*pair) for pair in zip(mine, theirs, strict=True)))


NOTHING = Dropped(0, {}, {}, {})


@dataclass(frozen=True)
class SectionCounts:
    """What one section held: rows_in == rows_kept + rows_duplicate + rows_rejected, always."""

    number: int
    start: int
    """Offset in the content at which its first record starts."""
    end: int
    """Offset at which the first record after it starts, or the content ends."""
    lines: int
    """Physical lines."""
    rows_in: int
    rows_kept: int
    rows_duplicate: int
    """Rows whose identity an earlier row of this section has."""
    rows_rejected: int
    rejected_by_reason: dict[str, int]
    label_counts: dict[str, int]
    """Of the kept rows."""
    split_counts: dict[str, int]
    length_bins: dict[str, int]
    """Kept texts by length, see `infolens.rows.text_lengths`."""
    repaired: int
    """Bytes that are no UTF-8 and were taken as Windows-1252."""
    replaced: int
    """Bytes that mean nothing in either and became U+FFFD."""
    ended_inside: bool
    """Whether the content ended inside an open quote."""
    last: bool
    """Whether the content ends in this section."""
    earlier: Dropped = NOTHING
    """Kept rows that the part was written without, since an earlier section of the file has them; none where nobody
    knew the earlier sections. The other counts are the same with them or without."""
    part_id: str = ""
    """Of the part as it was written (`infolens.ingest.parts.part_id_of`), so that it is told apart without being read;
    "" as long as it is not written."""


@dataclass(frozen=True)
class StagedSection:
    """One section, read and cleaned."""

    counts: SectionCounts
    part: bytes
    """The kept rows as Parquet; b"" when there is none."""
    index: bytes
    """All rows that passed, copies included, by digest (`infolens.ingest.identity_index`)."""
    rejects: bytes
    """Rejected rows, one JSON list [line, column, reason, cells] a line; lines as in the part."""


def stage_section(  # noqa: PLR0913, PLR0917 - a file, a range of it, and whose it is
    content: IO[bytes], survey: Survey, schema: Schema, number: int, start: int, stop: int | None, upload_id: str
) -> StagedSection:
    """Read the records of one section, and write its part with no regard to earlier sections.

    Args:
        content: stands at `start`; it is read as far as a record that starts before `stop` may reach.
        survey: of the file.
        schema: of the task.
        number: of the section.
        start: offset at which its first record starts.
        stop: offset from which on records belong to others; None for all that follow.
        upload_id: written into each row.

    Raises:
        FileRefused: as the content does.
    """
    return read_section(content, survey, schema, number, start, stop, upload_id).staged()


def read_section(  # noqa: PLR0913, PLR0917 - as above
    content: IO[bytes], survey: Survey, schema: Schema, number: int, start: int, stop: int | None, upload_id: str
) -> ReadSection:
    """Read the records of one section; its part is not written yet. Arguments and errors as `stage_section`."""
    reader = SectionReader(content, survey.format.delimiter, start, stop, quicker=regular_rows)
    staging = _Staging(survey, schema, upload_id)
    if stop is None or start < stop:
        for block in reader:
            staging.take(block)
    index, again = staging.index()
    counts = SectionCounts(
        number=number,
        start=start,
        end=reader.end,
        lines=reader.lines,
        rows_in=staging.rows_in,
        rows_kept=staging.kept,
        rows_duplicate=staging.rows_in - staging.kept - staging.rejected.total(),
        rows_rejected=staging.rejected.total(),
        rejected_by_reason=bounded(staging.rejected),
        label_counts=dict(sorted(staging.labels.items())),
        split_counts=dict(sorted(staging.splits.items())),
        length_bins=staging.lengths,
        repaired=reader.repaired,
        replaced=reader.replaced,
        ended_inside=reader.ended_inside,
        last=stop is None or reader.end < stop,
    )
    return ReadSection(schema, counts, index, bytes(staging.rejects), staging.batches, again)


class ReadSection:
    """One section, read and cleaned, with its kept rows in memory; its part is written when it is known which stay."""

    def __init__(  # noqa: PLR0913, PLR0917 - all that is known of a section
        self,
        schema: Schema,
        counts: SectionCounts,
        index: bytes,
        rejects: bytes,
        batches: list[pa.RecordBatch],
        again: NDArray[np.uint32],
    ) -> None:
        """Take what was read: rows that passed, and the lines of those among them that an earlier row is equal to."""
        self.counts = counts
        self.index = index
        self.rejects = rejects
        self._schema = schema
        self._batches = batches
        self._again = again

    def staged(self, earlier: NDArray[np.uint32] | None = None) -> StagedSection:
        """Write the part; to be asked once, as the rows are let go.

        Args:
            earlier: lines of the kept rows that earlier sections have.
        """
        counts, part = self.write(earlier)
        return StagedSection(counts, b"".join(part), self.index, self.rejects)

    def write(self, earlier: NDArray[np.uint32] | None = None) -> tuple[SectionCounts, list[bytes]]:
        """Give the counts and the part alone, this in pieces; see `staged`."""
        schema = arrow_schema(self._schema.columns)
        writer = PartWriter(schema)
        leaving = self._again if earlier is None else np.sort(np.concatenate([self._again, earlier]))
        left: list[pa.RecordBatch] = []
        while self._batches:
            stay, out = cut_at_lines(self._batches.pop(0), leaving)
            left.append(out)
            for piece in stay:
                writer.add(piece)
        gone = NOTHING
        if earlier is not None and len(earlier):  # copies within the section have not been counted as kept
            gone = dropped_of(self._schema, without_lines(pa.Table.from_batches(left, schema), self._again)[0])
        part = writer.finish()
        return replace(self.counts, earlier=gone, part_id=part_id_of(*part)), part


def dropped_of(schema: Schema, rows: pa.Table | pa.RecordBatch) -> Dropped:
    """Count rows that leave a part."""
    if not rows.num_rows:
        return NOTHING
    labels = collections.Counter(map(str, rows.column(schema.label).to_pylist())) if schema.label else {}
    splits = collections.Counter(rows.column(SPLIT).to_pylist())
    lengths = length_bins(rows.column(TEXT).to_pylist()) if has_texts(schema) else {}
    return Dropped(rows.num_rows, dict(labels), dict(splits), lengths)


def has_texts(schema: Schema) -> bool:
    """Say whether a task is about texts."""
    return TEXT in schema.columns


def read_rejects(data: bytes, lines_before: int) -> Iterator[Reject]:
    """Read the rejects of a staged section, with the lines that they have in the file."""
    for text in data.decode().splitlines():  # ASCII: nothing else ends a line
        line, column, reason, cells = json.loads(text)
        yield Reject(line + lines_before, column, reason, tuple(cells))


class _Staging:
    """What has been read of a section so far."""

    def __init__(self, survey: Survey, schema: Schema, upload_id: str) -> None:
        self._survey = survey
        self._schema = schema
        self._upload_id = upload_id
        self._width = len(survey.header)
        self._arrow_schema = arrow_schema(schema.columns)
        # Of all rows that passed, copies included.
        self.batches: list[pa.RecordBatch] = []
        self._digests: list[bytes] = []
        self._labels: list[FewTexts] = []
        self._splits: list[FewTexts] = []
        self._lines: list[NDArray[np.int64]] = []
        self._sketches: list[NDArray[np.uint64]] = []
        self._lengths: list[NDArray[np.int64]] = []
        # Of all rows, and of the kept ones: those of which no earlier row is a copy.
        self.rows_in = 0
        self.rejected: collections.Counter[str] = collections.Counter()
        self.rejects = bytearray()
        self.kept = 0
        self.labels: dict[str, int] = {}
        self.splits: dict[str, int] = {}
        self.lengths: dict[str, int] = {}

    def take(self, block: Block) -> None:
        """Clean some rows."""
        self.rows_in += len(block.lines) + len(block.broken)
        rejects = [Reject(row.line + 1, "", row.reason, (row.raw,)) for row in block.broken]
        columns, lines, row_at = self._columns(block, rejects)
        if len(lines):
            if self._survey.reject_columns:
                columns = {name: list(map(without_formula_mark, cells)) for name, cells in columns.items()}
            clean = self._schema.clean_block(columns)
            for at, field, reason in clean.rejected:
                rejects.append(Reject(int(lines[at]), self._survey.column(field), reason, self._own_cells(row_at(at))))
            self._keep(clean, lines[clean.kept])
        self._reject(sorted(rejects, key=lambda reject: reject.line))

    def index(self) -> tuple[bytes, NDArray[np.uint32]]:
        """Count the kept rows and write the index of those that passed -> it, and the lines of the copies."""
        copies = copies_among(self._digests)
        self.kept = len(self._digests) - len(copies)
        stays = np.ones(len(self._digests), np.bool_)
        stays[copies] = False
        self.splits = FewTexts.joined(self._splits).at(stays).counts()
        labels = FewTexts.joined(self._labels)
        if self._schema.label:
            self.labels = labels.at(stays).counts()
        lines = np.concatenate([np.zeros(0, np.int64), *self._lines])
        held = np.zeros(len(self._digests), np.uint64)
        if self._sketches:
            held = np.concatenate(self._sketches)
            held[copies] = 0
            lengths = np.concatenate(self._lengths)
            counts = np.bincount(lengths) - np.bincount(lengths[copies], minlength=int(lengths.max()) + 1)
            present = np.flatnonzero(counts)
            self.lengths = bins_of_counts(dict(zip(present.tolist(), counts[present].tolist(), strict=True)))
        return index_bytes(self._digests, labels, lines, held), lines[copies].astype(np.uint32)

    def _columns(
        self, block: Block, rejects: list[Reject]
    ) -> tuple[dict[str, Sequence[str]], NDArray[np.int64], Callable[[int], list[str]]]:
        """Reject the rows that are not as wide as the header -> columns of the others, their lines, and each row."""
        width, positions, lines = self._width, self._survey.positions, block.lines
        row_of: Callable[[int], list[str]]
        if isinstance(block, ColumnBlock):
            widths, row_of = block.widths, block.row
        else:
            widths, row_of = np.array([*map(len, block.rows)], np.intp), block.rows.__getitem__
        for at in np.flatnonzero(widths != width).tolist():
            reason = f"the row has {widths[at]} fields, the header has {width}"
            rejects.append(Reject(lines[at] + 1, "", reason, self._own_cells(row_of(at))))
        right = np.flatnonzero(widths == width)
        places: list[int] = right.tolist()
        columns: dict[str, Sequence[str]]
        if isinstance(block, ColumnBlock):
            columns = {name: block.column(right, number) for name, number in positions.items()}
        else:
            rows = block.rows if len(places) == len(lines) else _at(places, block.rows)
            columns = {name: [row[number] for row in rows] for name, number in positions.items()}
        return columns, np.array(lines, np.int64)[right] + 1, lambda at: row_of(places[at])

    def _own_cells(self, row: Sequence[str]) -> tuple[str, ...]:
        ours = self._survey.reject_columns
        if not ours:
            return tuple(row)
        return tuple(without_formula_mark(cell) for at, cell in enumerate(row) if at not in ours)

    def _keep(self, clean: CleanBlock, lines: NDArray[np.int64]) -> None:
        if not clean.kept:
            return
        schema = self._schema
        self._digests += clean.digests
        self._labels.append(_few(clean.values[schema.label]) if schema.label else FewTexts.of([""] * len(lines)))
        self._splits.append(_few(clean.splits))
        self._lines.append(lines)
        batch = rows_batch(self._arrow_schema, clean.values, clean.digests, clean.splits, lines, self._upload_id)
        self.batches.append(batch)
        if has_texts(schema):
            text, begins = text_buffers(batch, TEXT)
            self._sketches.append(sketches(text, begins))
            self._lengths.append(text_lengths(text, begins))

    def _reject(self, rejects: Iterable[Reject]) -> None:
        for reject in rejects:
            self.rejected[f"{reject.column}: {reject.reason}" if reject.column else reject.reason] += 1
            cells = [reject.line, reject.column, reject.reason, reject.raw]
            self.rejects += json.dumps(cells, separators=(",", ":")).encode() + b"\n"


def _few(column: Sequence[object]) -> FewTexts:
    return column if isinstance(column, FewTexts) else FewTexts.of([*map(str, column)])


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in sorted({*one, *other})}


def _at(places: Sequence[int], column: Sequence[T]) -> list[T]:
    return [column[place] for place in places]
