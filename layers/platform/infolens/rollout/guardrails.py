"""Judges each guardrail on the evidence of both versions, in words with value, limit and number of requests.

A guardrail can pass, be proved broken, or neither: only proof takes a candidate back, and only a pass lets it advance.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from infolens.rollout.confidence import lower_bound, proves_over, upper_bound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infolens.contracts.rollout import Arm, Guardrails

ALPHA = 0.0025
"""Probability that one guardrail takes back, within one step and over all its looks, a candidate that keeps it.

Each step gathers its own evidence, so the probabilities add up: four guardrails over the four judged steps of S0's plan
(20, 40, 60, 80) take back a healthy candidate with probability 4 * 4 * 0.0025 = 0.04 at most.
"""

LATENCY_QUANTILE = 0.95

MIN_LOOK_REQUESTS = 10
"""Fewer requests than this are not judged at all, on either side: one bad start of one environment is no verdict."""


class Outcome(IntEnum):
    """What a guardrail says, from good to bad; the worst one decides."""

    PASSED = 0
    UNCLEAR = 1
    """Evidence is missing, or the value is over its limit without proof."""
    BROKEN = 2


@dataclass(frozen=True)
class Assessment:
    """One guardrail's outcome and why."""

    outcome: Outcome
    reason: str


def assess(limits: Guardrails, champion: Arm, candidate: Arm) -> tuple[Assessment, ...]:
    """Judge all guardrails on what was seen so far within the step."""
    if candidate.requests < MIN_LOOK_REQUESTS:
        return (
            _unclear(f"version {candidate.version} answered {_n(candidate)}, {MIN_LOOK_REQUESTS} are needed to look"),
        )
    return tuple(_assess_enough(limits, champion, candidate))


def _assess_enough(limits: Guardrails, champion: Arm, candidate: Arm) -> Iterator[Assessment]:
    yield _error_rate(limits.max_error_rate, candidate)
    yield _latency(limits.max_latency_ms, candidate)
    if champion.requests < MIN_LOOK_REQUESTS:
        yield _unclear(
            f"champion {champion.version} answered {_n(champion)}, {MIN_LOOK_REQUESTS} are needed to compare with it"
        )
        return
    yield _error_rate_increase(limits.max_error_rate_increase, champion, candidate)
    yield _latency_ratio(limits.max_latency_ratio, champion, candidate)


def _error_rate(limit: float, arm: Arm) -> Assessment:
    seen = f"error rate {_percent(_rate(arm))} ({arm.faults} of {arm.requests}), limit {_percent(limit)}"
    if proves_over(arm.faults, arm.requests, limit, ALPHA):
        return _broken(f"{seen}; it is at least {_percent(lower_bound(arm.faults, arm.requests, ALPHA))}")
    return _passed(seen) if _rate(arm) <= limit else _unclear(f"{seen}; over the limit, not yet beyond chance")


def _error_rate_increase(margin: float, champion: Arm, candidate: Arm) -> Assessment:
    seen = (
        f"error rate {_percent(_rate(candidate))} ({candidate.faults} of {candidate.requests}) against the champion's "
        f"{_percent(_rate(champion))} ({champion.faults} of {champion.requests}), accepted increase {_percent(margin)}"
    )
    # Half the error probability for each side: both bounds hold together with probability 1 - ALPHA at least.
    least = lower_bound(candidate.faults, candidate.requests, ALPHA / 2)
    most = upper_bound(champion.faults, champion.requests, ALPHA / 2)
    if least > most + margin:
        return _broken(f"{seen}; it is at least {_percent(least)}, the champion's at most {_percent(most)}")
    if _rate(candidate) <= _rate(champion) + margin:
        return _passed(seen)
    return _unclear(f"{seen}; over the limit, not yet beyond chance")


def _latency(limit: float, arm: Arm) -> Assessment:
    if arm.latency_p95_ms is None:
        return _unclear(f"version {arm.version} has no latency metric after {_n(arm)}")
    seen = f"p95 latency {arm.latency_p95_ms:.0f} ms, limit {limit:.0f} ms, n={arm.requests}"
    if arm.latency_p95_low_ms is not None and arm.latency_p95_low_ms > limit:
        return _broken(f"{seen}; it is at least {arm.latency_p95_low_ms:.0f} ms")
    return _passed(seen) if arm.latency_p95_ms <= limit else _unclear(f"{seen}; over the limit, not yet beyond chance")


def _latency_ratio(limit: float, champion: Arm, candidate: Arm) -> Assessment:
    if candidate.latency_p95_ms is None or champion.latency_p95_ms is None:
        missing = candidate if candidate.latency_p95_ms is None else champion
        return _unclear(f"version {missing.version} has no latency metric after {_n(missing)}: nothing to compare")
    seen = (
        f"p95 latency {candidate.latency_p95_ms:.0f} ms (n={candidate.requests}) against the champion's "
        f"{champion.latency_p95_ms:.0f} ms (n={champion.requests}), accepted ratio {limit:.2f}"
    )
    least, most = candidate.latency_p95_low_ms, champion.latency_p95_high_ms
    if least is not None and most is not None and least > limit * most:
        return _broken(f"{seen}; it is at least {least:.0f} ms, the champion's at most {most:.0f} ms")
    if candidate.latency_p95_ms <= limit * champion.latency_p95_ms:
        return _passed(seen)
    return _unclear(f"{seen}; over the limit, not yet beyond chance")


def _rate(arm: Arm) -> float:
    return arm.faults / arm.requests


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _n(arm: Arm) -> str:
    return f"{arm.requests} request{'' if arm.requests == 1 else 's'}"


def _passed(reason: str) -> Assessment:
    return Assessment(Outcome.PASSED, reason)


def _unclear(reason: str) -> Assessment:
    return Assessment(Outcome.UNCLEAR, reason)


def _broken(reason: str) -> Assessment:
    return Assessment(Outcome.BROKEN, reason)
