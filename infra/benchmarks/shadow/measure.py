"""Measures what users pay for a shadow: the API's latency for a task with one, and for a task without, by turns.

    .venv/bin/python infra/benchmarks/shadow/measure.py [--json] [--rounds 6] [--count 60]

Starts a cloud of its own, deploys the template's API, tables and queue around two tasks with the same tiny model, and
asks it over HTTP, each request of one task beside a request of the other, so that whatever else the machine does falls
on both. In each round the other task has the shadow. The copies stay in the queue: what takes them out, and asks the
candidate, is another function with processors of its own on AWS; here it would share these with the users' requests.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import socket
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infolens_cli import cloud

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "tests"))  # the parts that the end-to-end tests deploy

from api_cloud import TEXT, Api  # noqa: E402
from cloud_parts import Cloud  # noqa: E402
from infolens.aws.rollouts import DynamoRollouts  # noqa: E402
from infolens.contracts.rollout import HistoryEvent, Shadow  # noqa: E402
from rollout_fakes import PLAN, record  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

TASKS = ("news_category", "fake_news")
"""Both take the same text; the three models of S0 are deployed anyway."""

MOST_RATIO = 1.05
"""Median with a shadow over median without: what is taken for unchanged."""

_FORGET_SECONDS = 5.3
"""The API knows for five seconds whether a candidate wants copies."""
_WARM_UP = 5
_MODEL_SECONDS = 0.05
_RESAMPLES = 2000

Pair = tuple[float, float]
"""Milliseconds of two requests beside each other: with a shadow, and without."""


class Bench(Api):
    """The API around models that take 50 ms, and rollouts whose shadows go on and off."""

    def __init__(self, running: Cloud) -> None:
        """Deploy, and begin a rollout of each task."""
        super().__init__(running)
        self._store = DynamoRollouts(self.rollouts, running.client("dynamodb"))
        (self._queue,) = [
            url for url in running.client("sqs").list_queues()["QueueUrls"] if f"{self.stack}-ShadowQueue" in url
        ]
        self._on = {}
        shadowed = replace(PLAN, shadow=Shadow(min_pairs=6000, max_seconds=3600))
        for task in TASKS:
            version = self.publish(task, {"label_id": 1, "label": "x", "confidence": 0.8}, seconds=_MODEL_SECONDS)
            self.move(task, version)
            self._on[task] = record(task=task, champion=version, candidate="9", plan=shadowed, step=-1)
            at = self._on[task].step_started_at
            self._store.claim(self._on[task], HistoryEvent(task, "r1", at, "", "started", "", "", 0, (), {}))

    def shadow_only(self, task: str) -> None:
        """Give one task a shadow, and the other none."""
        for each in TASKS:
            now = self._store.current(each)
            self._store.replace(now, self._on[each] if each == task else replace(self._on[each], status="aborted"))
        time.sleep(_FORGET_SECONDS)

    def ask(self, task: str) -> float:
        """Ask one question -> milliseconds, as its user sees them."""
        began = time.perf_counter()
        reply = self.send(f"/tasks/{task}/predictions", {"text": TEXT})
        if reply.status != 200:
            raise RuntimeError(f"the API answered {reply.status}: {reply.body}")
        return (time.perf_counter() - began) * 1000

    def copies(self) -> int:
        """Copies in the queue."""
        name = "ApproximateNumberOfMessages"
        seen = self.cloud.client("sqs").get_queue_attributes(QueueUrl=self._queue, AttributeNames=[name])
        return int(seen["Attributes"][name])


def measured(bench: Bench, rounds: int, count: int) -> list[list[Pair]]:
    """Measure pairs of requests, so many a round; who has the shadow, and who is asked first, goes by turns."""
    taken = []
    for number in range(rounds):
        shadowed, plain = TASKS if number % 2 else TASKS[::-1]
        bench.shadow_only(shadowed)
        before = bench.copies()
        pairs = []
        for turn in range(_WARM_UP + count):
            first = {task: bench.ask(task) for task in ((shadowed, plain) if turn % 2 else (plain, shadowed))}
            pairs.append((first[shadowed], first[plain]))
        copies = bench.copies() - before
        if copies != _WARM_UP + count:
            raise RuntimeError(f"{copies} copies of {_WARM_UP + count} questions: something else was measured")
        taken.append(pairs[_WARM_UP:])
    return taken


def ratio_of(pairs: Sequence[Pair]) -> float:
    """Ratio of the two medians."""
    return statistics.median(one for one, _ in pairs) / statistics.median(other for _, other in pairs)


def report(rounds: Sequence[Sequence[Pair]]) -> dict[str, Any]:
    """Return the figures, with a 95 % interval by drawing pairs again (bootstrap, seeded)."""
    pairs = [pair for one in rounds for pair in one]
    dice = random.Random(1)  # noqa: S311 - figures that come out alike
    ratios = sorted(ratio_of(dice.choices(pairs, k=len(pairs))) for _ in range(_RESAMPLES))
    figures: dict[str, Any] = {"what": f"API latency, model of {_MODEL_SECONDS * 1000:.0f} ms", "pairs": len(pairs)}
    for name, values in (("with", sorted(x for x, _ in pairs)), ("without", sorted(x for _, x in pairs))):
        figures[f"{name}_median_ms"] = round(statistics.median(values), 2)
        figures[f"{name}_p95_ms"] = round(values[int(len(values) * 0.95) - 1], 2)
    figures |= {
        "ratio": round(ratio_of(pairs), 3),
        "ratio_low": round(ratios[int(0.025 * _RESAMPLES)], 3),
        "ratio_high": round(ratios[int(0.975 * _RESAMPLES)], 3),
        "most_ratio": MOST_RATIO,
        "met": ratio_of(pairs) <= MOST_RATIO,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "load_average": round(os.getloadavg()[0], 2),
    }
    return figures


def main() -> int:
    """Measure and print; return 1 when users' latency has changed."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--json", action="store_true", help="print JSON")
    options.add_argument("--rounds", type=int, default=6, help="rounds; in each the other task has the shadow")
    options.add_argument("--count", type=int, default=60, help="pairs of requests in a round")
    given = options.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    state_dir = Path(tempfile.mkdtemp()) / "cloud"
    try:
        running = cloud.start(state_dir, port)
        seen = report(measured(Bench(Cloud(running.endpoint_url, state_dir)), given.rounds, given.count))
    finally:
        cloud.stop(state_dir)
        state_dir.parent.rmdir()
    if given.json:
        print(json.dumps(seen, indent=2))
    else:
        print(f"{seen['what']}, {seen['pairs']} pairs of requests")
        for name in ("with", "without"):
            print(f"  {name} a shadow: median {seen[f'{name}_median_ms']} ms, p95 {seen[f'{name}_p95_ms']} ms")
        verdict = "met" if seen["met"] else "MISSED"
        between = f"{seen['ratio_low']} to {seen['ratio_high']}"
        print(f"  ratio of medians {seen['ratio']} ({between}), target {MOST_RATIO}: {verdict}")
        print(f"on {seen['cores']} cores, {seen['system']}, load {seen['load_average']}")
    return 0 if seen["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
