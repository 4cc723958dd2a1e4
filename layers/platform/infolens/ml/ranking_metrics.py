"""Metrics of recommended lists: how high the held-out item stands, and how much of the catalogue anybody sees; pure."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


def rank_in(target: int, ranked: Sequence[int]) -> float:
    """Place of `target` in a list, from 0; infinity when it is not there."""
    return float(ranked.index(target)) if target in ranked else math.inf


def rank_among(score: float, others: Sequence[float]) -> float:
    """Place of an item among others by score, from 0.

    Every doubt counts against it: an equal score stands before it, and so does a score that is no number; without
    that, a model which answers the same number for everything would be perfect.
    """
    if math.isnan(score):
        return float(len(others))
    return float(sum(not other < score for other in others))


def hit_rate(ranks: Sequence[float], k: int) -> float:
    """Share of ranks that are among the first `k`: Hit@k with one held-out item for each list."""
    return sum(rank < k for rank in ranks) / len(ranks)


def ndcg(ranks: Sequence[float], k: int) -> float:
    """Mean of 1 / log2(rank + 2) where the held-out item is among the first `k`, else 0; the ideal list has 1."""
    return sum(1.0 / math.log2(rank + 2.0) for rank in ranks if rank < k) / len(ranks)


def catalogue_coverage(lists: Sequence[Sequence[int]], catalogue: int) -> float:
    """Share of the catalogue's items that stand in at least one list."""
    return len(set(itertools.chain.from_iterable(lists))) / catalogue


def list_entropy(lists: Sequence[Sequence[int]], catalogue: int) -> float:
    """Entropy of how often each item is recommended, over that of an even spread on the catalogue; in [0, 1].

    One and the same list of ten for everybody has log(10) / log(catalogue).
    """
    counts = Counter(itertools.chain.from_iterable(lists))
    total = counts.total()
    if total == 0 or catalogue < 2:
        return 0.0
    return -sum(n / total * math.log(n / total) for n in counts.values()) / math.log(catalogue)


def difference_between_lists(lists: Sequence[Sequence[int]]) -> float:
    """1 - mean share of items that two lists have in common: 0 when all get the same, 1 when no two share an item."""
    if len(lists) < 2:
        return 0.0
    counts = Counter(itertools.chain.from_iterable(lists))
    shared = sum(n * (n - 1) for n in counts.values())  # ordered pairs of lists that have the item in common
    length = sum(map(len, lists)) / len(lists)
    return 1.0 - shared / (len(lists) * (len(lists) - 1) * length) if length else 0.0


def difference_within_lists(lists: Sequence[Sequence[int]], histories: Sequence[Collection[int]]) -> float:
    """Mean over lists of 1 - the cosine of two of their items, as sets of the users who have them in their history.

    The intra-list diversity of Ziegler et al. 2005, with company in place of a taxonomy.
    """
    users: dict[int, set[int]] = {}
    for number, history in enumerate(histories):
        for item in history:
            users.setdefault(item, set()).add(number)
    cosines: dict[tuple[int, int], float] = {}
    means = []
    for items in lists:
        pairs = [tuple(sorted(pair)) for pair in itertools.combinations(items, 2)]
        for one, other in pairs:
            if (one, other) not in cosines:
                cosines[one, other] = _cosine(users.get(one, set()), users.get(other, set()))
        if pairs:
            means.append(1.0 - sum(cosines[one, other] for one, other in pairs) / len(pairs))
    return sum(means) / len(means) if means else 0.0


def share(flags: Sequence[bool]) -> float:
    """Share of true ones."""
    return sum(flags) / len(flags)


def _cosine(some: Collection[int], others: set[int]) -> float:
    size = math.sqrt(len(some) * len(others))
    return len(others.intersection(some)) / size if size else 0.0
