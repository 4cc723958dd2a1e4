"""Tests of `infolens.rollout.evidence`."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolens.codec import from_dict, from_json, to_dict, to_json
from infolens.contracts.rollout import Disagreement, Labels, Pairs
from infolens.rollout.evidence import Evidence, rounded_difference
from rollout_fakes import look

PAIRS = Pairs(100, 90, 1, 2, 3, 4, 80, 30, 20, {"a": 4}, {"b": 4}, (Disagreement("17", "b", "a"),))


def test_pairs_and_labels_survive_the_state_machine():
    """JSON has no whole numbers as keys, and gives the histogram back all the same."""
    seen = replace(look(), pairs=PAIRS, labels=Labels({-100: 3, 0: 90, 100: 7}, 200))

    assert from_dict(Evidence, to_dict(seen)) == seen
    assert from_json(Evidence, to_json(seen)) == seen


def test_a_look_of_before_there_were_pairs_is_still_understood():
    """Looks in flight while a stack is updated have none of the new fields."""
    plain = to_dict(look())
    for name in ("pairs", "labels"):
        del plain[name]
    for name in ("warm", "slow", "nulls", "answers", "gb_ms", "labelled", "right"):
        del plain["champion"][name]
    for name in ("shadow",):
        del plain["record"]["plan"][name]

    assert from_dict(Evidence, plain) == look()


@pytest.mark.parametrize(("dice", "hundredths"), [(0.0, 23), (0.299, 23), (0.301, 24), (0.999, 24)])
def test_a_score_is_rounded_up_as_often_as_its_rest_says(dice, hundredths):
    """0.237 is 24 hundredths seven times of ten: the mean is kept, so that the test stays exact."""
    assert rounded_difference(0.237, dice) == hundredths


@given(st.floats(-1, 1), st.floats(0, 1, exclude_max=True))
def test_a_rounded_score_stays_near_and_within_its_bounds(difference, dice):
    """Never further than a hundredth, never beyond 100."""
    rounded = rounded_difference(difference, dice)

    assert -100 <= rounded <= 100
    assert abs(rounded - 100 * difference) < 1 + 1e-9


@pytest.mark.parametrize("difference", [-1.0, 0.0, 1.0])
def test_right_and_wrong_are_not_rounded(difference):
    """Whatever the dice say."""
    assert [rounded_difference(difference, dice) for dice in (0.0, 0.5, 0.999)] == [100 * difference] * 3
