"""Reads with duckdb and its table of rejected rows; the variant is the memory limit, for example `400MB`."""

from __future__ import annotations

# ruff: noqa: S608 - file names of our own, which SQL takes no parameters for
import duckdb
from outcome import NAMES, THREADS, ZSTD_LEVEL, run_of_arguments

run = run_of_arguments()
columns = "{" + ", ".join(f"'{name}': 'VARCHAR'" for name in NAMES) + "}"
database = duckdb.connect(config={"threads": THREADS, "memory_limit": run.variant or "3GB"})
database.execute(f"SET temp_directory = '{run.kept.parent / 'spilled'}'")
database.execute("SET preserve_insertion_order = false")
copied = database.execute(
    f"""
    COPY (
        SELECT DISTINCT * FROM read_csv(
            '{run.file}', header = true, columns = {columns}, delim = ',', quote = '"', escape = '"',
            store_rejects = true, rejects_limit = 0
        )
        WHERE text <> '' AND label <> ''
    ) TO '{run.kept}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {ZSTD_LEVEL})
    """
).fetchone()
database.execute(f"COPY (SELECT line, error_message AS reason FROM reject_errors) TO '{run.rejects}' (HEADER)")
run.tell(copied[0] if copied else 0)
