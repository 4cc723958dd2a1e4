"""Reads with polars' lazy scan and streaming sink; it refuses the file unless told to cut ragged rows off."""

from __future__ import annotations

import os

from outcome import NAMES, THREADS, ZSTD_LEVEL, run_of_arguments

os.environ["POLARS_MAX_THREADS"] = str(THREADS)
import polars as pl

run = run_of_arguments()
frame = pl.scan_csv(
    run.file,
    schema=dict.fromkeys(NAMES, pl.String),
    encoding="utf8-lossy",
    truncate_ragged_lines=True,
    empty_string_is_null=False,
)
frame = frame.filter(pl.all_horizontal(pl.col("text", "label", "date").fill_null("") != ""))  # short rows are filled up
frame = frame.unique(["title", "text"], keep="any")
frame.sink_parquet(run.kept, compression="zstd", compression_level=ZSTD_LEVEL, engine="streaming")
run.tell(pl.scan_parquet(run.kept).select(pl.len()).collect().item())
