"""Metrics of movie_recommendation: how high held-out movies stand, how varied the lists are, what is admitted."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, cast

from infolens.ml.ranking_metrics import (
    catalogue_coverage,
    difference_between_lists,
    difference_within_lists,
    hit_rate,
    list_entropy,
    ndcg,
    rank_among,
    rank_in,
)
from infolens.ml.sequential_recommender import NO_FALLBACK, POPULARITY, SEQUENCE_ONLY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Row = Mapping[str, object]

K = 10

_FALLBACK = {"known": NO_FALLBACK, "new": SEQUENCE_ONLY, "cold": SEQUENCE_ONLY, "nothing": POPULARITY}
"""What an answer to each group of users has to admit; "nothing" is known of those without a known movie."""

_SHORT, _LONG = 50, 150
"""Movies in a history; a third of MovieLens' users each, nearly."""


def evaluate(rows: Sequence[Row], answers: Sequence[Row]) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Compare examples with the predictor's answers -> (metrics, slices by group of users and length of history).

    Raises:
        ValueError: there are not as many answers as rows.
    """
    pairs = list(zip(rows, answers, strict=True))
    if not pairs:
        return {}, {}
    by_row = _by_row(pairs)
    groups: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        for name in (f"users={row['users']}", f"history={_length(row)}"):
            groups.setdefault(name, []).append(number)
    slices = {
        name: _means({metric: [values[i] for i in members] for metric, values in by_row.items()})
        | {"rows": float(len(members))}
        for name, members in groups.items()
    }
    return _means(by_row) | _variety(rows, answers), slices


def per_row(rows: Sequence[Row], answers: Sequence[Row]) -> dict[str, list[float]]:
    """Give the metrics that are means over rows, on each row."""
    return _by_row(list(zip(rows, answers, strict=True)))


def unit(row: Row) -> int:
    """Say what a row belongs to: a new user is asked about twice."""
    return cast("int", row["user_id"])


def _by_row(pairs: Sequence[tuple[Row, Row]]) -> dict[str, list[float]]:
    """Metric -> value on each row.

    hit_at_10 and ndcg_at_10 rank the target among all movies that are not in the sequence; the `_of_101` ones among
    100 that the user never rated, as the papers do. fallback_stated is 1 where the answer admits what is unknown and
    nothing else; repeats is 1 where the list holds a movie of the sequence, or one twice. gain_over_popularity is
    ndcg_at_10 less that of the most popular movies, counted in the histories of the known users: what was learned from.
    """
    full = [[rank_in(cast("int", row["target"]), _items(answer))] for row, answer in pairs]
    sampled = [[_sampled_rank(row, answer)] for row, answer in pairs]
    by_row = {
        "hit_at_10": [hit_rate(rank, K) for rank in full],
        "ndcg_at_10": [ndcg(rank, K) for rank in full],
        "hit_at_10_of_101": [hit_rate(rank, K) for rank in sampled],
        "ndcg_at_10_of_101": [ndcg(rank, K) for rank in sampled],
        "fallback_stated": [float(_admits(row, answer)) for row, answer in pairs],
        "repeats": [float(_repeats(row, answer)) for row, answer in pairs],
    }
    counts = popularity([_sequence(row) for row, _ in pairs if row["users"] == "known"])
    if counts:
        popular = [ndcg([popularity_rank(row, counts)], K) for row, _ in pairs]
        by_row["gain_over_popularity"] = [
            mine - theirs for mine, theirs in zip(by_row["ndcg_at_10"], popular, strict=True)
        ]
    return by_row


def popularity(histories: Sequence[Sequence[int]]) -> Counter[int]:
    """Count in how many histories each movie is."""
    return Counter(item for history in histories for item in set(history))


def popularity_rank(row: Row, counts: Mapping[int, int]) -> float:
    """Place of the target among the movies outside the sequence by their number of users; equal ones stand before."""
    target = cast("int", row["target"])
    if target not in counts:
        return math.inf
    seen = set(_sequence(row))
    return float(sum(n >= counts[target] and item not in seen for item, n in counts.items()) - 1)


def _variety(rows: Sequence[Row], answers: Sequence[Row]) -> dict[str, float]:
    """How much of the catalogue is recommended, and how different lists are; nothing for rows without a catalogue."""
    if not all("catalogue" in row for row in rows):
        return {}
    lists = [_items(answer)[:K] for answer in answers]
    catalogue = max(cast("int", row["catalogue"]) for row in rows)
    return {
        "catalogue_coverage": catalogue_coverage(lists, catalogue),
        "list_entropy": list_entropy(lists, catalogue),
        "difference_between_lists": difference_between_lists(lists),
        "difference_within_lists": difference_within_lists(lists, [_sequence(row) for row in rows]),
    }


def _means(by_row: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {name: sum(values) / len(values) for name, values in by_row.items()}


def _sampled_rank(row: Row, answer: Row) -> float:
    candidates = cast("Sequence[int]", row["candidates"])
    scores = cast("Sequence[float]", answer["candidate_scores"])
    target = candidates.index(cast("int", row["target"]))
    if len(scores) != len(candidates):
        raise ValueError(f"{len(scores)} scores to {len(candidates)} candidates")
    return rank_among(scores[target], [*scores[:target], *scores[target + 1 :]])


def _admits(row: Row, answer: Row) -> bool:
    return answer["fallback"] == _FALLBACK[str(row["users"])] and (
        "unknown_items" not in row or answer["unknown_items"] == row["unknown_items"]
    )


def _repeats(row: Row, answer: Row) -> bool:
    items = _items(answer)
    return len(set(items)) < len(items) or not set(items).isdisjoint(_sequence(row))


def _items(answer: Row) -> list[int]:
    return list(cast("Sequence[int]", answer["top_items"]))


def _sequence(row: Row) -> Sequence[int]:
    return cast("Sequence[int]", row["sequence"])


def _length(row: Row) -> str:
    length = len(_sequence(row))
    return f"under_{_SHORT}" if length < _SHORT else f"under_{_LONG}" if length < _LONG else f"from_{_LONG}"
