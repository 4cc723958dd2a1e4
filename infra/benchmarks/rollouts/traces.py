"""Makes the traffic that every rule is replayed on: what each version would have done with each request.

A request has its outcome under the champion and under the candidate, drawn once from the seed of its replay; a rule
only chooses which of the two the user sees. So all rules meet the same requests, and differ in nothing but what they
decide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HOUR = 3600.0

ERRORS = 0.002  # of the champion, and of a healthy candidate
NULLS = 0.002
ACCURACY = 0.80
MEDIAN_MS = 60.0  # with the spreads below: p95 137 ms
COMMON_SPREAD = 0.4  # of the logarithm: a long text is long for both versions
OWN_SPREAD = 0.3
ANSWERS = 10  # S0's categories, evenly spread (S0-18)
SAME_MISTAKE = 0.7  # of requests that both get wrong, the share with the same wrong answer
LABELLED = 0.5  # share of requests that editors label
LABEL_DELAY = 1800.0  # seconds

BURST_EVERY, BURST_LASTS, BURST_FACTOR = 1800.0, 300.0, 5.0
BURST_ERRORS, BURST_SLOWDOWN = 0.01, 1.3  # of both versions alike, while a burst lasts

CHAMPION, CANDIDATE = 0, 1


@dataclass(frozen=True)
class Fault:
    """What is wrong with a candidate, or with its traffic."""

    name: str
    bad: bool
    """Whether promoting it is a mistake; taking back one that is not bad is one, too."""
    per_hour: float = 3000.0  # S0-14
    bursts: bool = False
    errors: float = ERRORS
    raised: bool = True
    """Whether errors leave the function as exceptions, which Lambda's own metric counts, or as handled 5xx."""
    slowdown: float = 1.0
    nulls: float = NULLS
    only_answer: bool = False
    wins: float = 0.05
    """Requests that only the candidate gets right."""
    losses: float = 0.05
    """Requests that only the champion gets right."""
    leak_errors: float = 0.0
    """Errors that are added per hour from the third weight on."""
    leak_slowdown: float = 0.0
    """Slowdown that is added per hour from the third weight on."""


FAULTS = (
    Fault("errors 2 %", bad=True, errors=0.02),
    Fault("errors 5 %", bad=True, errors=0.05),
    Fault("handled 5xx 5 %", bad=True, errors=0.05, raised=False),
    Fault("latency +50 %", bad=True, slowdown=1.5),
    Fault("latency +300 %", bad=True, slowdown=4.0),
    Fault("quality -0.02", bad=True, wins=0.04, losses=0.06),
    Fault("quality -0.05", bad=True, wins=0.025, losses=0.075),
    Fault("all null", bad=True, nulls=1.0),
    Fault("one label", bad=True, only_answer=True),
    Fault("leak from step 3", bad=True, leak_errors=0.02, leak_slowdown=0.2, raised=False),
    Fault("errors 5 %, 50/h", bad=True, errors=0.05, per_hour=50.0),
    Fault("errors 5 %, bursts", bad=True, errors=0.05, bursts=True),
    Fault("no traffic", bad=True, per_hour=0.0),
    Fault("none", bad=False),
    Fault("better +0.02", bad=False, wins=0.06, losses=0.04),
    Fault("none, 50/h", bad=False, per_hour=50.0),
    Fault("none, bursts", bad=False, bursts=True),
)
"""Without traffic nothing is known, so that promoting counts as a mistake; taking back is none there."""

_FIELDS = ("time", "route", "odds", "latency", "null", "answer", "right", "labelled")
_BLOCK = 4096


class Trace:
    """The requests of one replay, made as far as somebody looks.

    Arrays over requests in order of time; `odds`, `latency`, `null`, `answer` and `right` have a row for each version.
    """

    def __init__(self, fault: Fault, seed: tuple[int, ...]) -> None:
        """Begin a replay at time 0."""
        self.fault = fault
        self._random = np.random.default_rng(seed)
        self._unit_time = 0.0
        self.time = np.empty(0)
        self.route = np.empty(0, np.float32)
        self.odds = np.empty((2, 0), np.float32)
        self.latency = np.empty((2, 0), np.float32)
        self.null = np.empty((2, 0), bool)
        self.answer = np.empty((2, 0), np.int8)
        self.right = np.empty((2, 0), bool)
        self.labelled = np.empty(0, bool)

    def index(self, seconds: float) -> int:
        """Say how many requests came before a time."""
        while self.fault.per_hour and (not len(self.time) or self.time[-1] < seconds):
            self._extend()
        return int(np.searchsorted(self.time, seconds))

    def draw(self, requests: int) -> None:
        """Make at least so many requests."""
        while len(self.time) < requests:
            self._extend()

    def faults(self, version: int, window: slice, leaks_since: float | None = None) -> np.ndarray:
        """Say which requests of a window fail with a version."""
        time = self.time[window]
        rate = np.full(len(time), self.fault.errors if version == CANDIDATE else ERRORS)
        if self.fault.bursts:
            rate = np.where(_in_burst(time), np.maximum(rate, BURST_ERRORS), rate)
        if version == CANDIDATE and leaks_since is not None:
            rate = rate + self.fault.leak_errors * np.maximum(0.0, time - leaks_since) / HOUR
        return self.odds[version, window] < rate

    def latencies(self, version: int, window: slice, leaks_since: float | None = None) -> np.ndarray:
        """Say how long the requests of a window take with a version, in milliseconds."""
        took = self.latency[version, window]
        if version == CANDIDATE and leaks_since is not None and self.fault.leak_slowdown:
            took = took * (1 + self.fault.leak_slowdown * np.maximum(0.0, self.time[window] - leaks_since) / HOUR)
        return took

    def _extend(self) -> None:
        block = self._block()
        for name in _FIELDS:
            setattr(self, name, np.concatenate((getattr(self, name), block[name]), axis=-1))

    def _block(self) -> dict[str, np.ndarray]:
        random, fault, count = self._random, self.fault, _BLOCK if self.fault.per_hour > 1000 else 256
        unit = self._unit_time + np.cumsum(random.exponential(size=count))
        self._unit_time = float(unit[-1])
        time = unit * HOUR / fault.per_hour
        if fault.bursts:
            time = _with_bursts(time)
        truth = random.integers(0, ANSWERS, count)
        outcome = random.random(count)
        both = ACCURACY - fault.losses
        right = np.array(
            [outcome < ACCURACY, (outcome < both) | ((outcome >= ACCURACY) & (outcome < ACCURACY + fault.wins))]
        )
        mistakes = (truth + random.integers(1, ANSWERS, (2, count))) % ANSWERS
        mistakes[1] = np.where(random.random(count) < SAME_MISTAKE, mistakes[0], mistakes[1])
        answer = np.where(right, truth, mistakes)
        if fault.only_answer:
            answer[CANDIDATE] = 0
            right[CANDIDATE] = truth == 0
        own = random.standard_normal((2, count), np.float32) * OWN_SPREAD
        latency = MEDIAN_MS * np.exp(own + COMMON_SPREAD * random.standard_normal(count, np.float32))
        latency[CANDIDATE] *= fault.slowdown
        if fault.bursts:
            latency *= np.where(_in_burst(time), BURST_SLOWDOWN, 1.0)
        return {
            "time": time,
            "route": random.random(count, np.float32),
            "odds": random.random((2, count), np.float32),
            "latency": latency.astype(np.float32),
            "null": random.random((2, count)) < np.array([[NULLS], [fault.nulls]]),
            "answer": answer.astype(np.int8),
            "right": right,
            "labelled": random.random(count) < LABELLED,
        }


def _in_burst(time: np.ndarray) -> np.ndarray:
    return time % BURST_EVERY < BURST_LASTS


def _with_bursts(time: np.ndarray) -> np.ndarray:
    """Bend time so that a burst has BURST_FACTOR times the traffic of the rest, and the mean stays."""
    rest = BURST_EVERY / (BURST_FACTOR * BURST_LASTS + BURST_EVERY - BURST_LASTS)
    cycle, within = np.divmod(time, BURST_EVERY)
    crowded = BURST_FACTOR * rest * BURST_LASTS  # of a cycle's unbent time
    bent = np.where(within < crowded, within / (BURST_FACTOR * rest), BURST_LASTS + (within - crowded) / rest)
    return cycle * BURST_EVERY + bent
