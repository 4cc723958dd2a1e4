"""Tests of `infolens.rollout.latency`."""

import pytest

from infolens.rollout.assessment import Outcome
from infolens.rollout.latency import assess_latency, assess_latency_ratio, assess_typical
from rollout_fakes import arm

ALPHA = 0.0025


@pytest.mark.parametrize(
    ("p95", "low", "high", "outcome"),
    [
        (300.0, 280.0, 400.0, Outcome.PASSED),
        (300.0, 280.0, 400.1, Outcome.UNCLEAR),
        (300.0, 280.0, None, Outcome.UNCLEAR),
        (400.1, 300.0, 500.0, Outcome.UNCLEAR),
        (400.1, None, None, Outcome.UNCLEAR),
        (500.0, 400.0, 600.0, Outcome.UNCLEAR),
        (500.0, 400.1, 600.0, Outcome.BROKEN),
        (None, None, None, Outcome.UNCLEAR),
    ],
)
def test_the_bounds_of_a_p95_prove_it_under_or_over_its_limit(p95, low, high, outcome):
    """S2-08: p95 over 400 ms; a bound on the other side of the limit proves nothing, a missing one neither."""
    found = assess_latency(400.0, arm("2", 1500, 0, p95, latency_p95_low_ms=low, latency_p95_high_ms=high), ALPHA)

    assert found.outcome is outcome


@pytest.mark.parametrize(
    ("slow", "outcome"),
    [(45, Outcome.PASSED), (46, Outcome.UNCLEAR), (113, Outcome.UNCLEAR), (114, Outcome.BROKEN)],
)
def test_counts_of_slow_requests_tell_more_than_bounds(slow, outcome):
    """A p95 under the limit means that less than 5 % of warm requests are over it."""
    candidate = arm("2", 1500, 0, 9999.0, warm=1500, slow=slow)

    assert assess_latency(400.0, candidate, ALPHA).outcome is outcome


@pytest.mark.parametrize(
    ("p95", "low", "high", "bounds", "outcome"),
    [
        (120.0, 110.0, 134.9, (90.0, 110.0), Outcome.PASSED),
        (120.0, 110.0, 135.1, (90.0, 110.0), Outcome.UNCLEAR),
        (120.0, 110.0, 134.9, (None, 110.0), Outcome.UNCLEAR),
        (120.0, 110.0, None, (90.0, 110.0), Outcome.UNCLEAR),
        (150.1, 140.0, 160.0, (90.0, 110.0), Outcome.UNCLEAR),
        (200.0, 164.9, 220.0, (90.0, 110.0), Outcome.UNCLEAR),
        (200.0, 165.1, 220.0, (90.0, 110.0), Outcome.BROKEN),
        (200.0, 165.1, 220.0, (90.0, None), Outcome.UNCLEAR),
        (200.0, None, 220.0, (90.0, 110.0), Outcome.UNCLEAR),
    ],
)
def test_the_bounds_of_two_p95_prove_their_ratio(p95, low, high, bounds, outcome):
    """Accepted ratio 1.5: the one's upper bound is held against the other's lower one, on either way."""
    champion = arm("1", 6000, 0, 100.0, latency_p95_low_ms=bounds[0], latency_p95_high_ms=bounds[1])
    candidate = arm("2", 1500, 0, p95, latency_p95_low_ms=low, latency_p95_high_ms=high)

    assert assess_latency_ratio(1.5, champion, candidate).outcome is outcome


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_missing_latency_names_the_version(version):
    """A person can act on the reason: which version sends no metric."""
    arms = [arm(name, 1500, 0, None if name == version else 100.0) for name in ("1", "2")]
    found = assess_latency_ratio(1.5, *arms)

    assert found.outcome is Outcome.UNCLEAR
    assert found.reason == f"version {version} has no latency metric after 1500 requests: nothing to compare"


def test_too_few_requests_to_bound_a_p95_say_how_many_more_are_needed():
    """159 values are the first whose greatest bounds the p95."""
    found = assess_latency(400.0, arm("2", 100, 0, 50.0, latency_p95_high_ms=None), ALPHA)

    assert found.more == 59


def test_bounds_that_are_too_wide_say_how_many_more_are_needed():
    """Twice as wide as there is room: four times the requests."""
    found = assess_latency(400.0, arm("2", 1000, 0, 200.0, latency_p95_high_ms=800.0), ALPHA)

    assert found.more == 3000


@pytest.mark.parametrize(
    ("beyond", "outcome"),
    [(435, Outcome.PASSED), (436, Outcome.UNCLEAR), (569, Outcome.UNCLEAR), (570, Outcome.BROKEN)],
)
def test_the_typical_request_is_judged_by_the_sign_of_each_pair(beyond, outcome):
    """Less than half of 1000 pairs beyond the ratio: the median ratio keeps it."""
    assert assess_typical("warm latency", 1.5, (beyond, 1000), ALPHA).outcome is outcome


@pytest.mark.parametrize("counts", [(None, None), (None, 100), (0, None), (0, 0)])
def test_pairs_that_nobody_timed_are_unclear(counts):
    """A metric that is missing is not zero."""
    assert assess_typical("cost", 1.5, counts, ALPHA).outcome is Outcome.UNCLEAR
