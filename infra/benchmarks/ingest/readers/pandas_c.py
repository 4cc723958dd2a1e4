"""Reads with pandas' C engine, the whole file at once: what most notebooks do."""

from __future__ import annotations

import pandas as pd
from outcome import ZSTD_LEVEL, run_of_arguments

run = run_of_arguments()
table = pd.read_csv(
    run.file,
    engine="c",
    dtype=str,
    keep_default_na=False,
    encoding="utf-8-sig",
    encoding_errors="replace",
    on_bad_lines="skip",
)
table = table[table["date"] != ""]  # no date is empty in the file, but a row with too few fields is filled up
table = table[(table["text"] != "") & (table["label"] != "")].drop_duplicates(["title", "text"])
table.to_parquet(run.kept, compression="zstd", compression_level=ZSTD_LEVEL, index=False)
run.tell(len(table))
