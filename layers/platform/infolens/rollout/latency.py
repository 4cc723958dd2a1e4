"""Judges warm latency and cost: the p95 by its order statistics, and the typical request on pairs.

A pair says whether the candidate took longer than the accepted ratio times the champion's time on the same request. If
that is proved to be so in less than half of all pairs, the median ratio keeps the limit: a sign test, which sees an
ordinary request become slower long before the p95 proves anything.
"""

from __future__ import annotations

from math import ceil, log
from typing import TYPE_CHECKING

from infolens.rollout.assessment import Assessment, Finding, broken, judge, passed, percent, requests, unclear
from infolens.rollout.budget import ALPHA, ALPHA_PROMOTE
from infolens.rollout.confidence import lower_bound, trials_for_bracket, upper_bound, weigh_rate
from infolens.rollout.rates import assess_rate

if TYPE_CHECKING:
    from infolens.contracts.rollout import Arm

LATENCY_QUANTILE = 0.95

_HALF = 0.5


def assess_latency(limit: float, arm: Arm, alpha: float) -> Assessment:
    """Hold the p95 against its absolute limit: by the count of slow requests where there is one, else by its bounds."""
    if arm.slow is not None and arm.warm:
        return assess_rate(f"warm requests over {limit:.0f} ms:", 1 - LATENCY_QUANTILE, (arm.slow, arm.warm), alpha)
    if arm.latency_p95_ms is None:
        return unclear(f"version {arm.version} has no latency metric after {requests(arm)}")
    count, p95 = _warm(arm), arm.latency_p95_ms
    least, most = arm.latency_p95_low_ms, arm.latency_p95_high_ms
    seen = f"p95 latency {p95:.0f} ms, limit {limit:.0f} ms, n={count}"
    if p95 > limit:
        if least is not None and least > limit:
            return broken(f"{seen}; it is at least {least:.0f} ms")
        return unclear(f"{seen}; over the limit, not yet beyond chance")
    if most is None:
        more = _until_bounded(arm)
        return unclear(f"{seen}; {count} warm requests do not bound it from above: about {more} more do", more)
    return _within(f"{seen}; it is at most {most:.0f} ms", _logarithm(most / p95), _logarithm(limit / p95), count)


def assess_latency_ratio(limit: float, champion: Arm, candidate: Arm) -> Assessment:
    """Hold the bounds of the candidate's p95 against those of the champion's."""
    ours, theirs = candidate.latency_p95_ms, champion.latency_p95_ms
    if ours is None or theirs is None:
        missing = candidate if ours is None else champion
        return unclear(f"version {missing.version} has no latency metric after {requests(missing)}: nothing to compare")
    seen = (
        f"p95 latency {ours:.0f} ms (n={_warm(candidate)}) against the champion's {theirs:.0f} ms "
        f"(n={_warm(champion)}), accepted ratio {limit:.2f}"
    )
    least, most = candidate.latency_p95_low_ms, champion.latency_p95_high_ms
    if least is not None and most is not None and least > limit * most:
        return broken(f"{seen}; it is at least {least:.0f} ms, the champion's at most {most:.0f} ms")
    if ours > limit * theirs:
        return unclear(f"{seen}; over the limit, not yet beyond chance")
    least, most = champion.latency_p95_low_ms, candidate.latency_p95_high_ms
    if least is None or most is None:
        more = max(_until_bounded(arm) for arm in (champion, candidate))
        return unclear(f"{seen}; too few requests to bound both: about {more} more do", more)
    bounded = f"{seen}; it is at most {most:.0f} ms, the champion's at least {least:.0f} ms"
    now, room = _logarithm(most * theirs / (least * ours)), _logarithm(limit * theirs / ours)
    return _within(bounded, now, room, _warm(candidate))


def assess_typical(name: str, limit: float, counts: tuple[int | None, int | None], alpha: float) -> Assessment:
    """Hold the median ratio on the same request against the accepted one.

    Args:
        name: what is compared, in words.
        limit: accepted ratio, above 1.
        counts: pairs with a candidate beyond `limit` times the champion, of so many pairs; None: not counted.
        alpha: probability of a wrong proof that the median ratio is over the limit.
    """
    beyond, pairs = counts
    if beyond is None or not pairs:
        return unclear(f"{name} is not compared on pairs yet: nothing to judge")
    weight = weigh_rate(beyond, pairs, _HALF)
    return judge(
        Finding(
            seen=lambda: (
                f"{name} over {limit:.2f} times the champion's in {percent(beyond / pairs)} of pairs "
                f"({beyond} of {pairs}), limit one half"
            ),
            least=lambda: percent(lower_bound(beyond, pairs, alpha)),
            most=lambda: percent(upper_bound(beyond, pairs, ALPHA_PROMOTE)),
            over=beyond > _HALF * pairs,
            weight=weight,
            requests=pairs,
        ),
        alpha,
    )


def _within(seen: str, now: float, room: float, count: int) -> Assessment:
    """Say whether the bounds, `now` above the value seen, leave the `room` up to the limit (logarithms of ratios).

    Bounds close in with the square root of the number of requests.
    """
    if now <= room:
        return passed(seen)
    if room <= 0:
        return unclear(f"{seen}: at the limit")
    more = max(1, ceil(((now / room) ** 2 - 1) * count))
    return unclear(f"{seen}: about {more} more prove it", more)


def _until_bounded(arm: Arm) -> int:
    return max(1, trials_for_bracket(LATENCY_QUANTILE, ALPHA / 2) - _warm(arm))


def _warm(arm: Arm) -> int:
    return arm.requests if arm.warm is None else arm.warm


def _logarithm(ratio: float) -> float:
    return log(ratio) if ratio > 0 else 0.0
