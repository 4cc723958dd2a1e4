"""Tests of `infolens.rollout.guardrails`."""

from dataclasses import replace

import pytest

from infolens.rollout.guardrails import Outcome, assess
from rollout_fakes import GUARDRAILS, arm

LOOSE = replace(GUARDRAILS, max_error_rate=0.99, max_error_rate_increase=0.99, max_latency_ratio=99, max_latency_ms=9e9)


def worst(champion, candidate, **limits):
    """The outcome under limits that are loose but for those given."""
    return max(item.outcome for item in assess(replace(LOOSE, **limits), champion, candidate))


@pytest.mark.parametrize(("requests", "outcome"), [(9, Outcome.UNCLEAR), (10, Outcome.PASSED)])
def test_a_candidate_is_not_judged_before_its_tenth_request(requests, outcome):
    """Boundary pair of the smallest look."""
    assert worst(arm("1", 6000), arm("2", requests)) is outcome


def test_nine_faults_in_nine_requests_are_no_verdict_yet_and_ten_in_ten_are():
    """The smallest look holds for proofs, too."""
    assert worst(arm("1", 6000), arm("2", 9, 9), max_error_rate=0.02) is Outcome.UNCLEAR
    assert worst(arm("1", 6000), arm("2", 10, 10), max_error_rate=0.02) is Outcome.BROKEN


@pytest.mark.parametrize(("requests", "outcome"), [(9, Outcome.UNCLEAR), (10, Outcome.PASSED)])
def test_a_champion_without_requests_is_nothing_to_compare_with(requests, outcome):
    """Boundary pair of the champion's side."""
    assert worst(arm("1", requests), arm("2", 1500)) is outcome


@pytest.mark.parametrize(
    ("faults", "outcome"),
    [
        (30, Outcome.PASSED),  # 2.00 %: the limit itself passes
        (31, Outcome.UNCLEAR),  # over, but chance can do that
        (57, Outcome.UNCLEAR),
        (58, Outcome.BROKEN),  # the first count that proves more than 2 % with alpha 0.0025
    ],
)
def test_error_rate_boundaries(faults, outcome):
    """S0-42: an error rate over its threshold takes the candidate back, once it is proved."""
    assert worst(arm("1", 6000, 6000), arm("2", 1500, faults), max_error_rate=0.02) is outcome


@pytest.mark.parametrize(
    ("faults", "outcome"),
    [
        (45, Outcome.PASSED),  # 3 % against 2 %, with 1 % accepted
        (46, Outcome.UNCLEAR),
        (97, Outcome.UNCLEAR),
        (98, Outcome.BROKEN),
    ],
)
def test_error_rate_against_the_champion_boundaries(faults, outcome):
    """The comparison carries the uncertainty of both sides."""
    assert worst(arm("1", 6000, 120), arm("2", 1500, faults), max_error_rate_increase=0.01) is outcome


@pytest.mark.parametrize(
    ("p95", "low", "outcome"),
    [
        (400.0, 300.0, Outcome.PASSED),
        (400.1, 300.0, Outcome.UNCLEAR),
        (400.1, None, Outcome.UNCLEAR),
        (500.0, 400.0, Outcome.UNCLEAR),
        (500.0, 400.1, Outcome.BROKEN),
        (None, None, Outcome.UNCLEAR),
    ],
)
def test_absolute_latency_boundaries(p95, low, outcome):
    """S2-08: p95 over 400 ms; only its lower bound proves it, and a missing metric is not zero."""
    candidate = arm("2", 1500, 0, p95, latency_p95_low_ms=low)

    assert worst(arm("1", 6000), candidate, max_latency_ms=400.0) is outcome


@pytest.mark.parametrize(
    ("p95", "low", "high", "outcome"),
    [
        (150.0, 140.0, 110.0, Outcome.PASSED),
        (150.1, 140.0, 110.0, Outcome.UNCLEAR),
        (200.0, 165.0, 110.0, Outcome.UNCLEAR),
        (200.0, 165.1, 110.0, Outcome.BROKEN),
        (200.0, 165.1, None, Outcome.UNCLEAR),
        (200.0, None, 110.0, Outcome.UNCLEAR),
    ],
)
def test_relative_latency_boundaries(p95, low, high, outcome):
    """The candidate's lower bound is held against the champion's upper bound, times the accepted ratio."""
    champion = arm("1", 6000, 0, 100.0, latency_p95_high_ms=high)
    candidate = arm("2", 1500, 0, p95, latency_p95_low_ms=low)

    assert worst(champion, candidate, max_latency_ratio=1.5) is outcome


def test_a_missing_latency_names_the_version():
    """A person can act on the reason: which version sends no metric."""
    reasons = [item.reason for item in assess(GUARDRAILS, arm("1", 6000, 0, None), arm("2", 1500))]

    assert "version 1 has no latency metric after 6000 requests: nothing to compare" in reasons


def test_a_reason_carries_value_limit_and_n():
    """PEERS O17: the threshold stands beside the value."""
    reason = assess(GUARDRAILS, arm("1", 6000), arm("2", 1500, 150))[0].reason

    assert reason == "error rate 10.00 % (150 of 1500), limit 2.00 %; it is at least 6.91 %"


def test_each_guardrail_is_unclear_by_itself_without_a_metric():
    """No guardrail passes on silence because another one refuses anyway."""
    silent = [item.outcome for item in assess(GUARDRAILS, arm("1", 6000), arm("2", 1500, 0, None))]

    assert silent == [Outcome.PASSED, Outcome.UNCLEAR, Outcome.PASSED, Outcome.UNCLEAR]
