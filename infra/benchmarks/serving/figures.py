"""The arithmetic of the tables: medians, 95th percentiles, ratios round by round, shares of the machine's limit."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

from cases import POOLING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cases import Case, Size


def percentile(values: Sequence[float], share: float) -> float:
    """Give the smallest value that at least `share` of the values do not exceed (nearest rank).

    Raises:
        ValueError: there are none.
    """
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1]


def of_rounds(rounds: Sequence[Sequence[float]]) -> list[float]:
    """Median of each round's answers: the figure that rounds are compared by."""
    return [median(one) for one in rounds]


def ratio(ours: Sequence[Sequence[float]], peer: Sequence[Sequence[float]]) -> float:
    """Median over the rounds of ours divided by the peer's in the same round; below 1 ours is faster.

    What disturbs the machine for seconds disturbs both, so this is steadier than the ratio of two medians.
    """
    pairs = zip(of_rounds(ours), of_rounds(peer), strict=True)
    return median(mine / other for mine, other in pairs)


def fastest(peers: Mapping[str, Sequence[Sequence[float]]]) -> str:
    """Name the peer with the smallest median of all answers; "" when there is none."""
    if not peers:
        return ""
    return min(peers, key=lambda name: median(value for one in peers[name] for value in one))


def work(case: Case, size: Size) -> dict[str, float]:
    """Say what a case takes at least: operations of the linear layers and of attention, and bytes read for each token.

    A product of a and b counts as two operations. "linear" has weights and can be int8, "attention" is fp32; "stream"
    is what each written token has to read when its weights are int8: the decoder's and the head's once, and the cross
    attention's keys and values of fp32. XLNet's include the projection of its 2 x tokens relative positions, which
    depends on no input and so could be kept. Where the class head reads the first token alone, the last layer needs
    keys and values of all tokens and the rest of one.
    """
    d, tokens = size.width, case.tokens
    layer = tokens * 2 * (4 * d * d + 2 * d * size.inner)
    if case.model == "xlnet":
        positions = 2 * tokens * 2 * d * d
        scores = 2 * d * tokens * (tokens + 2 * tokens + tokens)  # by content, by position, weighted values
        return {"linear": size.layers * (layer + positions), "attention": size.layers * scores, "stream": 0.0}
    attention = 4.0 * size.layers * tokens * tokens * d
    linear = float(size.layers * layer)
    if POOLING.get(case.model) == "first":
        spared = (tokens - 1) * 2 * (2 * d * d + 2 * d * size.inner)
        return {"linear": linear - spared, "attention": attention - 4.0 * (tokens - 1) * tokens * d, "stream": 0.0}
    if case.model != "bart":
        return {"linear": linear, "attention": attention, "stream": 0.0}
    crossing = size.layers * 2 * 2 * tokens * d * d
    weights = size.layers * (4 * d * d + 2 * d * d + 2 * d * size.inner) + size.vocabulary * d
    kept = size.layers * 2 * tokens * d * 4
    return {"linear": linear + crossing, "attention": attention, "stream": float(case.written * (weights + kept))}


def roof_seconds(needed: Mapping[str, float], roof: Mapping[str, float]) -> float:
    """Say how long the work takes at the machine's own best rates.

    Args:
        needed: see `work`.
        roof: "int8" and "fp32" in operations a second, "read" in bytes a second.
    """
    return needed["linear"] / roof["int8"] + needed["attention"] / roof["fp32"] + needed["stream"] / roof["read"]


def best_rates(measured: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Give for each kind the best median of its candidates, named "<kind>: <how>"."""
    found: dict[str, float] = {}
    for name, rates in measured.items():
        kind = name.partition(":")[0]
        found[kind] = max(found.get(kind, 0.0), median(rates))
    return found


def difference(found: Sequence[float], wanted: Sequence[float]) -> float:
    """Largest difference of two lists of probabilities."""
    return max(abs(one - other) for one, other in zip(found, wanted, strict=True))


def equal_share(found: Sequence[int], wanted: Sequence[int]) -> float:
    """Share of places at which two lists of tokens agree."""
    longest = max(len(found), len(wanted))
    return sum(one == other for one, other in zip(found, wanted, strict=False)) / longest if longest else 1.0
