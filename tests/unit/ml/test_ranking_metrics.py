"""Metrics of recommended lists."""

from __future__ import annotations

import math

import pytest

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


def test_rank_in():
    """The first of a list has rank 0; what is not in it has none."""
    assert rank_in(7, [7, 8]) == 0
    assert rank_in(8, [7, 8]) == 1
    assert rank_in(9, [7, 8]) == math.inf


def test_hit_rate_at_its_boundary():
    """The tenth place counts, the eleventh does not."""
    assert hit_rate([9], 10) == 1.0
    assert hit_rate([10], 10) == 0.0
    assert hit_rate([0, 3, 10, math.inf], 10) == 0.5


def test_ndcg():
    """The first place is worth 1, the third a half, the eleventh nothing."""
    assert ndcg([0], 10) == 1.0
    assert ndcg([2], 10) == pytest.approx(0.5)
    assert ndcg([9], 10) == pytest.approx(1 / math.log2(11))
    assert ndcg([10], 10) == 0.0
    assert ndcg([0, math.inf], 10) == 0.5


def test_rank_among():
    """The rank is the number of those that score more."""
    assert rank_among(0.5, [0.9, 0.6, 0.4, 0.1]) == 2


def test_equal_scores_count_against_the_target():
    """A model that answers one number for everything ranks its target last, not first."""
    assert rank_among(0.0, [0.0] * 100) == 100


@pytest.mark.parametrize(("score", "others"), [(math.nan, [0.1, 0.2]), (0.5, [math.nan, math.nan])])
def test_what_is_no_number_counts_against_the_target(score, others):
    """NaN never makes a hit."""
    assert rank_among(score, others) == 2


def test_catalogue_coverage():
    """Items that anybody gets, once each, over all there are."""
    assert catalogue_coverage([[1, 2], [2, 3]], 6) == 0.5


def test_list_entropy():
    """An even spread over the catalogue has 1, one item for everybody 0, one list for everybody in between."""
    assert list_entropy([[1, 2], [3, 4]], 4) == pytest.approx(1.0)
    assert list_entropy([[1], [1]], 4) == 0.0
    assert list_entropy([[1, 2], [1, 2]], 4) == pytest.approx(0.5)
    assert list_entropy([[], []], 4) == 0.0


def test_difference_between_lists():
    """Equal lists differ by 0, disjoint ones by 1, those that share one of two by a half; order is no matter."""
    assert difference_between_lists([[1, 2], [2, 1]]) == 0.0
    assert difference_between_lists([[1, 2], [3, 4]]) == 1.0
    assert difference_between_lists([[1, 2], [1, 3]]) == 0.5
    assert difference_between_lists([[1, 2]]) == 0.0


def test_difference_within_lists():
    """Items that the same users have are alike, items without a common user are not."""
    histories = [[1, 2, 3], [1, 2], [3]]
    assert difference_within_lists([[1, 2]], histories) == pytest.approx(0.0)
    assert difference_within_lists([[1, 3]], histories) == pytest.approx(0.5)  # one common user, two each
    assert difference_within_lists([[1, 9]], histories) == 1.0
    assert difference_within_lists([[1]], histories) == 0.0
