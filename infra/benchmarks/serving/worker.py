"""One engine as a process: loads its model, then answers what its standard input asks, line by line in JSON.

    python worker.py ENGINE VARIANT MODEL FOLDER THREADS

It says first that it is ready, or why not. A question names texts by their places in a list; the answer holds seconds
for each, taken here, so that no pipe is measured. Nothing but the standard library here: each engine runs in its own
environment.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

STATUS = Path("/proc/self/status")


def main() -> None:
    """Load and answer until the input ends."""
    module, variant, model, folder, threads = sys.argv[1:6]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print; what they say must not mix with the answers
    sys.path.insert(0, str(Path(__file__).resolve().parent / "engines"))
    began = time.perf_counter()
    try:
        engine = importlib.import_module(module).Engine(variant, model, Path(folder), int(threads))
    except Exception as error:  # noqa: BLE001 - the reason goes into the table
        _say(answers, {"error": f"{type(error).__name__}: {error}"})
        return
    _say(
        answers,
        {
            "load_seconds": time.perf_counter() - began,
            "bytes": sum(_size(path) for path in engine.files),
            "versions": engine.versions,
            "loaded_mb": resident_mb(),
        },
    )
    for line in sys.stdin:
        question: dict[str, Any] = json.loads(line)
        try:
            _say(answers, answered(engine, question))
        except Exception as error:  # noqa: BLE001 - the same
            _say(answers, {"error": f"{type(error).__name__}: {error}"})


def answered(engine: Any, question: dict[str, Any]) -> dict[str, object]:  # noqa: ANN401 - any engine
    """Take the time of each item, or, for "outcome", give what the engine says to one."""
    if question["ask"] == "outcome":
        return {"outcome": engine.outcome(question["items"][0])}
    for item in question["warm"]:
        engine.answer(item)
    seconds = []
    for item in question["items"]:
        began = time.perf_counter()
        engine.answer(item)
        seconds.append(time.perf_counter() - began)
    told = engine.measured() if hasattr(engine, "measured") else {}
    return {"seconds": seconds, "resident_mb": resident_mb(), **told}


def resident_mb() -> float:
    """Resident memory of this process, in 10^6 bytes, mapped files included."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024 / 1e6


def _size(path: Path) -> int:
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file()) if path.is_dir() else path.stat().st_size


def _say(answers: Any, what: dict[str, object]) -> None:  # noqa: ANN401 - a file
    print(json.dumps(what), file=answers, flush=True)


if __name__ == "__main__":
    main()
