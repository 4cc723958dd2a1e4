"""What every reader of the benchmark leaves behind: `kept.parquet`, perhaps `rejects.csv`, and one line of JSON."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, field
from importlib.abc import MetaPathFinder
from pathlib import Path

THREADS = 2
"""Threads, or processes, that a reader may use."""

CHUNK = 50_000
"""Rows at a time where a reader takes so many, as the pandas chunks of the first measurements."""

ZSTD_LEVEL = 1
"""Arrow's own default; polars and duckdb take 3 when left alone and would pay for it."""

NAMES = ("id", "title", "text", "label", "date")


@dataclass
class Run:
    """One run: its files, and the clock, which starts when the libraries have been loaded."""

    file: Path
    kept: Path
    rejects: Path
    variant: str
    began: float = field(default_factory=time.perf_counter)

    def tell(self, rows: int, **more: object) -> None:
        """Stop the clock and print the outcome; `rows` are those kept."""
        print(json.dumps({"seconds": time.perf_counter() - self.began, "rows": rows, **more}))


class _NoPandas(MetaPathFinder):
    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("left out of the benchmark", name=fullname)


def leave_pandas_out() -> None:
    """Pretend that pandas is not installed: pyarrow loads it when it can, .5 s and 60 MB where it is of no use."""
    sys.meta_path.insert(0, _NoPandas())


def run_of_arguments() -> Run:
    """Take `FILE OUT_FOLDER [VARIANT]` from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("variant", nargs="?", default="")
    given = parser.parse_args()
    return Run(given.file, given.out / "kept.parquet", given.out / "rejects.csv", given.variant)
