"""Measures ingest against other CSV readers on one generated file, and the curve of its time and memory over the size.

    python infra/benchmarks/ingest/measure.py [--size 700] [--rounds 3] [--readers ours,polars,...]
    python infra/benchmarks/ingest/measure.py --curve [--curve-sizes 10,100,1000,4000]
    python infra/benchmarks/ingest/measure.py --one-core [--size 1000]

Each reader is a process of its own with two threads, or worker processes, on the same file, one after the other, in
rounds whose order changes. README.md beside this script says what is measured and what the figures mean.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import correctness
import news_csv
import yaml
from resident_memory import Held, Watch

from infolens_cli.processor import processor_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HERE = Path(__file__).resolve().parent
TEMPLATE = HERE.parents[2] / "template.yaml"
PEERS_PYTHON = HERE.parents[2] / ".venvs" / "bench" / "bin" / "python"
MB = 1e6
CORES = 2
TIMEOUT_S = 900


@dataclass(frozen=True)
class Reader:
    """One of the compared."""

    name: str
    script: str
    variant: str = ""
    ours: bool = False


READERS = {
    "ours": Reader("InfoLens ingest", "ours", ours=True),
    "pandas_c": Reader("pandas, C engine", "pandas_c"),
    "pandas_chunked": Reader("pandas, chunks of 50,000", "pandas_chunked"),
    "pyarrow": Reader("pyarrow open_csv", "pyarrow_csv"),
    "pyarrow_one_thread": Reader("pyarrow open_csv, use_threads=False", "pyarrow_csv", "one_thread"),
    "duckdb": Reader("duckdb, memory_limit 3 GB", "duckdb_sql", "3GB"),
    "duckdb_400": Reader("duckdb, memory_limit 400 MB", "duckdb_sql", "400MB"),
    "polars": Reader("polars, streaming sink", "polars_lazy"),
    "csv_reader": Reader("csv.reader, Arrow writer thread", "csv_reader"),
}


@dataclass(frozen=True)
class Outcome:
    """One run of one reader."""

    seconds: float
    processor_seconds: float
    """Of the process and all that it waited for, loading of libraries included."""
    rows: int
    peak: Held
    told: dict[str, object]
    """All that the reader said."""


class ReaderFailedError(RuntimeError):
    """A reader ended with an error or took too long; the last line that it said."""


def run(reader: Reader, file: Path, out: Path, variant: str = "") -> Outcome:
    """Run a reader once on a file that lies in the page cache.

    Raises:
        ReaderFailedError: it did not end well.
    """
    python = sys.executable if reader.ours else str(PEERS_PYTHON)
    command = [python, str(HERE / "readers" / f"{reader.script}.py"), str(file), str(out)]
    command += [given for given in (variant or reader.variant,) if given]
    _read_through(file)
    os.sync()
    log = out / "said.txt"
    before = _processor_seconds()
    with log.open("wb") as said:
        environment = os.environ | (function_settings() if reader.ours else {})
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=said, start_new_session=True, env=environment
        )
        try:
            with Watch(process.pid) as watch:
                answer, _ = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise ReaderFailedError(f"took more than {TIMEOUT_S} s") from error
        finally:
            _end(process)
    if process.returncode:
        raise ReaderFailedError(f"ended with {process.returncode}: {_why(log.read_text(errors='replace'))}")
    told = json.loads(answer.decode().splitlines()[-1])
    return Outcome(told["seconds"], _processor_seconds() - before, told["rows"], watch.peak, told)


def _why(said: str) -> str:
    """Give the error of a traceback, which may be followed by good advice."""
    lines = said.strip().splitlines() or [""]
    errors = [line for line in lines if line[:1].strip() and ("Error" in line.split(":")[0] or "Exception" in line)]
    return (errors or lines)[-1][:200]


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def _read_through(file: Path) -> None:
    with file.open("rb", buffering=0) as stream:
        while stream.read(1 << 22):
            pass


def compare(names: Sequence[str], file: Path, work: Path, rounds: int) -> str:
    """Run readers in rounds and lay their figures out as a Markdown table."""
    outcomes: dict[str, list[Outcome]] = {name: [] for name in names}
    failures: dict[str, str] = {}
    findings: dict[str, correctness.Findings] = {}
    truth = correctness.Truth(file)
    for number in range(rounds):
        turn = number % len(names)
        for name in [*names[turn:], *names[:turn]]:
            if name in failures:
                continue
            out = work / f"out-{name}"
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            try:
                outcome = run(READERS[name], file, out)
                if number == 0:
                    findings[name] = hold_against(truth, READERS[name], out)
            except ReaderFailedError as error:
                failures[name] = str(error)
                continue
            finally:
                if not (work / "keep").exists():
                    shutil.rmtree(out, ignore_errors=True)
            outcomes[name].append(outcome)
            print(
                f"round {number + 1}: {name} {outcome.seconds:.2f} s, {outcome.peak.resident:.0f} MB", file=sys.stderr
            )
    size = file.stat().st_size
    return table(size, [(READERS[name].name, outcomes[name], findings.get(name), failures.get(name)) for name in names])


def hold_against(truth: correctness.Truth, reader: Reader, out: Path) -> correctness.Findings:
    """Compare what a reader left in `out` with the truth."""
    if reader.ours:
        parts = [(out / name, before) for name, before in json.loads((out / "parts.json").read_text())]
        found = correctness.cleaned_rows(truth, parts)
    else:
        found = correctness.rows_as_they_were(truth, out / "kept.parquet")
    return correctness.check(truth, found, out / "rejects.csv")


HEAD = (
    "reader",
    "s, median (min to max)",
    "MB/s",
    "processor s",
    "peak RSS MB",
    "PSS (anonymous) MB",
    "rows kept",
    "lost",
    "altered",
    "wrongly kept",
    "rejects told",
)


def table(size: int, lines: Iterable[tuple[str, Sequence[Outcome], correctness.Findings | None, str | None]]) -> str:
    """Lay out figures of readers: name, runs, what became of the rows, and why it failed if it did."""
    cells = [HEAD, ("---",) + ("---:",) * (len(HEAD) - 1)]
    for name, runs, found, failure in lines:
        if failure is not None or not runs or found is None:
            cells.append((name, f"failed: {failure}", *[""] * (len(HEAD) - 2)))
            continue
        seconds = [one.seconds for one in runs]
        median = statistics.median(seconds)
        peak = Held()
        for one in runs:
            peak = peak.highest(one.peak)
        cells.append(
            (
                name,
                f"{median:.2f} ({min(seconds):.2f} to {max(seconds):.2f})",
                f"{size / MB / median:.0f}",
                f"{statistics.median(one.processor_seconds for one in runs):.1f}",
                f"{peak.resident:.0f}",
                f"{peak.proportional:.0f} ({peak.anonymous:.0f})",
                f"{found.kept:,}",
                f"{found.lost:,}",
                f"{found.altered:,}",
                f"{found.wrongly_kept:,}",
                rejects_told(found),
            )
        )
    return _laid_out(cells)


def rejects_told(found: correctness.Findings) -> str:
    """Say how many of the rows to reject a reader tells, and by what; what it drops in silence counts as not told."""
    if found.named_by_line >= found.named_by_record:
        told = f"{found.named_by_line:,}" + " by line" * (found.named_by_line > 0)
    else:
        told = f"{found.named_by_record:,} by record number"
    return f"{told}, of {found.to_reject:,}"


def curve(sizes: Sequence[float], work: Path, seed: int, rounds: int) -> str:
    """Run ours over files of growing size and lay the figures out as a Markdown table."""
    head = ("file MB", "s, median", "MB/s", "processor s", "peak RSS MB", "PSS MB", "rows", "kept of the right")
    cells = [head, ("---:",) * len(head)]
    for size in sizes:
        file = generated(work, size, seed)
        right = news_csv.answer_of(file).kept
        runs = []
        for _ in range(rounds):
            out = work / "out-curve"
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            runs.append(run(READERS["ours"], file, out))
            shutil.rmtree(out, ignore_errors=True)
        median = statistics.median(one.seconds for one in runs)
        cells.append(
            (
                f"{file.stat().st_size / MB:,.0f}",
                f"{median:.2f}",
                f"{file.stat().st_size / MB / median:.0f}",
                f"{statistics.median(one.processor_seconds for one in runs):.1f}",
                f"{max(one.peak.resident for one in runs):.0f}",
                f"{max(one.peak.proportional for one in runs):.0f}",
                f"{news_csv.answer_of(file).rows:,}",
                f"{runs[0].rows:,} of {right:,}",
            )
        )
        _say(f"{size:g} MB: {median:.2f} s")
        if size > sizes[0] and not (work / "keep").exists():
            _forget(file)
    return _laid_out(cells)


def one_core(file: Path, work: Path) -> str:
    """Run ours on a single core, and hold time and memory against what the ingest function has."""
    seconds, memory = function_limits()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    cells = [("processes that read", "s", "limit s", "peak RSS MB", "memory of the function MB"), ("---:",) * 5]
    for workers in ("1", "2"):
        out = work / "out-one-core"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        found = run(READERS["ours"], file, out, workers)
        shutil.rmtree(out, ignore_errors=True)
        limit = memory * (1 << 20) / MB
        cells.append((workers, f"{found.seconds:.1f}", str(seconds), f"{found.peak.resident:.0f}", f"{limit:.0f}"))
    return _laid_out(cells)


class _Template(yaml.SafeLoader):
    """YAML with CloudFormation's tags, which are of no interest here."""


_Template.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


def function_limits(template: Path = TEMPLATE) -> tuple[int, int]:
    """Read time-out in seconds and memory in MiB of the ingest function from the template."""
    function = _function(template)
    return function["Timeout"], function["MemorySize"]


def function_settings(template: Path = TEMPLATE) -> dict[str, str]:
    """Read from the template what the ingest function tells Arrow by its environment."""
    variables = _function(template)["Environment"]["Variables"]
    return {name: value for name, value in variables.items() if name.startswith("ARROW_")}


def _function(template: Path) -> dict[str, Any]:
    read = yaml.load(template.read_text(), _Template)  # noqa: S506 - a SafeLoader that knows more tags
    function: dict[str, Any] = read["Globals"]["Function"] | read["Resources"]["IngestUpload"]["Properties"]
    return function


def _laid_out(cells: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def generated(work: Path, size: float, seed: int) -> Path:
    """Give the file of a size in MB, made now unless it is there from an earlier call."""
    file = work / f"news-{size:g}-{seed}.csv"
    if not news_csv.answer_path(file).exists():  # written last
        _say(f"generating {size:g} MB")
        news_csv.generate(file, int(size * MB), seed)
    return file


def _say(what: str) -> None:
    sys.stderr.write(what + "\n")


def _forget(file: Path) -> None:
    for path in (file, news_csv.answer_path(file), news_csv.records_path(file)):
        path.unlink(missing_ok=True)


def machine() -> str:
    """Say on what was measured; times mean nothing without it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    cores = f"{min(CORES, os.cpu_count() or 1)} of {os.cpu_count()} cores of {processor_name()}, {memory:.0f} GB"
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{cores}, {system}, load at the start {os.getloadavg()[0]:.1f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is asked for and print it as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=float, default=100, help="megabytes (10^6) of the compared file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--readers", default=",".join(READERS), help="of " + ", ".join(READERS))
    parser.add_argument("--curve", action="store_true", help="ours alone over several sizes")
    parser.add_argument("--curve-sizes", default="10,100,1000", help="megabytes")
    parser.add_argument("--one-core", action="store_true", help="ours alone on one core, against the function's limits")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--work", type=Path, help="folder to keep generated files in; default: one that is deleted")
    given = parser.parse_args(arguments)
    names = given.readers.split(",")
    if unknown := set(names) - set(READERS):
        parser.error(f"no such reader: {', '.join(sorted(unknown))}")
    if not (given.curve or given.one_core) and not PEERS_PYTHON.exists() and names != ["ours"]:
        parser.error(f"the other readers are not installed in {PEERS_PYTHON.parents[1]}; README.md says how")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])  # inherited by all readers
    told = f"Measured on {machine()}."
    with tempfile.TemporaryDirectory() as scratch:
        work = given.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        if given.curve:
            sizes = [float(size) for size in given.curve_sizes.split(",")]
            print(f"{told}\n\n{curve(sizes, work, given.seed, given.rounds)}")
            return
        file = generated(work, given.size, given.seed)
        if given.one_core:
            print(f"{told} File of {file.stat().st_size / MB:,.0f} MB, one core.\n\n{one_core(file, work)}")
            return
        answer = news_csv.answer_of(file)
        figures = compare(names, file, work, given.rounds)
    print(
        f"{told} {given.rounds} rounds, file of {answer.bytes / MB:.1f} MB in the page cache: {answer.rows:,} rows, of "
        f"them {answer.kept:,} to be kept ({answer.invalid_bytes:,} with invalid bytes), {answer.duplicates:,} "
        f"duplicates, {answer.empty_fields:,} with an empty field, {answer.wrong_columns:,} with a wrong number of "
        f"columns; {answer.newlines:,} rows have a line end inside quotes, {answer.controls:,} a control character."
        f"\n\n{figures}"
    )


if __name__ == "__main__":
    main()
