"""Turns ratings into what movie_recommendation learns from and is measured on: one user's movies in the order of time.

Nobody's last movie is ever learned from. Three groups of users are asked about:

- `known`: users of the train split; their last movie, after all before it.
- `new`: users of the test split, of whom no rating is in the train split; their last movie, after all before it.
- `cold`: the same users at their beginning; their sixth movie, after the first five.

Order: by timestamp. Users rate whole pages of movies within a second, so most timestamps occur several times; those are
put in the order of a hash of user, movie and timestamp. That order is the same for every file and says nothing. The
order of ids would say something: the last of a page would always be the highest, and a model learns that.
"""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from typing import TYPE_CHECKING, cast

from infolens.ml.sequential_recommender import latest
from infolens.ml.training.parts import read_split
from infolens.rows.split import SPLITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

KNOWN, NEW, COLD = "known", "new", "cold"

LEAST_HISTORY = 5
"""Movies that a user must have beside the one that is asked for; a cold user has just these."""

NEGATIVES = 100
"""Movies that the target is ranked among in the papers' protocol (SASRec, BERT4Rec, SSE-PT)."""

TOP_K = 10


def examples(dataset: Path, split: str) -> list[dict[str, object]]:
    """Make one example for each user of the split, in the order of their ids; "test" also asks about known users.

    Args:
        dataset: directory with the Parquet parts of a dataset.
        split: "train", "validation" or "test".

    Returns:
        for "train" `{"user_id", "sequence", "times"}`: what may be learned from, with the timestamp of each movie. For
        the others what the API takes, `{"user_id", "sequence", "top_k", "candidates"}`, with the truth: "target",
        "users" (group), "catalogue" (number of movies in the dataset). The candidates are the target and 100 movies
        that the user has never rated, drawn with the user's id as the seed and sorted.

    Raises:
        TrainingError: there is no part.
        ValueError: there is no such split.
    """
    if split not in SPLITS:
        raise ValueError(f"{split!r} is none of {', '.join(SPLITS)}")
    histories = {name: _histories(dataset, name) for name in SPLITS}
    if split == "train":
        return [_learned(user, history) for user, history in histories["train"].items()]
    catalogue = sorted({item for users in histories.values() for history in users.values() for item in history})
    groups = {"validation": ((NEW, "validation"),), "test": ((NEW, "test"), (COLD, "test"), (KNOWN, "train"))}
    return [
        _asked(user, list(history), group, catalogue)
        for group, name in groups[split]
        for user, history in histories[name].items()
        if len(history) > LEAST_HISTORY + (group == COLD)
    ]


def _histories(dataset: Path, split: str) -> dict[int, dict[int, int]]:
    """User -> movie -> timestamp, users by their ids and movies in the order of time; the last time that they occur."""
    events: defaultdict[int, list[tuple[int, bytes, int]]] = defaultdict(list)
    for row in cast("list[dict[str, int]]", read_split(dataset, split, ("user_id", "item_id", "timestamp"))):
        user, item, timestamp = row["user_id"], row["item_id"], row["timestamp"]
        events[user].append((timestamp, _draw(f"{user}|{item}|{timestamp}"), item))
    return {user: dict(_movies(sorted(events[user]))) for user in sorted(events)}


def _movies(events: Sequence[tuple[int, bytes, int]]) -> Iterator[tuple[int, int]]:
    times = {item: timestamp for timestamp, _, item in events}
    for item in latest([item for *_, item in events]):
        yield item, times[item]


def _draw(event: str) -> bytes:
    """Place among equal timestamps: chance, but the same for ever."""
    return hashlib.sha256(event.encode()).digest()


def _learned(user: int, history: Mapping[int, int]) -> dict[str, object]:
    """Give all but the last movie, or all of a user who has too few to be asked about."""
    end = len(history) - 1 if len(history) > LEAST_HISTORY else len(history)
    return {"user_id": user, "sequence": list(history)[:end], "times": list(history.values())[:end]}


def _asked(user: int, history: Sequence[int], group: str, catalogue: Sequence[int]) -> dict[str, object]:
    turn = LEAST_HISTORY if group == COLD else len(history) - 1
    rated = set(history)
    others = [item for item in catalogue if item not in rated]
    source = random.Random(f"movie_recommendation negatives {user}")  # noqa: S311 - a draw that anybody can repeat
    return {
        "user_id": user,
        "sequence": list(history[:turn]),
        "top_k": TOP_K,
        "candidates": sorted([history[turn], *source.sample(others, min(NEGATIVES, len(others)))]),
        "target": history[turn],
        "users": group,
        "catalogue": len(catalogue),
    }
