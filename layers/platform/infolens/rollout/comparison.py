"""Weighs how two versions differ: two rates of different requests, or the differences on the same requests.

Both are functions of counts, so that a look may come at any time and any often.

Two rates: with k1 of n1 and k2 of n2, the mixture likelihood of both sides over the greatest likelihood that the
hypothesis allows them is an e-process: under any pair of rates in the hypothesis it is at most a test martingale
(universal inference: Wasserman, Ramdas and Balakrishnan, PNAS 117(29), 2020; safe tests of two proportions: Turner, Ly
and Gruenwald, "Generic E-variables for exact sequential k-sample tests", Brazilian J. of Probability and Statistics,
2024).

Differences on the same request: they lie within [-1, 1], and a gambler who bets a fixed share of their wealth against
the hypothesis multiplies it by 1 + b * (m - d) at each pair; if the mean of d is m or more, the wealth is a
supermartingale (Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", J. Royal
Statistical Society B 86(1), 2024). The mean over a fixed grid of shares is one as well, and depends on how often each d
was seen, not on the order.
"""

from __future__ import annotations

import functools
from math import exp, inf, log, log1p
from typing import TYPE_CHECKING

from infolens.rollout.confidence import UNKNOWN, Weight, log_likelihood, log_mixture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SHARES = tuple(2.0**-step for step in range(9))
"""Shares of the greatest bet that cannot lose more than everything. Nine halvings reach from differences of which there
are few to those of half of all pairs; finer and wider grids found equal quality no sooner (ADR 16)."""

_LOG_SHARES = log(len(_SHARES))
_EDGE = 1e-12  # rates of exactly 0 and 1 are approached, never taken
_PRECISION = 1e-8  # of the way to the nearest edge; the likelihood is flat there, and right to twice as many digits
_STEPS = 100
_HALVINGS = 18  # a bound for people, to a hundred-thousandth


def weigh_rates(first: tuple[int, int], second: tuple[int, int], margin: float, typical: float = UNKNOWN) -> Weight:
    """Weigh two rates against "the second is the first plus `margin`"; which side they are on is for the caller to see.

    Args:
        first: events and trials of the one side, at least one trial.
        second: events and trials of the other side, at least one trial.
        margin: in (-1, 1).
        typical: mean of the rates that the mixture weighs, in (0, 1).
    """
    sides = (first, second)
    against = _greatest_likelihood(first, second, margin)
    best = sum(log_likelihood(events, trials, events / trials) for events, trials in sides)
    mixture = sum(log_mixture(events, trials, typical) for events, trials in sides)
    return Weight(mixture - against, best - against, len(sides))


def weigh_mean(differences: Mapping[float, int], limit: float, *, below: bool) -> Weight:
    """Weigh differences against "their mean is at least `limit`" (`below`), or "at most `limit`" (not `below`).

    Args:
        differences: value within [-1, 1] -> number of pairs.
        limit: in (-1, 1).
        below: whether the mean is thought to lie below the limit, or above it.
    """
    wealth = [0.0] * len(_SHARES)
    for difference, count in differences.items():
        if count:
            gains = _log_gains(difference, limit, below)
            wealth = [so_far + count * gain for so_far, gain in zip(wealth, gains, strict=True)]
    most = max(wealth)
    total = most + log(sum(exp(one - most) for one in wealth)) - _LOG_SHARES
    return Weight(total, most, 0)


def bound_rates(
    first: tuple[int, int], second: tuple[int, int], alpha: float, typical: float = UNKNOWN, *, above: bool
) -> float:
    """Bound how far the second rate lies above the first, from above or below; wrong with `alpha` over all looks."""
    seen = second[0] / second[1] - first[0] / first[1]
    return _bound(seen, lambda margin: weigh_rates(first, second, margin, typical).proves(alpha), above=above)


def bound_mean(differences: Mapping[float, int], alpha: float, *, above: bool) -> float:
    """Bound the mean of differences, from above or from below; wrong with probability `alpha` over all looks."""
    seen = mean_of(differences)
    return _bound(seen, lambda limit: weigh_mean(differences, limit, below=above).proves(alpha), above=above)


def mean_of(differences: Mapping[float, int]) -> float:
    """Mean of the differences; of none, 0."""
    pairs = sum(differences.values())
    return sum(value * count for value, count in differences.items()) / pairs if pairs else 0.0


def _bound(seen: float, refuted: Callable[[float], bool], *, above: bool) -> float:
    inside, outside = seen, 1 - _EDGE if above else -1 + _EDGE
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if refuted(middle) else (middle, outside)
    return max(outside, seen) if above else min(outside, seen)


@functools.lru_cache(maxsize=4096)
def _log_gains(difference: float, limit: float, below: bool) -> tuple[float, ...]:
    edge = limit - difference if below else difference - limit
    most = 1 / (1 - limit) if below else 1 / (1 + limit)
    return tuple(log1p(share * most * edge) if share * most * edge > -1 else -inf for share in _SHARES)


def _greatest_likelihood(first: tuple[int, int], second: tuple[int, int], margin: float) -> float:
    """Greatest log-likelihood of two rates that differ by `margin`: concave in the first one, so Newton finds it.

    Every step keeps the root of the slope between two bounds, and halves them where Newton would leave them.
    """
    (k1, n1), (k2, n2) = first, second
    low, high = max(0.0, -margin) + _EDGE, min(1.0, 1 - margin) - _EDGE
    rate = min(max((k1 + k2 + 1 - margin * n2) / (n1 + n2 + 2), low), high)
    for _ in range(_STEPS):
        other = rate + margin
        slope = k1 / rate - (n1 - k1) / (1 - rate) + k2 / other - (n2 - k2) / (1 - other)
        if slope > 0:
            low = rate
        else:
            high = rate
        bend = k1 / rate**2 + (n1 - k1) / (1 - rate) ** 2 + k2 / other**2 + (n2 - k2) / (1 - other) ** 2
        step = slope / bend
        rate = rate + step if low < rate + step < high else (low + high) / 2
        nearest = min(rate, 1 - rate, other, 1 - other)  # to an edge, where the slope is steepest
        if abs(step) <= _PRECISION * nearest or high - low <= _PRECISION * nearest:
            break
    return max(log_likelihood(k1, n1, at) + log_likelihood(k2, n2, at + margin) for at in (low, rate, high))
