"""Metrics of recommendations: both protocols, the baseline that is counted on the data, and what an answer admits."""

from __future__ import annotations

import math

import pytest

from infolens.tasks.movie_recommendation.metrics import evaluate, per_row, popularity, popularity_rank, unit


def example(target, sequence=(1, 2, 3), users="known", user=1, **more):
    """One held-out example among four candidates."""
    return {
        "user_id": user,
        "sequence": list(sequence),
        "top_k": 10,
        "candidates": sorted({target, 90, 91, 92}),
        "target": target,
        "users": users,
        "catalogue": 20,
    } | more


def answer(items, fallback="none", scores=(0.1, 0.1, 0.1, 0.1), unknown=0):
    """One answer; scores are those of the four candidates, sorted by id."""
    return {
        "top_items": list(items),
        "scores": [0.1] * len(items),
        "fallback": fallback,
        "unknown_items": unknown,
        "candidate_scores": list(scores),
    }


def test_full_ranking():
    """The first place is a hit worth 1, the third a hit worth a half, no place nothing."""
    metrics, _ = evaluate([example(5), example(5), example(5)], [answer([5, 6]), answer([8, 9, 5]), answer([8, 9])])
    assert metrics["hit_at_10"] == pytest.approx(2 / 3)
    assert metrics["ndcg_at_10"] == pytest.approx((1 + 0.5) / 3)


def test_ranking_among_negatives():
    """Rank by score among the candidates; the list plays no part."""
    row = example(5)  # candidates 5, 90, 91, 92
    best, third, last = (answer([], scores=scores) for scores in ((9, 1, 2, 3), (3, 4, 5, 1), (1, 1, 1, 1)))
    values = per_row([row] * 3, [best, third, last])["ndcg_at_10_of_101"]
    assert values == pytest.approx([1.0, 0.5, 1 / math.log2(5)])


def test_nan_is_no_hit():
    """Eleven candidates, and a score that is no number: last of them."""
    row = example(5, candidates=list(range(5, 16)))
    values = per_row([row], [answer([], scores=[math.nan] * 11)])
    assert values["hit_at_10_of_101"] == [0.0]


def test_scores_that_are_missing_are_a_fault():
    """Another number of scores than of candidates cannot be compared."""
    with pytest.raises(ValueError, match="2 scores to 4 candidates"):
        evaluate([example(5)], [answer([5], scores=[0.1, 0.2])])


@pytest.mark.parametrize(
    ("users", "fallback", "stated"),
    [
        ("known", "none", 1.0),
        ("known", "sequence", 0.0),
        ("new", "sequence", 1.0),
        ("new", "none", 0.0),
        ("cold", "sequence", 1.0),
        ("cold", "popularity", 0.0),
        ("nothing", "popularity", 1.0),
        ("nothing", "sequence", 0.0),
    ],
)
def test_the_fallback_must_be_the_true_one(users, fallback, stated):
    """Admitting nothing is wrong, and so is admitting too much."""
    assert per_row([example(5, users=users)], [answer([5], fallback)])["fallback_stated"] == [stated]


def test_unknown_items_must_be_counted_where_the_example_knows_them():
    """Two unknown movies are two."""
    row = example(5, users="nothing", unknown_items=2)
    right, wrong = (answer([5], "popularity", unknown=count) for count in (2, 0))
    assert per_row([row, row], [right, wrong])["fallback_stated"] == [1.0, 0.0]


@pytest.mark.parametrize(("items", "repeats"), [([5, 6], 0.0), ([5, 5], 1.0), ([5, 2], 1.0), ([], 0.0)])
def test_repeats(items, repeats):
    """A movie of the sequence, or one twice, is a repeat."""
    assert per_row([example(5)], [answer(items)])["repeats"] == [repeats]


def test_popularity_is_counted_in_the_histories_of_known_users():
    """What was learned from, and nothing that was held out; new users' movies are not counted."""
    rows = [
        example(5, sequence=(1, 2), user=1),
        example(1, sequence=(5, 6), user=2),
        example(6, sequence=(5, 2), user=3),
        example(5, sequence=(7,), users="new", user=4),
    ]
    counts = popularity([row["sequence"] for row in rows if row["users"] == "known"])
    assert counts == {1: 1, 2: 2, 5: 2, 6: 1}
    assert popularity_rank(rows[0], counts) == 0.0  # 5 has two users; 1 and 2 are in the sequence
    assert popularity_rank(rows[1], counts) == 1.0  # 2 has more; 5 and 6 are in the sequence
    assert popularity_rank(rows[2], counts) == 1.0  # 1 has as many, and equal ones stand before
    assert popularity_rank(example(9), counts) == math.inf
    gains = per_row(rows, [answer([5])] * 4)["gain_over_popularity"]
    assert gains == pytest.approx([0.0, -1 / math.log2(3), -1 / math.log2(3), 1.0 - 1 / math.log2(3)])


def test_without_known_users_there_is_no_baseline():
    """A metric that cannot be computed is missing, not zero."""
    metrics, _ = evaluate([example(5, users="new")], [answer([5], "sequence")])
    assert "gain_over_popularity" not in metrics


def test_variety():
    """One list for everybody covers little; lists of their own cover more and differ."""
    rows = [example(5, sequence=(1, 2)), example(6, sequence=(3, 4))]
    same, _ = evaluate(rows, [answer([5, 6])] * 2)
    other, _ = evaluate(rows, [answer([5, 6]), answer([7, 8])])
    assert (same["catalogue_coverage"], other["catalogue_coverage"]) == (0.1, 0.2)
    assert (same["difference_between_lists"], other["difference_between_lists"]) == (0.0, 1.0)
    assert same["list_entropy"] < other["list_entropy"]
    assert same["difference_within_lists"] == 1.0  # nobody has any two of them


def test_slices():
    """By group of users and by length of history, at the limits; their popularity is that of all."""
    rows = [
        example(5, sequence=range(100, 149)),
        example(5, sequence=range(100, 150), users="new", user=2),
        example(5, sequence=range(100, 250), users="new", user=3),
    ]
    metrics, slices = evaluate(rows, [answer([5]), answer([5], "sequence"), answer([6], "sequence")])
    assert {name: values["rows"] for name, values in slices.items()} == {
        "users=known": 1.0,
        "users=new": 2.0,
        "history=under_50": 1.0,
        "history=under_150": 1.0,
        "history=from_150": 1.0,
    }
    assert slices["users=new"]["hit_at_10"] == 0.5
    assert "gain_over_popularity" in slices["users=new"]
    assert metrics["hit_at_10"] == pytest.approx(2 / 3)


def test_a_user_is_one_unit():
    """A new user is asked about twice, and these two are drawn together."""
    assert unit(example(5, user=7)) == unit(example(6, user=7, users="cold")) == 7


def test_no_rows_no_metrics():
    """A missing metric is not zero; answers without rows are a fault."""
    assert evaluate([], []) == ({}, {})
    with pytest.raises(ValueError, match="longer"):
        evaluate([], [answer([5])])
