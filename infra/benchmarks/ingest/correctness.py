"""Holds what a reader wrote against the truth about the generated file, row by row.

A reader that keeps the fields as they are is compared byte for byte, but for rows with invalid bytes, which may be
replaced or repaired. Ours cleans on purpose (entities, white space, invalid characters) and is compared by letters,
digits and label, and by the physical line that it says a row comes from.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

import news_csv
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_ROWS = 10_000
_RECORD = np.dtype([("line", "<u4"), ("id", "<u4"), ("kind", "u1"), ("strict", "<u8"), ("letters", "<u8")])


@dataclass(frozen=True)
class Findings:
    """What became of the rows: kept == rows of the output."""

    kept: int
    lost: int
    """Good rows that are not in the output."""
    altered: int
    """Good rows that are there with other content."""
    wrongly_kept: int
    """Rows that had to be rejected, and second copies."""
    to_reject: int
    named_by_line: int
    """Rows that had to be rejected and are told by the physical line of their start."""
    named_by_record: int
    """The same by a count of records, quoted line ends not counted."""


class Truth:
    """What is known about each row of a generated file."""

    def __init__(self, path: Path) -> None:
        """Read the records beside the file."""
        if _RECORD.itemsize != news_csv.RECORD.size:
            raise AssertionError("the records are packed otherwise")
        records: NDArray[np.void] = np.fromfile(news_csv.records_path(path), _RECORD)
        self.lines: NDArray[np.uint32] = np.ascontiguousarray(records["line"])
        kinds = records["kind"] & ~np.uint8(news_csv.REPAIRED)
        self.kinds: list[int] = records["kind"].tolist()
        self.strict: list[int] = records["strict"].tolist()
        self.letters: list[int] = records["letters"].tolist()
        self.rejected: NDArray[np.intp] = np.flatnonzero(
            (kinds == news_csv.WRONG_COLUMNS) | (kinds == news_csv.EMPTY_FIELD)
        )
        self.good = int((kinds == news_csv.GOOD).sum())
        # Ids run from 1 without a gap; the row itself stands before all its copies.
        _, self.first_of_id = np.unique(records["id"], return_index=True)

    def find_id(self, number: bytes) -> int | None:
        """Give the position of the row with an id."""
        if not number.isdigit() or not 0 < int(number) <= len(self.first_of_id):
            return None
        return int(self.first_of_id[int(number) - 1])

    def find_line(self, line: int) -> int | None:
        """Give the position of the row that starts at a line."""
        position = int(np.searchsorted(self.lines, line))
        return position if position < len(self.lines) and self.lines[position] == line else None


def check(truth: Truth, found: Iterator[tuple[int | None, bool]], rejects: Path) -> Findings:
    """Count what became of the rows.

    Args:
        truth: of the file.
        found: for each row of the output its position in the file (None: no such row) and whether its content is right.
        rejects: the reader's rejects.csv, which may be missing; its first column says where.
    """
    kept = right = altered = wrong = 0
    seen = bytearray(len(truth.kinds))
    for position, same in found:
        kept += 1
        if position is None or seen[position] or truth.kinds[position] & ~news_csv.REPAIRED != news_csv.GOOD:
            wrong += 1
            continue
        seen[position] = 1
        right += same
        altered += not same
    by_line, by_record = _named(truth, rejects)
    return Findings(kept, truth.good - right - altered, altered, wrong, len(truth.rejected), by_line, by_record)


def rows_as_they_were(truth: Truth, kept: Path) -> Iterator[tuple[int | None, bool]]:
    """Compare the output of a reader that keeps `id, title, text, label, date`."""
    for columns in _columns([kept], ("id", "title", "text", "label", "date")):
        for number, *fields in zip(*columns, strict=True):
            position = truth.find_id(number)
            if position is None:
                yield None, False
            elif truth.kinds[position] & news_csv.REPAIRED:
                yield position, news_csv.letters_digest(*fields[:3]) == truth.letters[position]
            else:
                yield position, news_csv.strict_digest(*fields) == truth.strict[position]


def cleaned_rows(truth: Truth, parts: list[tuple[Path, int]]) -> Iterator[tuple[int | None, bool]]:
    """Compare our parts, each given with the physical lines before its section."""
    for part, lines_before in parts:
        for lines, texts, labels in _columns([part], ("line", "text", "label")):
            for line, text, label in zip(lines, texts, labels, strict=True):
                position = truth.find_line(int(line) + lines_before)
                same = position is not None and news_csv.letters_digest(text, label) == truth.letters[position]
                yield position, same


def _columns(files: list[Path], names: tuple[str, ...]) -> Iterator[list[list[bytes]]]:
    for file in files:
        for batch in pq.ParquetFile(file).iter_batches(_ROWS, columns=list(names), use_threads=False):
            yield [batch.column(name).cast(pa.string()).cast(pa.binary()).to_pylist() for name in names]


def _named(truth: Truth, rejects: Path) -> tuple[int, int]:
    if not rejects.exists():
        return 0, 0
    csv.field_size_limit(1 << 30)
    with rejects.open(newline="", encoding="utf-8", errors="replace") as file:
        table = csv.reader(file)
        next(table, None)
        told = {int(row[0]) for row in table if row and row[0].isdigit()}
    by_line = sum(int(line) in told for line in truth.lines[truth.rejected])
    # Whether the header counts, and whether the first record is 0, 1 or 2, is the reader's business.
    by_record = max(sum(int(record) + first in told for record in truth.rejected) for first in range(3))
    return by_line, by_record
