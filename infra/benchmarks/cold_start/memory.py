"""Measures what a predict function holds in memory with each bundle given: the whole process with its libraries.

    python infra/benchmarks/cold_start/memory.py BUNDLE [BUNDLE ...] [--json FILE]

A bundle is a folder that an export or real_size.py has written; its manifest names the task. The process is the one of
measure.py; it answers the task's own sample and, where the task reads texts, one of 12,000 characters (S0-30), in turn.
Lambda bills and limits what is resident; S1-11 asks for less than 512 MB.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import measure  # beside this script
import real_size

from infolens import codec
from infolens.contracts.bundle import MANIFEST_NAME, BundleManifest
from infolens.serving.documents import MAX_TEXT
from infolens.serving.loading import warm_up_inputs

LIMIT_MB = 512 * 1.048576
"""S1-11, in 10^6 bytes."""

REQUESTS = 12


def inputs_of(task: str) -> list[dict[str, object]]:
    """The sample that warms the model up, and the longest text that the API takes."""
    (given,) = warm_up_inputs(task)
    if "text" not in given:
        return [given]
    longest = real_size.text(MAX_TEXT // 4)[:MAX_TEXT]
    return [given, {**given, "text": longest}]


def hold(bundle: Path, layers: Path) -> dict[str, Any]:
    """Start a predict function with a bundle, ask it, and say what it holds."""
    task = codec.from_json(BundleManifest, (bundle / MANIFEST_NAME).read_bytes()).task
    with measure.bucket(bundle.parent) as endpoint:
        pins = {
            "AWS_ENDPOINT_URL": endpoint,
            "TASK": task,
            "BUNDLE_URI": f"s3://models/{bundle.name}/",
            "BUNDLE_DIGEST": real_size.digest_of(bundle),
            "RUN_ID": "memory",
            "DATASET_ID": "none",
        }
        seen = measure.start(layers, pins, inputs_of(task), requests=REQUESTS)
    return {
        "task": task,
        "bundle_mb": round(sum(path.stat().st_size for path in bundle.iterdir()) / 1e6, 1),
        "resident_mb": round(seen["resident_mb"], 1),
        "peak_mb": round(seen["peak_mb"], 1),
        "met": seen["peak_mb"] <= LIMIT_MB,
    }


def main() -> int:
    """Measure and print; return 1 when a bundle takes more than the limit."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("bundles", nargs="+", type=Path)
    options.add_argument("--json", type=Path, help="where to write the figures")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as made:
        layers = Path(made) / "layers"
        measure.build_layers(layers)
        measure.compile_runtime(layers)
        lines = [hold(bundle.resolve(), layers) for bundle in given.bundles]
    if given.json:
        given.json.write_text(json.dumps({"lines": lines, "machine": measure.machine()}, indent=2) + "\n")
    sys.stdout.write(f"{'task':22}  bundle MB   resident MB    peak MB   limit {LIMIT_MB:.0f}\n")
    for line in lines:
        verdict = "met" if line["met"] else "MISSED"
        figures = f"{line['bundle_mb']:10.1f} {line['resident_mb']:13.1f} {line['peak_mb']:10.1f}"
        sys.stdout.write(f"{line['task']:22} {figures}   {verdict}\n")
    return 0 if all(line["met"] for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
