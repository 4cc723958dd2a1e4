"""Measures one environment's throughput against the rows of an invocation, and how long its caller waits.

    python infra/benchmarks/micro_batching/measure.py [--family distilbert] [--rounds 5] [--json FILE]

A predict function is loaded as for the cold start (infra/benchmarks/cold_start): a process on one core with a bundle of
real size. It gets invocations of 1 to 32 rows in turn, the same rows in all, texts of 16 to 256 tokens as news have
them. What the invocation itself costs around the handler is `--invoke-ms`: 5 ms, what a warm Invoke of an empty handler
takes (infra/benchmarks/lambda_executor says so for the embedded cloud).
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "cold_start"))
import measure as cold_start  # noqa: E402 - a script beside this one
import real_size  # noqa: E402

SIZES = (1, 2, 4, 8, 16, 32)
ROWS = 32
"""Rows of a round, asked in invocations of each size."""


def texts(count: int) -> list[str]:
    """Texts of 16 to 256 tokens, the same each time."""
    source = random.Random(2)  # noqa: S311 - reproducible, not secret
    words = list(real_size.words(5_000))
    return [" ".join(source.choices(words, k=round(2 ** source.uniform(4, 8)))) for _ in range(count)]


def measure(bundle: Path, digest: str, task: str, layers: Path, rounds: int) -> dict[int, list[list[float]]]:
    """Seconds of each invocation: size -> round -> invocation."""
    with cold_start.bucket(bundle.parent) as endpoint, tempfile.TemporaryDirectory() as scratch:
        pins = cold_start.pinned(endpoint, task, bundle, digest)
        handler = str(cold_start.ROOT / "functions" / "predict" / "handler.py")
        asked = Path(scratch) / "asked.json"
        asked.write_text(json.dumps({"texts": texts(ROWS), "sizes": SIZES, "rounds": rounds}))
        environment = cold_start.variables(layers, Path(scratch), pins)
        _, output = cold_start.run([str(HERE / "invocations.py"), handler, str(asked)], environment)
    taken: dict[str, list[list[float]]] = json.loads(output.rpartition("SEEN ")[2])
    return {int(size): found for size, found in taken.items()}


def figures(taken: dict[int, list[list[float]]], invoke_ms: float) -> list[dict[str, Any]]:
    """A line per size: rows a second with and without what an invocation costs around the handler, and waits."""
    lines = []
    for size, found in taken.items():
        handler = statistics.median(sum(each) for each in found)
        calls = sorted(seconds for each in found for seconds in each)
        lines.append(
            {
                "rows_per_call": size,
                "rows_per_second": round(ROWS / handler, 2),
                "with_invocation": round(ROWS / (handler + ROWS / size * invoke_ms / 1000), 2),
                "call_ms_median": round(statistics.median(calls) * 1000, 1),
                "call_ms_longest": round(calls[-1] * 1000, 1),
            }
        )
    return lines


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--family", choices=sorted(real_size.SIZES), default="distilbert")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--bundle", type=Path, help="a bundle made before by real_size.py; default: made anew")
    options.add_argument("--invoke-ms", type=float, default=5.0)
    options.add_argument("--json", type=Path, help="where to write the figures")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as made:
        layers, bundle = Path(made) / "layers", given.bundle or Path(made) / "bundles" / given.family
        cold_start.build_layers(layers)
        cold_start.compile_runtime(layers)
        if not given.bundle:
            real_size.write(given.family, bundle)
        digest, task = real_size.digest_of(bundle), real_size.SIZES[given.family][2]
        lines = figures(measure(bundle.resolve(), digest, task, layers, given.rounds), given.invoke_ms)
    if given.json:
        given.json.write_text(json.dumps({"lines": lines, "machine": cold_start.machine()}, indent=2) + "\n")
    sys.stdout.write(f"{given.family} int8, {ROWS} texts of 16 to 256 tokens, medians of {given.rounds} rounds\n")
    sys.stdout.write("rows a call   rows/s   with invocation   call ms: median   longest\n")
    for line in lines:
        sys.stdout.write("{:11d} {:8.2f} {:17.2f} {:17.1f} {:9.1f}\n".format(*line.values()))
    on = cold_start.machine()
    sys.stdout.write(f"on one core of {on['cpu']}, {on['system']}, Python {on['python']}, load {on['load_average']}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
