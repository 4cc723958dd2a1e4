"""Reads with pandas by chunks, and remembers a hash of each row: what is done when the file does not fit."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from outcome import CHUNK, NAMES, ZSTD_LEVEL, run_of_arguments

run = run_of_arguments()
schema = pa.schema([(name, pa.string()) for name in NAMES])
seen: set[int] = set()
rows = 0
chunks = pd.read_csv(
    run.file,
    engine="c",
    dtype=str,
    keep_default_na=False,
    encoding="utf-8-sig",
    encoding_errors="replace",
    on_bad_lines="skip",
    chunksize=CHUNK,
)
with pq.ParquetWriter(run.kept, schema, compression="zstd", compression_level=ZSTD_LEVEL) as writer:
    for chunk in chunks:
        table = chunk[chunk["date"] != ""]  # no date is empty in the file, but short rows are filled up
        table = table[(table["text"] != "") & (table["label"] != "")].drop_duplicates(["title", "text"])
        hashes = [hash(pair) for pair in zip(table["title"], table["text"], strict=True)]
        table = table[[each not in seen for each in hashes]]
        seen.update(hashes)
        rows += len(table)
        writer.write_table(pa.Table.from_pandas(table, schema, preserve_index=False))
run.tell(rows)
