"""Says where the time of our ingest goes: processor milliseconds for each megabyte of CSV by step, in one process.

    python infra/benchmarks/ingest/stages.py FILE.csv         # made by news_csv.py

Steps are told apart by wrapping the functions of the product while the benchmark's own reader runs. Processor time is
less disturbed by what else runs on the machine than time on the wall, but not undisturbed.
"""

from __future__ import annotations

import argparse
import functools
import runpy
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infolens.ingest import csv_reading, parts, section_processes, sections
from infolens.ingest.merging import Merging
from infolens.tasks.news_category.schema import NewsCategorySchema
from infolens.usecases import ingest, ingest_commit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

READERS = Path(__file__).resolve().parent / "readers"
MB = 1e6

STEPS: tuple[tuple[object, str, str], ...] = (
    (csv_reading.SectionReader, "__iter__", "read, decode, split into rows"),
    (NewsCategorySchema, "clean_block", "clean, digest, split"),
    (sections, "rows_batch", "rows into Arrow columns"),
    (sections, "sketches", "sketches for near-duplicates"),
    (sections, "text_lengths", "text lengths"),
    (sections, "bins_of_counts", "text lengths"),
    (parts.PartWriter, "add", "Parquet, zstd"),
    (parts.PartWriter, "finish", "Parquet, zstd"),
    (sections, "index_bytes", "identity index"),
    (section_processes, "read_section", "the rest of staging a section"),
    (Merging, "parts", "merge: duplicates over sections, final parts"),
    (Merging, "result", "merge: near-duplicates, counts"),
    (ingest_commit, "rejects_csv", "rejects.csv"),
    (ingest, "ingest_upload", "the rest of the use case"),
)
"""Where a function is looked up, its name, and what it does."""


OUTSIDE = "outside"
"""Loading libraries."""


class Clock:
    """Charges processor time to the innermost of the steps that are under way."""

    def __init__(self, now: Callable[[], float] = time.process_time) -> None:
        """Begin with nothing under way."""
        self.spent: dict[str, float] = defaultdict(float)
        self._now = now
        self._last = now()
        self._under_way = [OUTSIDE]

    def enter(self, step: str) -> None:
        """Begin a step within the one that is under way."""
        self._charge()
        self._under_way.append(step)

    def leave(self) -> None:
        """End the innermost step."""
        self._charge()
        self._under_way.pop()

    def _charge(self) -> None:
        now = self._now()
        self.spent[self._under_way[-1]] += now - self._last
        self._last = now

    def wrapped(self, function: Callable[..., Any], step: str) -> Callable[..., Any]:
        """Give the function, charged to a step; a generator is charged while it is at work."""

        @functools.wraps(function)
        def timed(*arguments: object, **named: object) -> object:
            self.enter(step)
            try:
                made = function(*arguments, **named)
            finally:
                self.leave()
            return self._each(made, step) if hasattr(made, "__next__") else made

        return timed

    def _each(self, items: Iterator[object], step: str) -> Iterator[object]:
        while True:
            self.enter(step)
            try:
                item = next(items)
            except StopIteration:
                return
            finally:
                self.leave()
            yield item


def table(spent: dict[str, float], size: int) -> str:
    """Lay out seconds by step as milliseconds for each megabyte, the most first."""
    rows = sorted(spent.items(), key=lambda item: -item[1])
    lines = [f"| {step} | {seconds / size * MB * 1e3:.2f} |" for step, seconds in rows]
    total = sum(spent.values()) / size * MB * 1e3
    return "\n".join(["| step | ms/MB |", "| --- | ---: |", *lines, f"| **all** | **{total:.2f}** |"])


def main() -> None:
    """Run our reader with one process and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    file: Path = parser.parse_args().file
    sys.path.insert(0, str(READERS))
    clock = Clock()
    for owner, name, step in STEPS:
        setattr(owner, name, clock.wrapped(getattr(owner, name), step))
    with tempfile.TemporaryDirectory() as out:
        sys.argv = ["ours.py", str(file), out, "1"]
        runpy.run_path(str(READERS / "ours.py"), run_name="__main__")
    spent = {step: seconds for step, seconds in clock.spent.items() if step != OUTSIDE}
    print(f"\n{table(spent, file.stat().st_size)}")


if __name__ == "__main__":
    main()
