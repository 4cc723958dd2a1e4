"""From questions with their outcome to the figures of a load test, and these to a table. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapes import Shape

MAX_P95_MS, MIN_PER_SECOND, MIN_SUCCESS = 500.0, 20.0, 0.99
"""S1's gate."""

Line = tuple[float, float, int, bool]
"""When a question was asked (s), how long (ms), its status (0: no connection), whether its body is an answer."""


@dataclass(frozen=True)
class Figures:
    """What the users of one shape saw."""

    users: int
    requests: int
    answered: int
    seconds: float
    """From the first question to the last reply."""
    p50_ms: float
    p95_ms: float
    p99_ms: float
    """Nearest ranks of the answered ones; 0 where none was."""
    failures: Mapping[str, int]
    emulator_ms: float = 0.0
    """Processor time of the cloud's own process for a request."""
    paced: bool = False
    """Whether users asked at a rate of their own, and not as fast as they were answered."""

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds if self.seconds > 0 else 0.0

    @property
    def success(self) -> float:
        """Share of the requests that were answered; 0 where there were none."""
        return self.answered / self.requests if self.requests else 0.0

    @property
    def holds_gate(self) -> bool:
        """Whether S1's gate would pass it."""
        return (
            self.requests > 0
            and self.p95_ms <= MAX_P95_MS
            and self.per_second >= MIN_PER_SECOND
            and self.success >= MIN_SUCCESS
        )


def kind_of(status: int, answer: bool) -> str:
    """Name what became of a question: "" for an answer; a throttle (429) is the account's or the plan's, no fault."""
    if status == 200:
        return "" if answer else "wrong answers"
    if status == 429:
        return "throttled"
    if status == 0:
        return "no connection"
    return f"status {status}"


def percentile(ordered: Sequence[float], share: float) -> float:
    """Nearest rank of rising numbers; 0 of none."""
    return ordered[ceil(share * len(ordered)) - 1] if ordered else 0.0


def figures_of(lines: Sequence[Line], shape: Shape, emulator_seconds: float = 0.0) -> Figures:
    """Sum up the questions of one shape."""
    kinds = [kind_of(status, answer) for _, _, status, answer in lines]
    times = sorted(took for (_, took, _, _), kind in zip(lines, kinds, strict=True) if not kind)
    first = min((at for at, _, _, _ in lines), default=0.0)
    last = max((at + took / 1000 for at, took, _, _ in lines), default=0.0)
    return Figures(
        users=max(shape.steps),
        requests=len(lines),
        answered=len(times),
        seconds=last - first,
        p50_ms=percentile(times, 0.50),
        p95_ms=percentile(times, 0.95),
        p99_ms=percentile(times, 0.99),
        failures=dict(sorted(Counter(kind for kind in kinds if kind).items())),
        emulator_ms=1000 * emulator_seconds / len(lines) if lines else 0.0,
        paced=bool(shape.pace),
    )


def row(what: str, found: Figures) -> str:
    """One line of the table."""
    failures = ", ".join(f"{count} {kind}" for kind, count in found.failures.items()) or "none"
    gate = "-" if found.paced else "holds" if found.holds_gate else "does not"  # a pace bounds the rate, not the model
    times = f"{found.p50_ms:.0f} | {found.p95_ms:.0f} | {found.p99_ms:.0f}"
    return (
        f"| {what} | {found.users} | {found.requests} | {found.per_second:.1f} | {times} | {found.success:.2%} | "
        f"{failures} | {found.emulator_ms:.1f} | {gate} |"
    )


def table(rows: Sequence[tuple[str, Figures]]) -> str:
    """All shapes as a table in Markdown."""
    head = (
        "| what | users | requests | answers/s | p50 ms | p95 ms | p99 ms | answered | failures | "
        "emulator CPU, ms each | S1's gate |\n| --- | --: | --: | --: | --: | --: | --: | --: | --- | --: | --- |"
    )
    return "\n".join([head, *(row(what, found) for what, found in rows)])
