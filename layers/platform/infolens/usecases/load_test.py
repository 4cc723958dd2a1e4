"""Asks a published version real questions from many users at once, before its rollout, and holds it to its load gate.

Noise of a machine only ever slows: a window that was too slow is repeated, one in which requests failed is not.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from math import ceil
from typing import TYPE_CHECKING, Protocol

from infolens import codec
from infolens.contracts import keys
from infolens.contracts.load import Failures, Latency, LoadReport, LoadWindow
from infolens.contracts.observation import LOAD
from infolens.contracts.prediction import PredictRequest
from infolens.contracts.task import RowRejected
from infolens.gates import judge_load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from infolens.aws.objects import ObjectStore
    from infolens.aws.predictions import Predictions
    from infolens.aws.registry import ModelRegistry
    from infolens.contracts.evaluation import GateResult
    from infolens.contracts.load import LoadGate
    from infolens.contracts.prediction import PredictResponse
    from infolens.contracts.task import Schema

WARM_UP_QUESTIONS = 5
"""What a user asks at most until an environment answers that has answered before."""

REPEATS = 2
"""How often a window that was too slow is measured again."""

LONGEST = 2.0
"""Times its length that a window may take to come to the least number of requests."""

THROTTLED_SECONDS = 0.2
"""How long a user waits who was told that there is no environment to spare."""

_STATUS_KINDS = {429: "throttled", 502: "function_errors", 504: "timed_out"}


@dataclass(frozen=True)
class Version:
    """What is tested: a published version, and the run that it comes from."""

    task: str
    run_id: str
    number: str
    bundle_digest: str


@dataclass(frozen=True)
class Load:
    """How it is tested."""

    users: int
    seconds: float
    """Length of a window."""


@dataclass(frozen=True)
class Tested:
    """What the state machine goes on with."""

    passed: bool
    reason: str
    """Why it is refused, or the figures."""


class Clock(Protocol):
    """Time as it is told to the test."""

    def __call__(self) -> float:
        """Seconds, rising."""


@dataclass(frozen=True)
class Ports:
    """What a load test reads and writes, and whom it asks."""

    objects: ObjectStore
    registry: ModelRegistry
    predictions: Predictions
    schema: Schema
    models_bucket: str
    clock: Clock
    pause: Callable[[float], None]


@dataclass(frozen=True)
class Asked:
    """What became of one question."""

    seconds: float
    ended: float
    failure: str = ""
    """Name of a field of `Failures`; "" for a good answer."""
    cold: bool = False


def put_under_load(version: Version, load: Load, gate: LoadGate, ports: Ports) -> Tested:
    """Measure the version, write the report into the run's load.json and the outcome into the registry.

    Raises:
        ObjectMissingError: the run has no reference, so there is nothing real to ask.
        NoModelLiveError: there is no such version.
    """
    data = ports.objects.read(ports.models_bucket, keys.run_reference(version.task, version.run_id)).data
    questions = _questions(json.loads(data)["inputs"], ports.schema)
    report = _measured(version, load, gate, questions, ports)
    key = keys.run_load(version.task, version.run_id)
    ports.objects.write(ports.models_bucket, key, codec.to_json(report), "application/json")
    results = judge_load(report, gate)
    refused = [result for result in results if not result.passed]
    words = tuple(f"{result.gate}: {result.reason}" for result in refused or results)
    record = ports.registry.get(version.task, version.number)
    if record is not None:
        ports.registry.put(replace(record, load_passed=not refused, load_reasons=words))
    return Tested(not refused, "; ".join(words))


def _questions(inputs: Iterable[Mapping[str, object]], schema: Schema) -> list[dict[str, object]]:
    """Turn held-out rows into what the API would hand on: what a user may say, without label and notes."""
    taken = []
    for each in inputs:
        try:
            taken.append(schema.check(each))
        except RowRejected:
            continue  # a row that no user could ask
    return taken


def _measured(
    version: Version, load: Load, gate: LoadGate, questions: Sequence[dict[str, object]], ports: Ports
) -> LoadReport:
    crowd = Crowd(version, load.users, questions, ports)
    warm_up = crowd.warm_up() if questions else summed((), 0.0)
    report = LoadReport(
        version.task,
        version.run_id,
        version.number,
        version.bundle_digest,
        load.users,
        load.seconds,
        warm_up,
    )
    if not warm_up.warm.count:
        return report  # nobody was answered in time by anybody: longer waiting would show nothing else
    for _ in range(1 + REPEATS):
        window = crowd.window(load.seconds, gate.min_requests)
        report = replace(report, windows=(*report.windows, window))
        if not _worth_repeating(judge_load(report, gate)):
            break
    return report


def _worth_repeating(results: Sequence[GateResult]) -> bool:
    """Whether only what noise can do speaks against the version."""
    refused = {result.gate for result in results if not result.passed}
    return bool(refused) and "load success" not in refused


class Crowd:
    """Users who ask one version at once, each again as soon as it is answered."""

    def __init__(self, version: Version, users: int, questions: Sequence[dict[str, object]], ports: Ports) -> None:
        """Take whom to ask what; nobody asks yet."""
        self._version = version
        self._users = users
        self._questions = questions
        self._ports = ports
        self._numbers = itertools.count()

    def warm_up(self) -> LoadWindow:
        """Let all users ask at once until each has met a warm environment, or has asked often enough."""

        def user(_: int) -> Iterator[Asked]:
            for _ in range(WARM_UP_QUESTIONS):
                asked = self._ask()
                yield asked
                if not asked.failure and not asked.cold:
                    return

        return self._together(user)

    def window(self, seconds: float, least: int) -> LoadWindow:
        """Let all users ask for so long, or a little longer until there are `least` answers."""
        began = self._ports.clock()
        answers = itertools.count(1)
        enough = threading.Event()

        def user(_: int) -> Iterator[Asked]:
            while self._ports.clock() - began < seconds * (1.0 if enough.is_set() else LONGEST):
                asked = self._ask()
                yield asked
                if not asked.failure and not asked.cold and next(answers) >= least:
                    enough.set()

        return self._together(user)

    def _together(self, user: Callable[[int], Iterator[Asked]]) -> LoadWindow:
        began = self._ports.clock()
        with ThreadPoolExecutor(self._users) as pool:
            seen = [asked for each in pool.map(lambda number: list(user(number)), range(self._users)) for asked in each]
        return summed(seen, max((asked.ended for asked in seen), default=began) - began)

    def _ask(self) -> Asked:
        number = next(self._numbers)
        question = self._questions[number % len(self._questions)]
        # No number: a prediction id is one, and what bears it can be told a label.
        request = PredictRequest(f"load-{number}", (question,), purpose=LOAD)
        began = self._ports.clock()
        response = self._ports.predictions.invoke(self._version.task, request, qualifier=self._version.number)
        ended = self._ports.clock()
        failure = failure_of(response, self._version)
        if failure == "throttled":
            self._ports.pause(THROTTLED_SECONDS)
        return Asked(ended - began, ended, failure, response.cold)


def failure_of(response: PredictResponse, version: Version) -> str:
    """Name the field of `Failures` that a response to one question belongs to; "" for a good answer."""
    if response.status >= 400:
        kind = "server_errors" if response.status >= 500 else "refused"
        return _STATUS_KINDS.get(response.status, kind)
    if (response.model_version, response.bundle_digest) != (version.number, version.bundle_digest):
        return "wrong_version"
    if len(response.answers) != 1:
        return "wrong_answers"
    return "refused" if "problem" in response.answers[0] else ""


def summed(seen: Sequence[Asked], seconds: float) -> LoadWindow:
    """Sum up what became of the questions of a window."""
    failures = Counter(asked.failure for asked in seen if asked.failure)
    good = [asked for asked in seen if not asked.failure]
    return LoadWindow(
        seconds=seconds,
        requests=len(seen),
        warm=latency_of([asked.seconds for asked in good if not asked.cold]),
        cold=latency_of([asked.seconds for asked in good if asked.cold]),
        failures=Failures(**{kind.name: failures[kind.name] for kind in fields(Failures)}),
    )


def latency_of(seconds: Sequence[float]) -> Latency:
    """Nearest-rank percentiles in milliseconds."""
    ordered = sorted(seconds)
    if not ordered:
        return Latency(0, 0.0, 0.0, 0.0)
    p50, p95, p99 = (round(ordered[ceil(share * len(ordered) / 100) - 1] * 1000, 3) for share in (50, 95, 99))
    return Latency(len(ordered), p50, p95, p99)
