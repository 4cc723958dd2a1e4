"""Measures serving: ours and its peers side by side, asked in turn in one run on the same texts.

    python infra/benchmarks/serving/measure.py [--only distilbert,bart] [--threads 2] [--rounds 7] [--work FOLDER]
    python infra/benchmarks/serving/measure.py --list
    python infra/benchmarks/serving/measure.py --report              # tables and picture of what has been measured

Each part is measured by itself, within its own 140 seconds, and kept below the work folder, so that a run can be
cut into quiet pieces; the report is made of all pieces. README.md beside this script says what the figures mean.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import models
import tables
import task_bundles
from cases import PARTS, ROOF, ROOT, SIZES, chosen
from workers import EngineFailedError, Worker

from infolens_cli.processor import instruction_sets, processor_name

if TYPE_CHECKING:
    from cases import Case, Part

HERE = Path(__file__).resolve().parent
WORK = ROOT / ".infolens" / "benchmarks" / "serving"
COLD_START = HERE.parent / "cold_start" / "measure.py"
REFERENCE = "torch fp32"
MARGIN = 1.2
"""A round may take so many times the longest one before it."""

PAUSE = 0.05
"""Seconds after an engine's turn: the threads of some spin on for a while, and would take the next one's cores."""


def main() -> None:
    """Prepare, measure and report what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="parts by the beginnings of their names, separated by commas")
    parser.add_argument("--threads", type=int, default=2, help="of every engine alike")
    parser.add_argument(
        "--without-amx", action="store_true", help="let no engine use AMX, as on most of Lambda's processors"
    )
    parser.add_argument("--rounds", type=int, default=0, help="of each part; 0: the part's own number")
    parser.add_argument("--work", type=Path, default=WORK, help="keeps models and measured parts for the next call")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of results.json, results.md and results.svg")
    parser.add_argument("--prepare", action="store_true", help="only make what is missing of models and bundles")
    parser.add_argument("--measure", action="store_true", help="only measure; models must be there")
    parser.add_argument("--report", action="store_true", help="only lay out what has been measured")
    parser.add_argument("--list", action="store_true", help="name the parts")
    given = parser.parse_args()
    try:
        parts = chosen(given.only)
    except ValueError as error:
        parser.error(str(error))
    if given.list:
        print("\n".join(part.name for part in parts))
        return
    everything = not (given.prepare or given.measure or given.report)
    if given.prepare or everything:
        prepare(parts, given.work)
    if given.measure or everything:
        for part in parts:
            measured = measure(part, given.work, given.threads, given.rounds or part.rounds, amx=not given.without_amx)
            _keep(given.work, f"{part.name}-{given.threads}{'-without-amx' if given.without_amx else ''}", measured)
    if everything and not given.only and COLD_START.is_file():
        cold_start(given.work)
    if given.report or everything:
        write_report(given.work, given.out)


def prepare(parts: list[Part], work: Path) -> None:
    """Make the models and bundles that the parts need and that are not there."""
    wanted = {case.model for part in parts for case in part.cases}
    for model in SIZES:
        if model in wanted:
            # A process of its own: exporting takes memory that measuring needs.
            command = [sys.executable, str(HERE / "models.py"), str(work), "--only", model]
            subprocess.run(command, check=True, env=_project_env())
    for part in parts:
        for case in part.cases:
            if case.model == "task":
                task_bundles.make(case.name, work)


def measure(part: Part, work: Path, threads: int, rounds: int, *, amx: bool) -> dict[str, Any]:
    """Ask all engines of a part in turn, round by round, and give everything they said."""
    began = time.perf_counter()
    how = f"{threads} threads{'' if amx else ' without AMX'}"
    print(f"\n{part.name}: {len(part.engines)} engines, {how}, {rounds} rounds", flush=True)
    with contextlib.ExitStack() as stack:
        workers: dict[str, Worker] = {}
        failed: dict[str, str] = {}
        for engine in (*part.engines, *(() if part.cases[0].model == "task" else (ROOF,))):
            model = part.cases[0].model if part.cases[0].model != "task" else part.cases[0].name
            try:
                worker = stack.enter_context(Worker(engine, model, work, threads, amx=amx))
            except EngineFailedError as error:
                failed[engine.name] = str(error)
                print(f"  {engine.name}: not measured: {error}", flush=True)
                continue
            workers[engine.name] = worker
            print(f"  {engine.name}: ready in {worker.loaded['load_seconds']:.1f} s", flush=True)
        said = Measuring(part, workers, failed, items_of(part, work))
        said.outcomes()
        longest = 0.0
        for number in range(rounds):
            now = time.perf_counter()
            if number and now - began + MARGIN * longest > part.seconds:
                print(f"  stopped after {number} rounds: another would end after {part.seconds} s", flush=True)
                break
            said.round(number)
            longest = max(longest, time.perf_counter() - now)
        return said.result() | {
            "part": part.name,
            "threads": threads,
            "amx": amx,
            "machine": machine(),
            "taken": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(time.perf_counter() - began, 1),
        }


class Measuring:
    """The rounds of one part."""

    def __init__(
        self, part: Part, workers: dict[str, Worker], failed: dict[str, str], items: dict[str, list[dict[str, object]]]
    ) -> None:
        """Take the workers that are ready, and the items of each case."""
        self._part, self._workers, self._failed, self._items = part, workers, failed, items
        self._seconds: dict[str, dict[str, list[list[float]]]] = {case.name: {} for case in part.cases}
        self._outcomes: dict[str, dict[str, list[float]]] = {case.name: {} for case in part.cases}
        self._resident: dict[str, float] = {}
        self._rates: dict[str, list[float]] = {}

    def outcomes(self) -> None:
        """Ask each engine once what it says: it warms up, and answers can be compared."""
        for case in self._part.cases:
            for name in [name for name in self._workers if name != ROOF.name]:
                said = self._asked(name, {"ask": "outcome", "items": self._items[case.name][:1]})
                if said is not None:
                    self._outcomes[case.name][name] = said["outcome"]

    def round(self, number: int) -> None:
        """Ask each engine for each case; another engine begins each time."""
        names = [name for name in self._workers if name != ROOF.name]
        turn = number % max(len(names), 1)
        for case in self._part.cases:
            items = self._items[case.name]
            counted = [items[(number * case.asks + at) % len(items)] for at in range(case.asks)]
            warm = [counted[0]] * case.warm
            for name in names[turn:] + names[:turn]:
                said = self._asked(name, {"ask": "answer", "items": counted, "warm": warm})
                if said is None:
                    continue
                self._seconds[case.name].setdefault(name, []).append(said["seconds"])
                self._resident[name] = max(self._resident.get(name, 0.0), said["resident_mb"])
        if ROOF.name in self._workers:
            said = self._asked(ROOF.name, {"ask": "answer", "items": [{}], "warm": []})
            for name, rate in (said or {}).get("rates", {}).items():
                self._rates.setdefault(name, []).append(rate)

    def result(self) -> dict[str, Any]:
        """Give all that was found; what an engine answered before it failed is left out."""
        return {
            "cases": {
                case.name: {
                    "model": case.model,
                    "tokens": case.tokens,
                    "written": case.written,
                    "beams": case.beams,
                    "engines": {
                        name: {"seconds": rounds, "outcome": self._outcomes[case.name].get(name)}
                        for name, rounds in self._seconds[case.name].items()
                        if name not in self._failed
                    },
                }
                for case in self._part.cases
            },
            "engines": {
                name: worker.loaded | {"resident_mb": self._resident.get(name), "ours": worker.engine.ours}
                for name, worker in self._workers.items()
            },
            "failed": self._failed,
            "rates": self._rates,
        }

    def _asked(self, name: str, question: dict[str, object]) -> dict[str, Any] | None:
        if name in self._failed:
            return None
        time.sleep(PAUSE)
        try:
            return self._workers[name].ask(question)
        except EngineFailedError as error:
            self._failed[name] = str(error)
            print(f"  {name}: {error}", flush=True)
            return None


def items_of(part: Part, work: Path) -> dict[str, list[dict[str, object]]]:
    """Give what is asked in each case."""
    return {case.name: _items(case, work) for case in part.cases}


def _items(case: Case, work: Path) -> list[dict[str, object]]:
    if case.model == "task":
        return task_bundles.items(case.name)
    texts = json.loads((work / case.model / "texts.json").read_text())[str(case.tokens)]
    how = {"written": case.written, "beams": case.beams, "no_repeat": models.NO_REPEAT} if case.written else {}
    return [{"text": text} | how for text in texts]


def machine() -> dict[str, str]:
    """Say on what was measured."""
    useful = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_int8")
    there = instruction_sets()
    return {
        "processor": processor_name(),
        "cores": str(os.cpu_count()),
        "instructions": " ".join(name for name in useful if name in there),
        "system": f"{platform.system()}, Python {platform.python_version()}",
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def cold_start(work: Path) -> None:
    """Measure a cold start with its own benchmark, and keep what it prints."""
    print(f"\ncold start: {COLD_START.relative_to(ROOT)}", flush=True)
    done = subprocess.run(
        [sys.executable, str(COLD_START)], env=_project_env(), stdout=subprocess.PIPE, text=True, check=False
    )
    print(done.stdout)
    if not done.returncode:
        _keep(work, "cold-start", {"printed": done.stdout})


def write_report(work: Path, out: Path) -> None:
    """Lay out all parts that have been measured."""
    parts = [json.loads(path.read_text()) for path in sorted((work / "parts").glob("*.json"))]
    cold = next((part["printed"] for part in parts if "printed" in part), "")
    order = list(PARTS)
    measured = [part for part in parts if part.get("part") in PARTS]
    measured.sort(key=lambda part: (-part["threads"], not part["amx"], order.index(part["part"])))
    if not measured:
        print("nothing has been measured yet")
        return
    rows = [row for part in measured for row in tables.rows_of(part, REFERENCE)]
    out.mkdir(parents=True, exist_ok=True)
    whole = {"rows": rows, "parts": [tables.head_of(part) for part in measured]}
    (out / "results.json").write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n")
    text = tables.markdown(rows, [tables.head_of(part) for part in measured], cold)
    (out / "results.md").write_text(text)
    (out / "results.svg").write_text(tables.svg(rows))
    print(text)


def _keep(work: Path, name: str, what: dict[str, Any]) -> None:
    folder = work / "parts"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(what))


def _project_env() -> dict[str, str]:
    return dict(os.environ) | {"PYTHONPATH": str(ROOT / "layers" / "platform")}


if __name__ == "__main__":
    main()
