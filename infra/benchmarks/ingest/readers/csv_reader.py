"""Reads with the standard library's csv.reader while a thread writes Parquet: each reject has its line and reason."""

from __future__ import annotations

import csv
import queue
import threading
from itertools import islice
from typing import IO, TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from outcome import CHUNK, NAMES, ZSTD_LEVEL, leave_pandas_out, run_of_arguments

if TYPE_CHECKING:
    from collections.abc import Iterator

leave_pandas_out()
run = run_of_arguments()
schema = pa.schema([(name, pa.string()) for name in NAMES])
waiting: queue.Queue[list[list[str]]] = queue.Queue(maxsize=2)
SMALL = CHUNK // 10
"""Rows at a time: enough for Arrow, and two waiting lists of them stay small."""


def write() -> None:
    """Write what waits until an empty list comes."""
    with pq.ParquetWriter(run.kept, schema, compression="zstd", compression_level=ZSTD_LEVEL) as writer:
        while block := waiting.get():
            columns = [pa.array(column, pa.string()) for column in zip(*block, strict=True)]
            writer.write_table(pa.table(columns, schema))


def good_rows(rejects: IO[str]) -> Iterator[list[str]]:
    """Give the rows to keep and write the others away with line and reason."""
    seen: set[int] = set()
    table = csv.writer(rejects)
    table.writerow(("line", "reason"))
    with run.file.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        line = reader.line_num + 1
        for row in reader:
            key = hash((row[1], row[2])) if len(row) == len(NAMES) else 0
            if not key:
                reason = f"{len(row)} fields, {len(NAMES)} expected"
            elif not row[2] or not row[3]:
                reason = "an empty field"
            elif key in seen:
                reason = "duplicate"
            else:
                reason = ""
                seen.add(key)
                yield row
            if reason:
                table.writerow((line, reason, *row))
            line = reader.line_num + 1


writer = threading.Thread(target=write, daemon=True)
writer.start()
kept = 0
with run.rejects.open("w", newline="") as rejects:
    found = good_rows(rejects)
    while block := list(islice(found, SMALL)):
        kept += len(block)
        waiting.put(block)
waiting.put([])
writer.join()
run.tell(kept)
