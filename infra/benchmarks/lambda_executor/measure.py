"""Measures what our Lambda executor costs: warm invocations of an empty handler through LocalStack's Invoke API.

    .venv/bin/python infra/benchmarks/lambda_executor/measure.py [--json] [--count 200] [--endpoint URL]

Starts a cloud of its own on a free port and stops it afterwards; with --endpoint it measures one that runs. What is
measured is the whole way of one boto3 call: client, gateway, executor, process, and back.
"""

import argparse
import io
import json
import os
import platform
import socket
import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3

from infolens_cli import cloud
from infolens_cli.processor import processor_name

TARGET_MS = 20.0
WARM_UP = 20
FUNCTION = "benchmark-empty-handler"


def machine() -> dict[str, Any]:
    """Return what a figure needs beside it to mean anything."""
    return {
        "cpu": processor_name(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def measure(endpoint_url: str, count: int) -> list[float]:
    """Return the milliseconds of ``count`` warm invocations."""
    function = boto3.client(
        "lambda",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 (the embedded cloud takes any)
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", "def handler(event, context):\n    return None\n")
    function.create_function(
        FunctionName=FUNCTION,
        Runtime="python3.11",
        Handler="index.handler",
        Role="arn:aws:iam::000000000000:role/benchmark",
        Code={"ZipFile": packed.getvalue()},
        MemorySize=256,
    )
    try:
        function.get_waiter("function_active_v2").wait(FunctionName=FUNCTION)
        taken = []
        for _ in range(WARM_UP + count):
            began = time.perf_counter()
            answer = function.invoke(FunctionName=FUNCTION, Payload=b"{}")
            answer["Payload"].read()
            taken.append((time.perf_counter() - began) * 1000)
            if "FunctionError" in answer:
                raise RuntimeError("the empty handler failed")
    finally:
        function.delete_function(FunctionName=FUNCTION)
    return taken[WARM_UP:]


def report(taken: Sequence[float]) -> dict[str, Any]:
    """Return the figures of a series."""
    ordered = sorted(taken)
    return {
        "what": "warm Invoke of an empty handler, milliseconds",
        "count": len(ordered),
        "median_ms": round(statistics.median(ordered), 2),
        "p95_ms": round(ordered[int(len(ordered) * 0.95) - 1], 2),
        "max_ms": round(ordered[-1], 2),
        "target_median_ms": TARGET_MS,
        "met": statistics.median(ordered) < TARGET_MS,
        "machine": machine(),
    }


def main() -> int:
    """Measure and print; return 1 when the target is missed."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--json", action="store_true", help="print JSON")
    options.add_argument("--count", type=int, default=200, help="invocations to measure")
    options.add_argument("--endpoint", help="a cloud that runs; default: one of its own")
    given = options.parse_args()
    if given.endpoint:
        figures = report(measure(given.endpoint, given.count))
    else:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        state_dir = Path(tempfile.mkdtemp()) / "cloud"
        try:
            figures = report(measure(cloud.start(state_dir, port).endpoint_url, given.count))
        finally:
            cloud.stop(state_dir)
            state_dir.parent.rmdir()
    if given.json:
        print(json.dumps(figures, indent=2))
    else:
        on = figures["machine"]
        print(f"{figures['what']}: median {figures['median_ms']}, p95 {figures['p95_ms']}, max {figures['max_ms']}")
        verdict = "met" if figures["met"] else "MISSED"
        print(f"over {figures['count']} calls; target median under {TARGET_MS}: {verdict}")
        print(f"on {on['cpu']}, {on['cores']} cores, {on['system']}, Python {on['python']}, load {on['load_average']}")
    return 0 if figures["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
