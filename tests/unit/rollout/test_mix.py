"""Tests of `infolens.rollout.mix`."""

import random

import pytest

from infolens.contracts.rollout import Pairs
from infolens.rollout.assessment import Outcome
from infolens.rollout.mix import assess_mix
from rollout_fakes import arm

ALPHA = 0.0025


@pytest.mark.parametrize(
    ("more", "outcome"),
    [(40, Outcome.PASSED), (41, Outcome.UNCLEAR), (276, Outcome.UNCLEAR), (277, Outcome.BROKEN)],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_share_may_change_by_so_much_on_different_requests(more, outcome, sign):
    """Half of the champion's 6000 answers are "a"; a change by a tenth is accepted, up or down."""
    champion = arm("1", 6000, answers={"a": 3000, "b": 3000})
    candidate = arm("2", 1500, answers={"a": 750 + sign * more, "b": 750 - sign * more})

    assert assess_mix(0.1, champion, candidate, None, ALPHA).outcome is outcome


@pytest.mark.parametrize(
    ("more", "outcome"),
    [(66, Outcome.PASSED), (67, Outcome.UNCLEAR), (149, Outcome.UNCLEAR), (150, Outcome.BROKEN)],
)
def test_a_share_may_change_by_so_much_on_the_same_requests(more, outcome):
    """1000 pairs in which "b" became "a" so many times."""
    pairs = Pairs(1000, 1000 - more, 0, 0, gained={"a": more}, lost={"b": more})

    assert assess_mix(0.1, arm("1"), arm("2"), pairs, ALPHA).outcome is outcome


def test_versions_that_always_agree_keep_the_mix():
    """No disagreement leaves no answer to name, and is the best evidence there can be."""
    pairs = Pairs(500, 500, 0, 0, gained={}, lost={})

    assert assess_mix(0.1, arm("1"), arm("2"), pairs, ALPHA).outcome is Outcome.PASSED


def test_one_label_for_everything_is_found_at_once():
    """Ten answers, evenly spread, against one: fifty requests are enough."""
    champion = arm("1", 200, answers={str(label): 20 for label in range(10)})
    found = assess_mix(0.1, champion, arm("2", 50, answers={"0": 50}), None, ALPHA)

    assert found.outcome is Outcome.BROKEN
    assert found.reason.startswith("answer '0' 100.00 % (50 of 50) against the champion's 10.00 % (20 of 200)")


def test_an_answer_that_only_one_version_knows_counts_as_none_of_the_other():
    """A new label takes its share from the others."""
    found = assess_mix(0.1, arm("1", answers={"a": 1000}), arm("2", answers={"a": 100, "new": 900}), None, ALPHA)

    assert found.outcome is Outcome.BROKEN


def test_many_answers_that_are_truly_unchanged_are_hardly_ever_called_shifted():
    """Planted peeking: twenty answers from one urn for both, looked at 40 times, 100 runs, at no margin at all."""
    dice = random.Random(2)
    wrong = 0
    for _ in range(100):
        sides = [dict.fromkeys("abcdefghijklmnopqrst", 0) for _ in range(2)]
        for _ in range(40):
            for side in sides:
                for _ in range(25):
                    side[dice.choice("abcdefghijklmnopqrst")] += 1
            arms = [arm(str(number + 1), answers=dict(side)) for number, side in enumerate(sides)]
            if assess_mix(1e-9, *arms, None, 0.05).outcome is Outcome.BROKEN:
                wrong += 1
                break

    assert wrong <= 0.05 * 100


@pytest.mark.parametrize(
    ("theirs", "ours"), [(None, {"a": 10}), ({"a": 10}, None), ({}, {"a": 10}), ({"a": 10}, {"a": 0})]
)
def test_a_mix_that_was_not_seen_of_both_is_unclear(theirs, ours):
    """A metric that is missing is not zero, on either side."""
    found = assess_mix(0.1, arm("1", answers=theirs), arm("2", answers=ours), None, ALPHA)

    assert (found.outcome, found.more) == (Outcome.UNCLEAR, None)
