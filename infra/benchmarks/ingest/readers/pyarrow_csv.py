"""Reads with pyarrow's streaming CSV reader; variant `one_thread` is the one that tells the number of a bad record."""

from __future__ import annotations

import csv
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
from outcome import NAMES, THREADS, ZSTD_LEVEL, leave_pandas_out, run_of_arguments

leave_pandas_out()
run = run_of_arguments()
pa.set_cpu_count(THREADS)
threads = run.variant != "one_thread"
bad: list[tuple[int | None, str]] = []


def skip(row: pcsv.InvalidRow) -> Literal["skip"]:
    """Note a row with the wrong number of fields; its number is None with threads."""
    bad.append((row.number, f"{row.actual_columns} fields, {row.expected_columns} expected"))
    return "skip"


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Replace invalid bytes; the reader itself would refuse the file for one of them."""
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.chunked_array([[each.decode("utf-8", "replace") for each in column.to_pylist()]])


reader = pcsv.open_csv(
    run.file,
    read_options=pcsv.ReadOptions(use_threads=threads, block_size=4 << 20),
    parse_options=pcsv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
    convert_options=pcsv.ConvertOptions(column_types=dict.fromkeys(NAMES, pa.binary())),
)
seen: set[int] = set()
rows = 0
schema = pa.schema([(name, pa.string()) for name in NAMES])
with pq.ParquetWriter(run.kept, schema, compression="zstd", compression_level=ZSTD_LEVEL) as writer:
    for batch in reader:
        table = pa.Table.from_batches([batch])
        filled = [pc.greater(pc.binary_length(table[name]), 0) for name in ("text", "label")]
        table = table.filter(pc.and_(*filled))
        hashes = [hash(pair) for pair in zip(table["title"].to_pylist(), table["text"].to_pylist(), strict=True)]
        new = []
        for each in hashes:
            new.append(each not in seen)
            seen.add(each)
        table = table.filter(pa.array(new, pa.bool_()))
        rows += len(table)
        writer.write_table(pa.table([as_text(table[name]) for name in NAMES], schema))
with run.rejects.open("w", newline="") as file:
    csv.writer(file).writerows([("record", "reason"), *bad])
run.tell(rows)
