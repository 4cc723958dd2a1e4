"""Measures every task on real files, as it would be served: one JSON line for each, and the table of them all.

    python infra/benchmarks/tasks/measure.py [TASK ...] --data ../shared/data [--profile cpu] [--base-model DIRECTORY]

A task is measured when `infra/benchmarks/tasks/<task>.py` says with which files (`FILES`, below the data folder, in the
order of their upload), by which metric (`HEADLINE`) and against what (`baseline`). Files are read, cleaned and split by
ingest's own code; training, export and evaluation are the very job scripts that SageMaker runs; gates and parity are
the product's. The baseline gets the same examples. The test split is looked at once, here.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import os
import platform
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from infolens.gates import refusals
from infolens.ml.bundle import digest_of, verify
from infolens.ml.training.quantisation import EXACT, read_exact
from infolens.ml.training.rehearsal import rehearse, take_files
from infolens.tasks import part_of, task_names
from infolens_cli.processor import processor_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infolens.contracts.bundle import BundleManifest

HERE = Path(__file__).parent


def measured_tasks() -> list[str]:
    """Tasks that say how they are measured."""
    return [name for name in task_names() if (HERE / f"{name}.py").is_file()]


def machine() -> str:
    """Processor, cores and threads; times mean nothing without them, nor without the load that a line has."""
    threads = os.environ.get("OMP_NUM_THREADS", "not set")
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores of {processor_name()}, OMP_NUM_THREADS {threads}, {system}"


def measure(task: str, given: argparse.Namespace, work: Path) -> dict[str, object]:
    """Take one task from its files to its figures."""
    how = importlib.import_module(task)  # beside this script
    dataset = work / "dataset"
    taken = take_files(task, [given.data / name for name in how.FILES], dataset, rows_of_each=given.rows_of_each)
    options = ["--seed", str(given.seed), *(("--base-model", given.base_model) if given.base_model else ())]
    for name, _, value in (each.partition("=") for each in given.set):
        options += [f"--{name}", value]
    done = rehearse(task, dataset, work / "ml", profile=given.profile, options=options)
    began = time.perf_counter()
    examples = part_of(task, "examples").examples
    baseline = how.baseline(examples(dataset, "train"), examples(dataset, "test"))
    note, exact = read_exact(done.bundle.parent / EXACT, done.bundle)
    in_32_bits = verify(exact, digest_of(exact)) if note.quantised else done.manifest
    return {
        "task": task,
        "files": list(how.FILES),
        "profile": given.profile,
        "base_model": Path(given.base_model).name,
        "set": given.set,
        "rows_in": taken.rows_in,
        "rows": taken.kept,
        "duplicates": taken.duplicates,
        "rejected": taken.rejected,
        "splits": taken.splits,
        "held_out": done.report.rows,
        "headline": how.HEADLINE,
        "floor": floor_of(task, how.HEADLINE),
        "metrics": done.report.metrics,
        "slices": done.report.slices,
        "validation": done.manifest.metrics,
        "baseline": baseline,
        "baseline_seconds": time.perf_counter() - began,
        "baseline_name": getattr(how, "BASELINE", ""),
        "seconds": done.seconds,
        "bundle_mb": megabytes(done.manifest),
        "bundle_mb_fp32": megabytes(in_32_bits),
        "quantised": note.quantised,
        "parity": {
            "rows": done.parity.rows,
            "mean": done.parity.mean_difference,
            "max": done.parity.max_difference,
            "flips": done.parity.label_flips,
        },
        "passed": done.verdict.passed,
        "refusals": list(refusals(done.verdict)),
    }


def megabytes(manifest: BundleManifest) -> float:
    """Size of a bundle's files, in 10^6 bytes."""
    return sum(file.size for file in manifest.files) / 1e6


def floor_of(task: str, metric: str) -> float | None:
    """Limit of the task's gate on the metric as a whole; None when there is none."""
    limits = (gate.limit for gate in part_of(task, "gates").GATES if gate.metric == metric and not _slice_of(gate))
    limit = next(limits, None)
    return limit if limit is not None and math.isfinite(limit) else None


def _slice_of(gate: object) -> str:
    return str(getattr(gate, "slice", ""))


def table(lines: Iterable[dict[str, object]]) -> str:
    """Lay the figures out as a Markdown table."""
    head = (
        "task",
        "rows (held out)",
        "metric on held-out real rows",
        "floor",
        "classical baseline",
        "training s",
        "bundle MB (fp32, int8)",
        "parity (mean, max difference, label flips)",
        "verdict",
    )
    rows = [head, ("---",) * len(head), *(_cells(line) for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cells(line: dict[str, object]) -> tuple[str, ...]:
    if "error" in line:
        return (str(line["task"]), *["-"] * 7, f"not measured: {str(line['error']).splitlines()[-1][:120]}")
    name, metrics, baseline, parity = (line[key] for key in ("headline", "metrics", "baseline", "parity"))
    beside = f"{baseline.get(name, math.nan):.3f}" + (f" ({line['baseline_name']})" if line["baseline_name"] else "")
    int8 = _megabytes(line["bundle_mb"]) if line["quantised"] else "not quantised"
    return (
        str(line["task"]),
        f"{line['rows']:,} ({line['held_out']:,})",
        f"{name} **{metrics.get(name, math.nan):.3f}**",
        "-" if line["floor"] is None else f"{line['floor']:.2f}",
        beside,
        f"{line['seconds']['train']:.0f}",
        f"{_megabytes(line['bundle_mb_fp32'])}, {int8}",
        f"{parity['mean']:.2g}, {parity['max']:.2g}, {parity['flips']:.2%}",
        "passes" if line["passed"] else "refused: " + "; ".join(line["refusals"]),
    )


def _megabytes(size: float) -> str:
    return f"{size:.1f}" if size >= 1 else f"{size:.2g}"


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.is_file() else []


def main() -> None:
    """Measure and print; ends with 1 when a task was refused or could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="default: every task that says how")
    parser.add_argument("--data", type=Path, required=True, help="folder of the public data sets")
    parser.add_argument("--profile", default="cpu")
    parser.add_argument("--base-model", default="", help="directory or hub id of a pretrained encoder to fine-tune")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the profile")
    parser.add_argument("--rows-of-each", type=int, default=None, help="rows of each file, for a quick trial")
    parser.add_argument("--work", type=Path, default=None, help="folder to keep everything in, one below it per task")
    parser.add_argument("--keep", type=Path, default=None, help="file of lines; what is in it is not measured again")
    given = parser.parse_args()

    kept = {line["task"]: line for line in map(json.loads, _lines(given.keep) if given.keep else [])}
    lines: list[dict[str, object]] = []
    for task in given.tasks or measured_tasks():
        lines.append(kept.get(task) or measured(task, given))
        print(json.dumps(lines[-1]), flush=True)
        if given.keep and task not in kept and "error" not in lines[-1]:
            with given.keep.open("a") as file:
                file.write(json.dumps(lines[-1]) + "\n")
    machines = sorted({str(line["machine"]) for line in lines if "machine" in line})
    loads = [float(str(line["load"])) for line in lines if "load" in line]
    busy = f", load at the start {min(loads):.1f} to {max(loads):.1f}" if loads else ""
    print(f"\nMeasured on {'; '.join(machines)}{busy}.\n\n{table(lines)}")
    sys.exit(not all(line.get("passed") for line in lines))


def measured(task: str, given: argparse.Namespace) -> dict[str, object]:
    """Measure one task; what goes wrong is its line, for the others are still to be measured."""
    told = {"machine": machine(), "load": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as scratch:
        try:
            return measure(task, given, (given.work or Path(scratch)) / task) | told
        except Exception as error:  # noqa: BLE001 - whatever it is
            traceback.print_exc()
            return {"task": task, "error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()
