"""The sample is a world of its own in which there is something to learn."""

from __future__ import annotations

from collections import Counter

import pytest

from infolens.contracts.task import RowRejected
from infolens.tasks.movie_recommendation import sample
from infolens.tasks.movie_recommendation.schema import SCHEMA


def test_other_seeds_give_other_users_of_the_same_movies():
    """A second upload adds users; it does not contradict the first."""
    first, second = (sample.rows(2_000, seed) for seed in (1, 2))
    assert not {row["user_id"] for row in first} & {row["user_id"] for row in second}
    movies = {row["item_id"] for row in first}
    assert len(movies & {row["item_id"] for row in second}) > 0.9 * len(movies)
    assert len(movies) > 0.8 * sample.MOVIES


def test_popularity_differs_and_order_matters():
    """Some movies are much better known than others, and parts of a series come in their order."""
    rows = [SCHEMA.clean(row) for row in sample.rows(4_000, 1)]
    counts = Counter(row["item_id"] for row in rows).most_common()
    assert counts[0][1] > 5 * counts[-1][1]
    times = {(row["user_id"], row["item_id"]): row["timestamp"] for row in rows}
    pairs = [
        times[user, item + 1] - time
        for (user, item), time in times.items()
        if (item - 101) % 5 < 4 and (user, item + 1) in times
    ]
    assert sum(gap >= 0 for gap in pairs) > 0.7 * len(pairs)


def test_seconds_are_shared_as_in_the_public_data():
    """Several movies of a user have one timestamp."""
    rows = sample.rows(1_000, 1)
    assert len({(row["user_id"], row["timestamp"]) for row in rows}) < 0.8 * len(rows)


def test_planted_dirt():
    """A share of the rows is dirt: repetitions, rows to refuse, and rows that cleaning mends."""
    clean, dirty = sample.rows(2_000, 1), sample.rows(2_000, 1, dirt=0.3)
    refused, seen, repeated = 0, set(), 0
    for row in dirty:
        try:
            identity = SCHEMA.identity(SCHEMA.clean(row))
        except RowRejected:
            refused += 1
            continue
        repeated += identity in seen
        seen.add(identity)
    assert 100 < refused < 350
    assert 100 < repeated < 350
    assert {SCHEMA.identity(SCHEMA.clean(row)) for row in clean} >= seen


def test_a_batch_asks_in_both_spellings():
    """JSON lists and bars, with and without top_k, from nothing chosen on."""
    rows = sample.unlabelled(200, 1)
    assert {row["sequence"][:1] == "[" for row in rows} == {True, False}
    assert {row["top_k"] for row in rows} == {"", "5", "10"}
    assert {len(SCHEMA.check(row)["sequence"]) for row in rows} >= {0, 1, 11}


@pytest.mark.parametrize(("users", "fallback"), [("known", "none"), ("new", "sequence"), ("nothing", "popularity")])
def test_the_right_answer_admits_what_is_unknown(users, fallback):
    """It ranks the target first and states the true fallback."""
    answer = sample.right_answer({"target": 5, "candidates": [4, 5], "users": users})
    assert (answer["top_items"], answer["candidate_scores"], answer["fallback"]) == ([5], [0.0, 1.0], fallback)
