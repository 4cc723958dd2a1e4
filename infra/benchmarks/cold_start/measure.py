"""Measures cold and warm starts of a predict function apart, beside a script that does the same by hand.

    python infra/benchmarks/cold_start/measure.py [--family distilbert] [--rounds 7] [--json FILE]

Each start is a fresh process on one core, which is what PredictMemory's 1769 MB are, with Lambda's own interpreter, the
layers as `sam build` makes them and a bundle of real size. The bundle comes from a bucket on loopback with the first
byte after 25 ms and 85 MB/s per connection (bucket.py). Kinds of start take turns; medians; pages are cached.

- `ours`: the predict function: import, download, digest, session, warm-up, then the first request;
- `no byte code`: the same from layers without byte code, as they were once built;
- `by hand`: the least that does the same: boto3's download_file, digest, session, first answer (by_hand.py);
- `floor`: the same with the bundle on the disk and without boto3: imports, session, first answer.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import real_size  # beside this script

from infolens_cli.processor import processor_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
LAMBDA_PYTHON = ROOT / ".venvs" / "lambda" / "bin" / "python"
TARGET = 1.15
"""Cold start over that of the script by hand."""

LAYERS = ("platform", "inference")
TOKENS = 128
WARM_REQUESTS = 12


def build_layers(into: Path) -> None:
    """Build the two layers of a predict function for this machine's Python."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    uv = Path(sys.executable).with_name("uv")
    for name in LAYERS:
        command = ["make", "--silent", "--directory", str(ROOT / "layers" / name), f"build-{name.capitalize()}Layer"]
        command += [f"UV={uv}", f"RUNTIME_PYTHON={version}", f"ARTIFACTS_DIR={into / name}"]
        (into / name).mkdir(parents=True)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def compile_runtime(layers: Path) -> None:
    """Put Lambda's own libraries (boto3) beside the layers, compiled as Lambda has them."""
    (site,) = LAMBDA_PYTHON.parents[1].glob("lib/python3*/site-packages")
    shutil.copytree(site, layers / "runtime" / "python")
    command = [str(LAMBDA_PYTHON), "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([*command, str(layers / "runtime" / "python")], check=True, stdout=subprocess.DEVNULL)


def without_byte_code(layers: Path, into: Path) -> Path:
    """Copy layers less their byte code; the runtime keeps its own."""
    for name in LAYERS:
        shutil.copytree(layers / name, into / name, ignore=shutil.ignore_patterns("__pycache__"))
    (into / "runtime").symlink_to(layers / "runtime")
    return into


def variables(layers: Path, scratch: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Environment of an execution environment, as Lambda and the template set it."""
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "PYTHONPATH": os.pathsep.join(str(layers / name / "python") for name in (*LAYERS, "runtime")),
        "PYTHONDONTWRITEBYTECODE": "1",  # Lambda's code folders are read-only
        "TMPDIR": str(scratch),
        "HOME": str(scratch),
        "AWS_LAMBDA_FUNCTION_NAME": "predict",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "POWERTOOLS_SERVICE_NAME": "predict",
        "POWERTOOLS_METRICS_NAMESPACE": "InfoLens",
        "POWERTOOLS_LOG_LEVEL": "INFO",
        **given,
    }


@contextmanager
def bucket(root: Path) -> Iterator[str]:
    """Serve a folder as a bucket, on the core that the measured process has not; gives the endpoint."""
    server = subprocess.Popen([sys.executable, str(HERE / "bucket.py"), str(root)], stdout=subprocess.PIPE, text=True)
    try:
        os.sched_setaffinity(server.pid, set(cores()[1:]) or {cores()[0]})
        yield (server.stdout.readline() if server.stdout else "").strip()
    finally:
        server.kill()
        server.wait()


def cores() -> list[int]:
    """Cores that this process may use."""
    return sorted(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Took:
    """What a process took, from its start to its end."""

    seconds: float
    processor_seconds: float
    """Of its core, which neighbours on the machine lengthen less than they do the clock's."""


def run(command: list[str], environment: Mapping[str, str]) -> tuple[Took, str]:
    """Run on one core; return what it took, and its output."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [str(LAMBDA_PYTHON), "-s", *command],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, {cores()[0]}),
    )
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Took(seconds, processor), done.stdout


def start(
    layers: Path, given: Mapping[str, str], inputs: Sequence[Mapping[str, object]], requests: int = 1
) -> dict[str, Any]:
    """Start the predict function once, and ask it for one input after the other."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [str(HERE / "lambda_process.py"), str(ROOT / "functions" / "predict" / "handler.py"), str(requests)]
        took, output = run([*command, json.dumps(inputs)], variables(layers, Path(scratch), given))
    seen: dict[str, Any] = json.loads(output.rpartition("SEEN ")[2])
    if seen["problems"]:
        raise RuntimeError(f"it did not answer: {seen['problems']}")
    return seen | {"took": took}


def start_by_hand(kind: str, layers: Path, given: Mapping[str, str], bundle: Path, text: str) -> Took:
    """Run the script by hand; return what its process took."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [str(HERE / "by_hand.py"), kind, str(bundle), text]
        return run(command, variables(layers, Path(scratch), given))[0]


def machine() -> dict[str, object]:
    """What a figure needs beside it to mean anything."""
    return {
        "cpu": processor_name(),
        "cores_used": 1,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def pinned(endpoint: str, task: str, bundle: Path, digest: str) -> dict[str, str]:
    """Variables by which a version of the predict function finds its bundle."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "TASK": task,
        "BUNDLE_URI": f"s3://models/{bundle.name}/",
        "BUNDLE_DIGEST": digest,
        "RUN_ID": "real-size",
        "DATASET_ID": "none",
    }


def measure(family: str, bundle: Path, digest: str, layers: Path, rounds: int) -> dict[str, Any]:
    """Let all kinds of start take turns, and return the figures."""
    task = real_size.SIZES[family][2]
    plain = without_byte_code(layers, layers.parent / "layers-without-byte-code")
    text = real_size.text(TOKENS)
    kinds: dict[str, list[Took]] = {"ours": [], "no byte code": [], "by hand": [], "floor": []}
    inits: list[float] = []
    firsts: list[float] = []
    with bucket(bundle.parent) as endpoint:
        pins = pinned(endpoint, task, bundle, digest)
        for _ in range(rounds):
            seen = start(layers, pins, [{"text": text}])
            kinds["ours"].append(seen["took"])
            inits.append(seen["init_seconds"])
            firsts.append(seen["requests"][0])
            kinds["no byte code"].append(start(plain, pins, [{"text": text}])["took"])
            kinds["by hand"].append(start_by_hand("by_hand", layers, pins, bundle, text))
            kinds["floor"].append(start_by_hand("floor", layers, pins, bundle, text))
        warm = start(layers, pins, [{"text": text}], requests=WARM_REQUESTS)
    median = {kind: statistics.median(took.seconds for took in taken) * 1000 for kind, taken in kinds.items()}
    processor = {
        kind: statistics.median(took.processor_seconds for took in taken) * 1000 for kind, taken in kinds.items()
    }
    rounds_of_both = list(zip(kinds["ours"], kinds["by hand"], strict=True))
    ratios = [ours.seconds / hand.seconds for ours, hand in rounds_of_both]
    processor_ratios = [ours.processor_seconds / hand.processor_seconds for ours, hand in rounds_of_both]
    return {
        "family": family,
        "bundle_mb": sum(path.stat().st_size for path in bundle.iterdir()) / 1e6,
        "rounds": rounds,
        "cold_ms": {kind: round(value, 1) for kind, value in median.items()},
        "cold_processor_ms": {kind: round(value, 1) for kind, value in processor.items()},
        "init_ms": round(statistics.median(inits) * 1000, 1),
        "first_request_ms": round(statistics.median(firsts) * 1000, 1),
        "warm_request_ms": round(statistics.median(warm["requests"][1:]) * 1000, 1),
        "resident_mb": round(warm["resident_mb"], 1),
        "peak_mb": round(warm["peak_mb"], 1),
        "over_by_hand": round(statistics.median(ratios), 3),
        "processor_over_by_hand": round(statistics.median(processor_ratios), 3),
        "target": TARGET,
        "met": statistics.median(ratios) <= TARGET,
        "machine": machine(),
    }


def main() -> int:
    """Measure and print; return 1 when the target is missed."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--family", choices=sorted(real_size.SIZES), default="distilbert")
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--bundle", type=Path, help="a bundle made before by real_size.py; default: made anew")
    options.add_argument("--json", type=Path, help="where to write the figures")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as made:
        layers, bundle = Path(made) / "layers", given.bundle or Path(made) / "bundles" / given.family
        build_layers(layers)
        compile_runtime(layers)
        if not given.bundle:
            real_size.write(given.family, bundle)
        figures = measure(given.family, bundle.resolve(), real_size.digest_of(bundle), layers, given.rounds)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n")
    show(figures)
    return 0 if figures["met"] else 1


def show(figures: Mapping[str, Any]) -> None:
    """Print the figures for a reader."""
    on, verdict = figures["machine"], "met" if figures["met"] else "MISSED"
    lines = [
        f"{figures['family']} int8, {figures['bundle_mb']:.0f} MB, {TOKENS} tokens, medians of {figures['rounds']}:",
        *(
            f"  cold, {kind:13} {value:8.1f} ms, {figures['cold_processor_ms'][kind]:8.1f} ms of processor"
            for kind, value in figures["cold_ms"].items()
        ),
        f"  of ours: init {figures['init_ms']} ms, first request {figures['first_request_ms']} ms",
        f"  warm request {figures['warm_request_ms']} ms",
        f"  resident {figures['resident_mb']} MB, peak {figures['peak_mb']} MB",
        f"  ours over by hand, round by round: {figures['over_by_hand']} (target {figures['target']}: {verdict})",
        f"  the same of processor time: {figures['processor_over_by_hand']}",
        f"on one core of {on['cpu']}, {on['system']}, Python {on['python']}, load {on['load_average']}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
