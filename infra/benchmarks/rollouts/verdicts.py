"""How a replay of one rule ended, and how many users met the candidate on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from traces import HOUR

if TYPE_CHECKING:
    from traces import Trace

DAY = 24 * 3600.0

PROMOTED, ROLLED_BACK, EXPIRED, HELD = "promoted", "rolled_back", "expired", "held"


@dataclass(frozen=True)
class Verdict:
    """The end of one replay."""

    ended: str
    seconds: float
    """Until the verdict."""
    steps: tuple[tuple[float, float, float], ...]
    """(from, until, share): when the candidate had which share of the users, until the verdict; 0 is the shadow."""


def third_weight_at(verdict: Verdict) -> float:
    """Say when the candidate got its third weight, or all the traffic where a rule has fewer; inf: never."""
    weights = [since for since, _, share in verdict.steps if share > 0]
    if len(weights) > 2:
        return weights[2]
    return verdict.seconds if verdict.ended == PROMOTED else float("inf")


def exposed(verdict: Verdict, trace: Trace) -> int:
    """Count requests that a bad candidate answered to users within a day; after a promotion, all of them."""
    fault = trace.fault
    if not fault.bad or not fault.per_hour:
        return 0
    bad_from = third_weight_at(verdict) if fault.leak_errors else 0.0
    total = 0.0
    for since, until, share in verdict.steps:
        if share > 0 and max(since, bad_from) < min(until, DAY):
            first, last = trace.index(max(since, bad_from)), trace.index(min(until, DAY))
            total += int((trace.route[first:last] < share).sum())
    # The rest of the day is not drawn request by request: its mean is known, and far above the spread. A rule that
    # holds for a person to decide leaves the candidate the share that it has.
    rest = {PROMOTED: 1.0, HELD: verdict.steps[-1][2] if verdict.steps else 0.0}.get(verdict.ended, 0.0)
    total += rest * fault.per_hour * max(0.0, DAY - max(verdict.seconds, bad_from)) / HOUR
    return round(total)
