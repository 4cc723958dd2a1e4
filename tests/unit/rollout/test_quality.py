"""Tests of `infolens.rollout.quality`."""

import random

import pytest

from infolens.contracts.rollout import Labels
from infolens.rollout.assessment import Outcome
from infolens.rollout.evidence import rounded_difference
from infolens.rollout.quality import assess_quality
from rollout_fakes import arm

ALPHA = 0.0025


def labels(more):
    """6000 labelled pairs of 12,000: 300 wins, and so many more losses."""
    return Labels({100: 300, 0: 5400 - more, -100: 300 + more}, 12_000)


@pytest.mark.parametrize(
    ("more", "outcome"),
    [(27, Outcome.PASSED), (28, Outcome.UNCLEAR), (236, Outcome.UNCLEAR), (237, Outcome.BROKEN)],
)
def test_a_loss_is_proved_to_be_accepted_or_not_or_neither(more, outcome):
    """A mean loss of 0.02 on labelled pairs is accepted."""
    assert assess_quality(0.02, arm("1"), arm("2"), labels(more), ALPHA).outcome is outcome


def test_what_is_missing_is_counted_in_pairs():
    """Every second pair gets its label: twice as many pairs as labels are needed."""
    found = assess_quality(0.02, arm("1"), arm("2"), labels(100), ALPHA)
    every = assess_quality(0.02, arm("1"), arm("2"), Labels(labels(100).differences, 6000), ALPHA)

    assert found.more == pytest.approx(2 * every.more, abs=2)


def test_a_proof_of_the_shadow_stands_until_labels_prove_the_opposite():
    """Late labels cannot undo a proof by noise, but they can still take the candidate back."""
    later = assess_quality(0.02, arm("1"), arm("2"), labels(100), ALPHA, proved=True)

    assert later.outcome is Outcome.PASSED
    assert later.reason.endswith("it was proved in the shadow")
    assert assess_quality(0.02, arm("1"), arm("2"), labels(237), ALPHA, proved=True).outcome is Outcome.BROKEN


def test_without_labels_nothing_is_known():
    """No collector, no label yet, on pairs or on either side: all unclear, none of them a pass."""
    one, other = arm("1", labelled=10, right=9), arm("2", labelled=0, right=0)

    assert assess_quality(0.02, arm("1"), arm("2"), Labels({}, 50), ALPHA).outcome is Outcome.UNCLEAR
    assert assess_quality(0.02, arm("1"), one, None, ALPHA).reason.startswith("no labels are collected for version 1")
    assert assess_quality(0.02, one, other, None, ALPHA).reason.startswith("no label has come for version 2 yet")


@pytest.mark.parametrize(("wrong", "outcome"), [(280, Outcome.UNCLEAR), (494, Outcome.UNCLEAR), (495, Outcome.BROKEN)])
def test_labels_of_different_requests_are_compared_where_there_are_no_pairs(wrong, outcome):
    """1500 labelled answers against 3000 with 20 % wrong ones, a loss of 0.05 accepted: far weaker than pairs."""
    candidate = arm("2", 1500, labelled=1500, right=1500 - wrong)

    assert assess_quality(0.05, arm("1", labelled=3000, right=2400), candidate, None, ALPHA).outcome is outcome


def test_unpaired_labels_say_how_many_requests_are_missing():
    """One label for ten requests: ten times as many requests as labels."""
    candidate = arm("2", 15_000, labelled=1500, right=1220)
    found = assess_quality(0.05, arm("1", labelled=3000, right=2400), candidate, None, ALPHA)

    assert found.more == 1250


def test_scores_between_right_and_wrong_are_weighed_like_all_others():
    """ROUGE of 3000 summaries, better by 0.03 on average, spread by 0.2: not worse by 0.02."""
    dice = random.Random(4)
    seen = {}
    for _ in range(3000):
        difference = max(-1.0, min(1.0, dice.gauss(0.03, 0.2)))
        rounded = rounded_difference(difference, dice.random())
        seen[rounded] = seen.get(rounded, 0) + 1

    assert assess_quality(0.02, arm("1"), arm("2"), Labels(seen, 3000), ALPHA).outcome is Outcome.PASSED
