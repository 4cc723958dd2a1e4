"""Makes seeded ratings by invented users of invented movies, with planted dirt: for the demo, tests and first steps.

There are movies of some tastes, and series in each taste. A user has one taste or two, comes to the well-known movies
of a taste more often than to the others, mostly goes on with a series once begun, and now and then watches anything. So
the latest movies tell the next one, popularity tells a little, and nothing tells it surely.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from infolens.rows.csv_files import write_csv

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["refused_rows", "right_answer", "rows", "unlabelled", "write_csv"]

_TASTES = 8
_SERIES = 6
_PARTS = 5
_FIRST_ITEM = 101
MOVIES = _TASTES * _SERIES * _PARTS

_LEAST, _MOST = 12, 28
"""Movies of a user."""

_BEGINNING = 1_600_000_000
"""September 2020."""


def _item(taste: int, series: int, part: int) -> int:
    return _FIRST_ITEM + (taste * _SERIES + series) * _PARTS + part


def _history(source: random.Random) -> list[int]:
    """Make the movies of one user in the order in which they were watched; none comes twice."""
    tastes = source.sample(range(_TASTES), source.choice((1, 1, 2)))
    seen: dict[int, None] = {}
    following: list[tuple[int, int, int]] = []
    length = source.randint(_LEAST, _MOST)
    while len(seen) < length:
        if following and source.random() < 0.6:
            at = following.pop()
        elif source.random() < 0.12:
            at = (source.randrange(_TASTES), source.randrange(_SERIES), source.randrange(_PARTS))
        else:
            # Early series are the well-known ones, and most people begin a series at its first part.
            at = (source.choice(tastes), int(_SERIES * source.random() ** 1.7), source.choice((0, 0, 0, 1, 2)))
        item = _item(*at)
        if item in seen:
            continue
        seen[item] = None
        if at[2] + 1 < _PARTS:
            following.append((at[0], at[1], at[2] + 1))
    return list(seen)


def _ratings(source: random.Random, user: int) -> Iterator[dict[str, str]]:
    time = _BEGINNING + source.randrange(30_000_000)
    for item in _history(source):
        # Ratings are given in passing, several in one second, as on MovieLens' pages; or days later.
        time += source.choice((0, 0, 5, 20, 60, 86_400))
        stars = min(5, max(1, round(source.gauss(3.6, 1.1))))
        yield {"user_id": str(user), "item_id": str(item), "rating": str(stars), "timestamp": str(time)}


def refused_rows() -> tuple[tuple[dict[str, str], str], ...]:
    """Rows that the schema must refuse, each with the field it must name."""
    good = {"user_id": "7", "item_id": "120", "rating": "4", "timestamp": "1600000000"}
    return (
        (good | {"user_id": ""}, "user_id"),
        (good | {"user_id": "-7"}, "user_id"),
        (good | {"user_id": "somebody"}, "user_id"),
        (good | {"item_id": "120.5"}, "item_id"),
        (good | {"item_id": "9007199254740992"}, "item_id"),
        (good | {"rating": "nan"}, "rating"),
        (good | {"rating": "6"}, "rating"),
        (good | {"timestamp": "1600000000000"}, "timestamp"),  # milliseconds
        (good | {"timestamp": "yesterday"}, "timestamp"),
    )


def _soiled(source: random.Random, row: Mapping[str, str]) -> dict[str, str]:
    """Dirty a row in a way that cleaning takes out again."""
    kind = source.randrange(3)
    if kind == 0:
        return {**row, "user_id": f" {row['user_id']}.0 ", "item_id": f"{row['item_id']}.0"}
    if kind == 1:
        return {**row, "rating": f"{row['rating']}.0\t"}
    return {**row, "timestamp": str(datetime.fromtimestamp(int(row["timestamp"]), UTC).replace(tzinfo=None))}


def rows(count: int, seed: int, *, dirt: float = 0.0) -> list[dict[str, str]]:
    """Make `count` ratings with columns user_id, item_id, rating, timestamp; equal arguments give equal rows.

    Args:
        count: rows in all, some twenty of each user.
        seed: start of the random numbers; other seeds give other users of the same movies.
        dirt: share of rows that are planted dirt: a third repeats an earlier row, a third must be refused (see
            `refused_rows`), a third is dirty in a way that cleaning takes out.
    """
    source = random.Random(f"movie_recommendation rows {seed}")  # noqa: S311 - sample data, no secret
    made: list[dict[str, str]] = []
    user = 1 + seed % 100_000 * 100_000
    while len(made) < count:
        made += _ratings(source, user)
        user += 1
    made = made[:count]
    source.shuffle(made)  # public files have no order, either
    refused = refused_rows()
    for number in range(1, count):
        if source.random() < dirt:
            kind = source.randrange(3)
            if kind == 0:
                made[number] = dict(made[source.randrange(number)])
            elif kind == 1:
                made[number] = dict(refused[source.randrange(len(refused))][0])
            else:
                made[number] = _soiled(source, made[number])
    return made


def unlabelled(count: int, seed: int) -> list[dict[str, str]]:
    """Make `count` rows with columns user_id, sequence, top_k: users whom no model knows, in the middle of watching."""
    source = random.Random(f"movie_recommendation unlabelled {seed}")  # noqa: S311 - sample data, no secret
    made = []
    for number in range(count):
        history = _history(source)[: source.randrange(12)]
        text = json.dumps(history) if number % 2 else "|".join(map(str, history))
        made.append(
            {"user_id": str(9_000_000_000_000 + number), "sequence": text, "top_k": source.choice(("", "5", "10"))}
        )
    return made


def right_answer(example: Mapping[str, object]) -> dict[str, object]:
    """Give the answer of a predictor that knows the target, and is sure."""
    candidates = cast("Sequence[int]", example["candidates"])
    return {
        "top_items": [example["target"]],
        "scores": [1.0],
        "fallback": {"known": "none", "nothing": "popularity"}.get(str(example["users"]), "sequence"),
        "unknown_items": example.get("unknown_items", 0),
        "candidate_scores": [float(item == example["target"]) for item in candidates],
    }
