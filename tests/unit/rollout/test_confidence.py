"""Tests of `infolens.rollout.confidence`."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolens.rollout.confidence import (
    Weight,
    log_evidence,
    lower_bound,
    proves_over,
    proves_under,
    quantile_bracket,
    trials_for_bracket,
    upper_bound,
    weigh_rate,
)


def test_evidence_against_a_rate_is_the_mixture_of_likelihood_ratios():
    """One event in one trial: the mixture gives it 1/2, so M(1/4) = 2."""
    assert log_evidence(1, 1, 0.25) == pytest.approx(0.6931471805599453)


def test_nothing_seen_proves_nothing():
    """No trial leaves every rate possible."""
    assert (lower_bound(0, 0, 0.01), upper_bound(0, 0, 0.01)) == (0.0, 1.0)
    assert not proves_over(0, 0, 0.0, 0.01)
    assert not proves_under(0, 0, 1.0, 0.01)


def test_impossible_counts_are_refused():
    """More events than trials is a fault of the caller."""
    with pytest.raises(ValueError, match="3 events of 2 trials"):
        log_evidence(3, 2, 0.5)


def test_one_event_disproves_a_rate_of_nothing():
    """A limit of 0 means never: a single event is proof."""
    assert proves_over(1, 1000, 0.0, 0.0025)


def test_the_proof_of_a_rate_over_two_percent_has_a_sharp_edge():
    """26 of 500 are not yet proof of more than 2 %, 27 are: the boundary pair of the error-rate guardrail."""
    assert not proves_over(26, 500, 0.02, 0.0025)
    assert proves_over(27, 500, 0.02, 0.0025)


@given(st.integers(0, 400), st.integers(0, 400), st.floats(0.0001, 0.2))
def test_bounds_hold_the_observed_rate_between_them(events, calm, alpha):
    """Bounds never exclude what was seen, and agree with the test they come from."""
    trials = events + calm
    low, high = lower_bound(events, trials, alpha), upper_bound(events, trials, alpha)

    assert 0.0 <= low <= high <= 1.0
    if trials:
        assert low <= events / trials <= high + 1e-12
    if low > 0:
        assert proves_over(events, trials, low * 0.999, alpha)
        assert not proves_over(events, trials, low * 1.001, alpha)


@given(st.integers(1, 3000), st.floats(0.0005, 0.05))
def test_the_quantile_bracket_holds_the_quantile(trials, alpha):
    """The lower quantile lies below the one asked for, the upper above; both are in (0, 1]."""
    low, high = quantile_bracket(trials, 0.95, alpha)

    assert low is None or 0 < low < 0.95
    assert high is None or 0.95 < high <= 1


def test_few_values_bound_a_quantile_on_no_side():
    """One value says nothing; an upper bound of the 95th percentile takes far more values than a lower one."""
    assert quantile_bracket(0, 0.95, 0.00125) == (None, None)
    assert quantile_bracket(1, 0.95, 0.00125) == (None, None)
    assert quantile_bracket(20, 0.95, 0.00125) == (0.6, None)


def test_the_greatest_of_159_values_is_the_first_to_bound_a_95th_percentile():
    """Boundary pair: with 158 values even the greatest may lie below the p95 too easily."""
    assert trials_for_bracket(0.95, 0.00125) == 159
    assert quantile_bracket(158, 0.95, 0.00125)[1] is None
    assert quantile_bracket(159, 0.95, 0.00125)[1] == 1.0


@pytest.mark.parametrize(("trials", "typical", "proved"), [(404, 0.5, False), (405, 0.5, True), (291, 0.02, False)])
def test_a_mixture_that_expects_rare_events_proves_their_absence_sooner(trials, typical, proved):
    """No event in 292 proves less than 2 % if rates of 2 % were expected, in 405 if nothing was."""
    assert proves_under(0, trials, 0.02, 0.01, typical) is proved
    assert proves_under(0, 292, 0.02, 0.01, 0.02)


@pytest.mark.parametrize(("events", "trials"), [(0, 100), (2, 500), (4, 700)])
def test_the_estimate_of_what_is_missing_comes_true(events, trials):
    """Observations that go on as they are prove it when the estimate says, give or take a twentieth."""
    factor = weigh_rate(events, trials, 0.02, 0.02).factor_to(0.01)

    assert not weigh_rate(events, trials, 0.02, 0.02).proves(0.01)
    early, late = (round(0.95 * factor * trials), round(1.05 * factor * trials))
    scaled = [Weight(*_scaled_log(events, trials, grown / trials), 1).proves(0.01) for grown in (early, late)]
    assert scaled == [False, True]


def _scaled_log(events, trials, factor):
    """The weight of counts that grew by a factor, which need not be whole numbers."""
    k, n = events * factor, trials * factor
    other = 0.5 * 0.98 / 0.02
    beta = math.lgamma(k + 0.5) + math.lgamma(n - k + other) - math.lgamma(n + 0.5 + other)
    prior = math.lgamma(0.5) + math.lgamma(other) - math.lgamma(0.5 + other)
    against = k * math.log(0.02) + (n - k) * math.log(0.98)
    return beta - prior - against, 0.0


def test_what_speaks_for_nothing_never_will():
    """A rate exactly at its limit grows no evidence: there is no estimate to give."""
    assert weigh_rate(2, 100, 0.02).factor_to(0.01) is None


def test_what_is_proved_needs_nothing_more():
    """The factor of a proof is one."""
    assert weigh_rate(0, 1500, 0.02).factor_to(0.01) == 1.0


def test_looking_after_every_request_keeps_the_stated_error_probability():
    """Planted peeking: 400 healthy runs at exactly the limit, looked at 1000 times each (DESIGN, section 5)."""
    dice = random.Random(7)
    wrong = 0
    for _ in range(400):
        events = 0
        for trials in range(1, 1001):
            events += dice.random() < 0.02
            if proves_over(events, trials, 0.02, 0.05):
                wrong += 1
                break

    assert wrong <= 0.05 * 400


@pytest.mark.parametrize(
    ("rate", "looks", "least", "most"),
    [
        (0.015, 60, 0.0, 0.0025),  # healthy: the naive rule takes it back 83 % of the time (DESIGN, section 5)
        (0.05, 60, 0.9, 1.0),  # found within S0's 1500 requests
        (0.3, 2, 0.9, 1.0),  # found within 50 requests
    ],
)
def test_looking_every_25_requests_finds_the_bad_and_spares_the_healthy(rate, looks, least, most):
    """Power and error probability of the error-rate guardrail at S0's 2 %, over 400 simulated steps."""
    dice = random.Random(3)
    found = 0
    for _ in range(400):
        events = 0
        for trials in range(25, 25 * looks + 1, 25):
            events += sum(dice.random() < rate for _ in range(25))
            if proves_over(events, trials, 0.02, 0.0025):
                found += 1
                break

    assert least <= found / 400 <= most
