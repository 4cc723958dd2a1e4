"""Bounds of a difference hold as often as they say, whatever the metric, and never come from nothing."""

import math
import random

import numpy as np
import pytest

from infolens.ml.paired_comparison import (
    LEVEL,
    MOST_RESAMPLES,
    differences_of_means,
    differences_of_measures,
    on_part,
)


def right(name: str, rights) -> dict[str, list[float]]:
    """Right or wrong on each row, as values whose mean is the accuracy."""
    return {name: [float(one) for one in rights]}


def share(values):
    """Accuracy on the rows with these numbers."""
    return lambda rows: {"accuracy": sum(values[row] for row in rows) / len(rows)}


def test_difference_of_means():
    """The value is the difference of the means, the bounds lie on both sides of it, and it says how they were found."""
    candidate, champion = [1.0] * 90 + [0.0] * 10, [1.0] * 80 + [0.0] * 20
    found = differences_of_means({"accuracy": candidate}, {"accuracy": champion}, range(100))["accuracy"]
    assert found.value == pytest.approx(0.10)
    assert 0.04 < found.low < 0.08
    assert 0.12 < found.high < 0.16
    assert (found.rows, found.units, found.level) == (100, 100, LEVEL)
    assert found.method == "percentile bootstrap, 1000 draws of 100 rows"


def test_pairs_count_and_not_the_two_means():
    """The same two accuracies are far apart in certainty when the answers differ on few rows or on many."""
    champion = [1.0] * 70 + [0.0] * 30
    few = [1.0] * 75 + [0.0] * 25
    many = [0.0] * 30 + [1.0] * 40 + [1.0] * 30
    many[69:] = [1.0] * 31
    many[30:35] = [1.0] * 5
    close = differences_of_means({"a": few}, {"a": champion}, range(100))["a"]
    wide = differences_of_means({"a": many[:100]}, {"a": champion}, range(100))["a"]
    assert close.low > 0.0
    assert wide.low < -0.05


def test_same_seed_same_bounds():
    """The same answers always give the same bounds."""
    source = random.Random(1)
    mine, theirs = ([float(source.random() < 0.8) for _ in range(200)] for _ in range(2))
    first, second = (differences_of_means({"a": mine}, {"a": theirs}, range(200)) for _ in range(2))
    assert first == second


def test_both_ways_agree():
    """Measuring each draw and averaging values by row are two ways to the same bounds."""
    source = random.Random(2)
    mine, theirs = ([float(source.random() < share) for _ in range(150)] for share in (0.85, 0.8))
    means = differences_of_means({"accuracy": mine}, {"accuracy": theirs}, range(150))["accuracy"]
    measures = differences_of_measures(share(mine), share(theirs), range(150))["accuracy"]
    assert measures.value == pytest.approx(means.value)
    assert (measures.low, measures.high) == pytest.approx((means.low, means.high))


@pytest.mark.parametrize("rows", [80, 149, 150, 400])
def test_identical_answers_are_no_certainty(rows):
    """Where no row differs, a loss of about three in n may still have gone unseen; 150 rows rule out 0.02."""
    same = {"accuracy": [1.0] * rows}
    found = differences_of_means(same, same, range(rows))["accuracy"]
    assert found.value == 0.0
    assert found.low == pytest.approx(math.log(0.05) / rows)
    assert found.high == -found.low
    assert (found.low >= -0.02) is (rows >= 150)


@pytest.mark.parametrize(
    ("rows", "wins", "losses"),
    [(80, 0.05, 0.07), (120, 0.01, 0.03), (400, 0.02, 0.04), (400, 0.08, 0.10), (150, 0.0, 0.02)],
)
def test_lower_bound_covers(rows, wins, losses):
    """Of 300 simulated comparisons the lower bound lies above the truth in one of twenty, give or take what 300 allow.

    The truth is a loss of exactly 0.02, so this is how often a candidate that loses just too much passes a gate that
    accepts 0.02.
    """
    source = np.random.default_rng(rows)
    missed = 0
    for _ in range(300):
        drawn = source.random(rows)
        gain = np.where(drawn < wins, 1.0, np.where(drawn < wins + losses, -1.0, 0.0))
        found = differences_of_means({"a": gain.tolist()}, {"a": [0.0] * rows}, range(rows))["a"]
        missed += found.low > wins - losses + 1e-12
    assert missed / 300 <= 0.07  # 0.05 and somewhat more than one standard error of 300


def test_rows_of_one_unit_are_drawn_together():
    """Ten copies of each of 20 rows are no 200 rows: the bounds stay as wide as those of 20."""
    source = random.Random(3)
    mine, theirs = ([float(source.random() < share) for _ in range(20)] for share in (0.9, 0.6))
    alone = differences_of_means({"a": mine}, {"a": theirs}, range(20))["a"]
    days = [day for day in range(20) for _ in range(10)]
    copied = [[value for value in values for _ in range(10)] for values in (mine, theirs)]
    fooled = differences_of_means({"a": copied[0]}, {"a": copied[1]}, range(200))["a"]
    found = differences_of_means({"a": copied[0]}, {"a": copied[1]}, days)["a"]
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high))
    assert (found.rows, found.units) == (200, 20)
    assert found.method.endswith("draws of 20 units")
    assert fooled.high - fooled.low < 0.5 * (found.high - found.low)
    measured = differences_of_measures(
        lambda rows: {"a": sum(copied[0][row] for row in rows) / len(rows)},
        lambda rows: {"a": sum(copied[1][row] for row in rows) / len(rows)},
        days,
    )["a"]
    assert (measured.low, measured.high) == pytest.approx((found.low, found.high))


def test_units_of_different_sizes():
    """A draw's mean is over its rows, not over its units."""
    found = differences_of_means({"a": [1.0, 0.0, 0.0, 0.0]}, {"a": [0.0] * 4}, ["x", "y", "y", "y"])["a"]
    assert found.value == 0.25
    assert found.high > 1.0  # both draws from x


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_to_draw_from(rows):
    """One row says nothing about a difference, and none says nothing at all."""
    assert differences_of_means({"a": [1.0] * rows}, {"a": [0.0] * rows}, range(rows)) == {}
    assert differences_of_measures(lambda rows: {"a": 1.0}, lambda rows: {"a": 0.0}, range(rows)) == {}


def test_all_rows_of_one_unit():
    """A single day cannot be drawn from."""
    assert differences_of_means({"a": [1.0, 0.0]}, {"a": [0.0, 0.0]}, ["day", "day"]) == {}


def test_metric_that_one_lacks():
    """What only one of the two has, or has as no number, is left out: a missing value is not zero."""
    found = differences_of_measures(
        lambda rows: {"a": 1.0, "b": 1.0, "c": 1.0, "d": 0.5},
        lambda rows: {"a": 1.0, "c": math.nan, "d": 0.5},
        range(50),
    )
    assert set(found) == {"a", "d"}
    assert set(differences_of_means({"a": [1.0, 0.0], "b": [1.0, 0.0]}, {"a": [1.0, 0.0]}, range(2))) == {"a"}


def test_value_that_is_no_number():
    """A NaN on a single row leaves the mean without a difference."""
    assert differences_of_means({"a": [1.0, math.nan, 1.0]}, {"a": [1.0] * 3}, range(3)) == {}


@pytest.mark.parametrize(("positives", "known"), [(10, True), (2, False)])
def test_metric_that_some_draws_lack(positives, known):
    """A recall has no value on a draw without positives; where one of twenty and more lack it, there are no bounds."""

    def recall(rows):
        found = [row for row in rows if row < positives]
        return {"recall": sum(row % 2 for row in found) / len(found)} if found else {}

    assert (set(differences_of_measures(recall, recall, range(100))) == {"recall"}) is known


def test_wrong_number_of_values():
    """Values for other rows than those that are compared are a fault of the task."""
    with pytest.raises(ValueError, match="accuracy: 3 and 2 values for 3 rows"):
        differences_of_means(right("accuracy", [1, 1, 0]), right("accuracy", [1, 0]), range(3))


@pytest.mark.parametrize(("rows", "draws"), [(1_000, MOST_RESAMPLES), (4_000, 500), (20_000, 200)])
def test_work_is_bounded(rows, draws):
    """A large test split gets fewer draws: rows measured in all stay about the same, and the report says how many."""
    calls = []

    def metrics(numbers):
        calls.append(1)
        return {"a": numbers[0] / rows}

    found = differences_of_measures(metrics, metrics, range(rows))["a"]
    assert found.method == f"percentile bootstrap, {draws} draws of {rows} rows"
    assert len(calls) == 2 * (draws + 1)


def test_on_part():
    """A metric on 30 of 300 rows has bounds no nearer than 30 rows allow, and says that it has 30."""
    same = {"accuracy": [1.0] * 300}
    whole = differences_of_means(same, same, range(300))["accuracy"]
    part = on_part(whole, 30)
    assert part.low == pytest.approx(10 * whole.low)
    assert part.high == pytest.approx(10 * whole.high)
    assert (part.rows, part.units) == (30, 30)
