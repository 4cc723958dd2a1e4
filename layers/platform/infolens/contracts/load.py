"""What a version must stand before it meets users, and what was seen when many asked it at once."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class LoadGate:
    """A task's demand on a version under load; each task states its own in `tasks/<task>/gates.py`."""

    max_p95_ms: float
    """Longest that 95 of 100 users may wait for the answer of a warm environment; the limit itself passes."""
    why: str
    """Where the numbers come from (a requirement id, a measurement)."""
    min_requests_per_second: float = 20.0
    """S1's gate. Asked of as many users as can reach it at the limit of latency; see `infolens.gates.judge_load`."""
    min_success: float = 0.99
    """S1's gate: share of all requests, cold ones included, that were answered as asked."""
    min_requests: int = 60
    """Fewer warm answers than this are no evidence: of 59, the slowest is beyond the 95th percentile with p = 0.95."""


@dataclass(frozen=True)
class Latency:
    """How long answers took, from the question to the whole answer, where they were asked from."""

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    """Nearest ranks: each is a time that was seen, and 0 where nothing was."""


@dataclass(frozen=True)
class Failures:
    """Requests that were not answered as asked, by what became of them."""

    throttled: int = 0
    """Lambda had no environment to spare (429): the account's limit, and no fault of the version."""
    function_errors: int = 0
    """The function itself failed: it crashed, ran out of memory, or raised."""
    timed_out: int = 0
    """No answer in time (504)."""
    server_errors: int = 0
    """The version answered with a 5xx of its own."""
    refused: int = 0
    """The version refused a held-out row as an input (4xx)."""
    wrong_answers: int = 0
    """Not one answer to one question."""
    wrong_version: int = 0
    """Another version or another bundle answered."""

    @property
    def total(self) -> int:
        """All of them."""
        return sum(vars(self).values())

    def words(self) -> str:
        """Name those that there are."""
        return ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in vars(self).items() if count) or "none"


@dataclass(frozen=True)
class LoadWindow:
    """What users saw while they asked in a closed loop: each asks again as soon as it is answered."""

    seconds: float
    """From the first question to the last answer."""
    requests: int
    warm: Latency
    """Answers of environments that had answered before; the gate looks at these."""
    cold: Latency
    """First answers of environments, starting them included; counted apart."""
    failures: Failures

    @property
    def answered(self) -> int:
        """Requests that were answered as asked."""
        return self.warm.count + self.cold.count

    @property
    def per_second(self) -> float:
        """Answers a second; 0 where no time has passed."""
        return self.answered / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True)
class LoadReport:
    """`runs/<task>/<run>/load.json`: a load test of one published version."""

    task: str
    run_id: str
    version: str
    bundle_digest: str
    users: int
    window_seconds: float
    """What a window was asked to last."""
    warm_up: LoadWindow
    """What the users asked until each had met a warm environment; its failures count, its latencies do not."""
    windows: tuple[LoadWindow, ...] = field(default=())
    """More than one where the first was too slow; empty where no user met a warm environment."""
