"""What one guardrail says of a candidate: proved good enough, proved bad, or neither yet; and why, in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from math import ceil
from typing import TYPE_CHECKING

from infolens.rollout.budget import ALPHA_PROMOTE

if TYPE_CHECKING:
    from collections.abc import Callable

    from infolens.contracts.rollout import Arm
    from infolens.rollout.confidence import Weight


class Outcome(IntEnum):
    """What a guardrail says, from good to bad; the worst one decides."""

    PASSED = 0
    """Proved to keep its limit."""
    UNCLEAR = 1
    """Evidence is missing, or proves neither."""
    BROKEN = 2
    """Proved to break its limit."""


@dataclass(frozen=True)
class Assessment:
    """One guardrail's outcome and why."""

    outcome: Outcome
    words: Callable[[], str]
    """The reason; asked for only when somebody will read it, since intervals are dear."""
    more: int | None = 0
    """How many requests of the candidate (pairs in the shadow) are still missing; None where it cannot be said."""

    @property
    def reason(self) -> str:
        """Value, limit, interval and number of requests in words."""
        return self.words()


@dataclass(frozen=True)
class Finding:
    """What was measured, and what it weighs."""

    seen: Callable[[], str]
    """Value, limit and number of requests in words."""
    least: Callable[[], str]
    """What the true value is at least, in words; only what is said is computed."""
    most: Callable[[], str]
    """What the true value is at most, in words."""
    over: bool
    """Whether the value seen is above its limit."""
    weight: Weight
    """What speaks for the side that the value is on: against "the limit is kept" if it is over, else "is broken"."""
    requests: float
    """Requests, or pairs, that it took."""


def judge(finding: Finding, alpha: float) -> Assessment:
    """Turn weights into an outcome: bad with `alpha`, good with ALPHA_PROMOTE, each over all looks together."""

    def between(before: str, after: str) -> Callable[[], str]:
        return lambda: f"{finding.seen()}; {before}it lies within {finding.least()} and {finding.most()}{after}"

    if finding.over:
        if finding.weight.proves(alpha):
            return Assessment(Outcome.BROKEN, lambda: f"{finding.seen()}; it is at least {finding.least()}")
        return Assessment(Outcome.UNCLEAR, between("over the limit, not yet beyond chance: ", ""), None)
    if finding.weight.proves(ALPHA_PROMOTE):
        return Assessment(Outcome.PASSED, lambda: f"{finding.seen()}; it is at most {finding.most()}")
    factor = finding.weight.factor_to(ALPHA_PROMOTE)
    if factor is None:
        return Assessment(Outcome.UNCLEAR, between("at the limit: ", ""), None)
    more = max(1, ceil((factor - 1) * finding.requests))
    return Assessment(Outcome.UNCLEAR, between("", f": about {more} more prove it"), more)


def passed(reason: str) -> Assessment:
    """Say that a guardrail is proved to be kept."""
    return Assessment(Outcome.PASSED, lambda: reason)


def unclear(reason: str, more: int | None = None) -> Assessment:
    """Say that a guardrail has no verdict yet."""
    return Assessment(Outcome.UNCLEAR, lambda: reason, more)


def broken(reason: str) -> Assessment:
    """Say that a guardrail is proved to be broken."""
    return Assessment(Outcome.BROKEN, lambda: reason)


def percent(share: float) -> str:
    """Write a share."""
    return f"{100 * share:.2f} %"


def requests(arm: Arm) -> str:
    """Write how many requests a version answered."""
    return f"{arm.requests} request{'' if arm.requests == 1 else 's'}"
