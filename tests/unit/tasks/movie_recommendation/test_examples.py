"""What is asked is never learned from, new users are new, and equal timestamps say nothing."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import spearmanr

from infolens.tasks.movie_recommendation import sample
from infolens.tasks.movie_recommendation.examples import LEAST_HISTORY, NEGATIVES, examples
from infolens.tasks.movie_recommendation.schema import SCHEMA


def dataset(directory, rows, parts=1):
    """Write clean rows as the Parquet parts of a dataset, each with its split."""
    directory.mkdir(exist_ok=True)
    whole = [row | {"split": SCHEMA.split(row)} for row in rows]
    for part in range(parts):
        pq.write_table(pa.Table.from_pylist(whole[part::parts]), directory / f"{part}.parquet")
    return directory


def users_of(split, count, first=1):
    """The first users that fall into a split."""
    found = (user for user in range(first, 100_000) if SCHEMA.split({"user_id": user}) == split)
    return [next(found) for _ in range(count)]


def rating(user, item, timestamp):
    """One clean row."""
    return {"user_id": user, "item_id": item, "rating": 4.0, "timestamp": timestamp}


def history(user, count, first_item=1):
    """A user who rates one movie a minute."""
    return [rating(user, first_item + number, 1_000_000_000 + 60 * number) for number in range(count)]


@pytest.fixture
def sampled(tmp_path):
    """A dataset of the task's own sample rows."""
    return dataset(tmp_path / "sampled", [SCHEMA.clean(row) for row in sample.rows(3_000, 1)])


def test_nothing_that_is_asked_is_learned_from(sampled):
    """No user of validation or test is in training, but for known ones, whose asked movie is not in their history."""
    learned = {one["user_id"]: one["sequence"] for one in examples(sampled, "train")}
    asked = examples(sampled, "test")
    assert {one["users"] for one in asked} == {"known", "new", "cold"}
    for one in asked:
        assert one["target"] not in one["sequence"]
        if one["users"] == "known":
            assert learned[one["user_id"]] == one["sequence"]
        else:
            assert one["user_id"] not in learned
    assert not {one["user_id"] for one in examples(sampled, "validation")} & set(learned)


def test_every_user_is_asked_about_once_in_each_group(sampled):
    """Known users and new ones about their last movie, new ones also about their sixth."""
    asked = examples(sampled, "test")
    assert len({(one["user_id"], one["users"]) for one in asked}) == len(asked)
    cold = [one for one in asked if one["users"] == "cold"]
    assert all(len(one["sequence"]) == LEAST_HISTORY for one in cold)
    new = {one["user_id"]: one for one in asked if one["users"] == "new"}
    assert all(
        new[one["user_id"]]["sequence"][: LEAST_HISTORY + 1] == [*one["sequence"], one["target"]] for one in cold
    )


def test_the_last_movie_is_the_target(tmp_path):
    """In the order of time, whatever the order of the rows and the parts."""
    (known,), (new,) = users_of("train", 1), users_of("test", 1)
    rows = [*reversed(history(known, 8)), *history(new, 8, first_item=20)]
    data = dataset(tmp_path / "d", rows, parts=3)
    (learned,) = examples(data, "train")
    assert learned["sequence"] == [1, 2, 3, 4, 5, 6, 7]
    assert learned["times"] == [1_000_000_000 + 60 * number for number in range(7)]
    asked = {one["users"]: one for one in examples(data, "test")}
    assert (asked["known"]["sequence"], asked["known"]["target"]) == ([1, 2, 3, 4, 5, 6, 7], 8)
    assert (asked["new"]["sequence"], asked["new"]["target"]) == ([20, 21, 22, 23, 24, 25, 26], 27)
    assert (asked["cold"]["sequence"], asked["cold"]["target"]) == ([20, 21, 22, 23, 24], 25)
    assert asked["new"]["catalogue"] == 16


@pytest.mark.parametrize(("count", "groups"), [(5, set()), (6, {"new"}), (7, {"new", "cold"})])
def test_short_histories_are_not_asked_about(tmp_path, count, groups):
    """Five movies must remain; a sixth that is also the last is asked once."""
    (new,), (known,) = users_of("test", 1), users_of("train", 1)
    data = dataset(tmp_path / "d", [*history(new, count), *history(known, count)])
    assert {one["users"] for one in examples(data, "test")} - {"known"} == groups
    (learned,) = examples(data, "train")
    assert len(learned["sequence"]) == (5 if count < 7 else 6)


def test_equal_timestamps_have_an_order_that_says_nothing(tmp_path):
    """It is the same for every order of rows, and neither that of the ids nor its reverse."""
    (user,) = users_of("test", 1)
    rows = [rating(user, item, 1_000_000_000) for item in range(1, 201)]
    (one, cold) = examples(dataset(tmp_path / "a", rows), "test")
    (again, _) = examples(dataset(tmp_path / "b", rows[::-1], parts=2), "test")
    assert one == again
    assert cold["users"] == "cold"
    order = [*one["sequence"], one["target"]]
    assert sorted(order) == list(range(1, 201))
    assert abs(spearmanr(order, range(200)).statistic) < 0.2


def test_a_movie_that_comes_back_counts_where_it_stands_last(tmp_path):
    """Rated on Monday and again on Friday: it is Friday's, and only once."""
    (user,) = users_of("test", 1)
    rows = [*history(user, 7), rating(user, 1, 2_000_000_000)]
    one = next(one for one in examples(dataset(tmp_path / "d", rows), "test") if one["users"] == "new")
    assert (one["sequence"], one["target"]) == ([2, 3, 4, 5, 6, 7], 1)


def test_negatives_are_drawn_by_the_user_alone(sampled):
    """100 movies that the user never rated, the same each time; sorted, so that their place gives nothing away."""
    asked = examples(sampled, "test")
    assert asked == examples(sampled, "test")
    for one in asked:
        candidates = one["candidates"]
        assert len(set(candidates)) == NEGATIVES + 1
        assert candidates == sorted(candidates)
        assert set(candidates) - {one["target"]} == set(candidates) - {one["target"], *one["sequence"]}
    new = {one["user_id"]: one for one in asked if one["users"] == "new"}
    for one in asked:
        if one["users"] == "cold":  # not even what comes later is among the negatives
            whole = {*new[one["user_id"]]["sequence"], new[one["user_id"]]["target"]}
            assert not whole & (set(one["candidates"]) - {one["target"]})


def test_examples_are_json_and_pass_the_check(sampled):
    """An example holds what the API takes."""
    for one in examples(sampled, "test")[:20]:
        json.dumps(one)
        question = {name: one[name] for name in ("user_id", "sequence", "top_k", "candidates")}
        assert SCHEMA.check(question) == question


def test_another_split_is_refused(sampled):
    """A typing error gives no empty list."""
    with pytest.raises(ValueError, match="production"):
        examples(sampled, "production")
