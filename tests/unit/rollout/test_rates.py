"""Tests of `infolens.rollout.rates`."""

import pytest

from infolens.contracts.rollout import Pairs
from infolens.rollout.assessment import Outcome
from infolens.rollout.rates import assess_increase, assess_nulls, assess_paired_increase, assess_rate
from rollout_fakes import arm

ALPHA = 0.0025


@pytest.mark.parametrize(
    ("faults", "outcome"),
    [
        (12, Outcome.PASSED),  # 0.80 % of 1500 is the last to prove less than 2 %
        (13, Outcome.UNCLEAR),
        (30, Outcome.UNCLEAR),  # 2.00 %: the limit itself proves nothing
        (55, Outcome.UNCLEAR),
        (56, Outcome.BROKEN),  # 3.73 % is the first to prove more
    ],
)
def test_a_rate_is_proved_under_or_over_its_limit_or_neither(faults, outcome):
    """S0-42: over the threshold takes back, once it is proved; under it advances, once that is."""
    assert assess_rate("error rate", 0.02, (faults, 1500), ALPHA).outcome is outcome


@pytest.mark.parametrize(("requests", "outcome"), [(291, Outcome.UNCLEAR), (292, Outcome.PASSED)])
def test_no_error_at_all_proves_less_than_two_percent_after_292_requests(requests, outcome):
    """Boundary pair of the smallest step that can ever advance at S0's error limit."""
    assert assess_rate("error rate", 0.02, (0, requests), ALPHA).outcome is outcome


@pytest.mark.parametrize(
    ("faults", "outcome"),
    [(3, Outcome.PASSED), (4, Outcome.UNCLEAR), (41, Outcome.UNCLEAR), (42, Outcome.BROKEN)],
)
def test_an_increase_carries_the_uncertainty_of_both_sides(faults, outcome):
    """1500 requests against 6000 of a champion with 0.2 %: an increase by 1 % is accepted."""
    assert assess_increase("error rate", 0.01, (12, 6000), (faults, 1500), ALPHA).outcome is outcome


@pytest.mark.parametrize(
    ("ours", "outcome"),
    [(15, Outcome.PASSED), (16, Outcome.UNCLEAR), (67, Outcome.UNCLEAR), (68, Outcome.BROKEN)],
)
def test_an_increase_on_the_same_requests(ours, outcome):
    """3000 pairs in which the champion alone failed 6 times."""
    assert assess_paired_increase("errors", 0.01, (6, ours), 3000, ALPHA).outcome is outcome


def test_a_reason_carries_value_limit_interval_and_n():
    """PEERS O17: the threshold stands beside the value."""
    assert assess_rate("error rate", 0.02, (150, 1500), ALPHA).reason == (
        "error rate 10.00 % (150 of 1500), limit 2.00 %; it is at least 6.86 %"
    )
    assert assess_increase("error rate", 0.01, (12, 6000), (4, 1500), ALPHA).reason == (
        "error rate 0.27 % (4 of 1500) against the champion's 0.20 % (12 of 6000), increase 0.07 %, accepted 1.00 %; "
        "it lies within -0.44 % and 1.04 %: about 96 more prove it"
    )


def test_over_the_limit_without_proof_no_number_is_promised():
    """More requests like these would prove the opposite."""
    found = assess_rate("error rate", 0.02, (31, 1500), ALPHA)

    assert found.more is None
    assert "over the limit, not yet beyond chance: it lies within" in found.reason


def test_exactly_at_the_limit_nothing_is_promised_either():
    """There is no evidence that could grow."""
    found = assess_rate("error rate", 0.02, (30, 1500), ALPHA)

    assert (found.outcome, found.more) == (Outcome.UNCLEAR, None)


def test_null_answers_are_compared_on_pairs_where_there_are_some():
    """A candidate that answers nothing is found on ten pairs."""
    pairs = Pairs(12, 0, 0, 0, only_candidate_null=12, only_champion_null=0)

    assert assess_nulls(0.01, arm("1", 12), arm("2", 12), pairs, ALPHA).outcome is Outcome.BROKEN


def test_null_answers_are_compared_on_different_requests_without_pairs():
    """Equal shares of null answers are proved equal enough; a share of all is not."""
    champion = arm("1", 6000, nulls=12)

    assert assess_nulls(0.01, champion, arm("2", 1500, nulls=3), None, ALPHA).outcome is Outcome.PASSED
    assert assess_nulls(0.01, champion, arm("2", 12, nulls=12), None, ALPHA).outcome is Outcome.BROKEN


@pytest.mark.parametrize(("missing", "sides"), [("1", (None, 0)), ("2", (0, None))])
def test_null_answers_that_nobody_counts_are_unclear(missing, sides):
    """A metric that is missing is not zero, on either side."""
    found = assess_nulls(0.01, arm("1", nulls=sides[0]), arm("2", nulls=sides[1]), None, ALPHA)

    assert found.outcome is Outcome.UNCLEAR
    assert found.reason == f"null answers of version {missing} are not counted: nothing to compare"
