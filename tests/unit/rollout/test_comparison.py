"""Tests of `infolens.rollout.comparison`."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolens.rollout.comparison import bound_mean, bound_rates, mean_of, weigh_mean, weigh_rates
from infolens.rollout.confidence import log_likelihood, log_mixture


def test_a_bet_pays_what_it_says():
    """Nine shares of the wealth, one pair with a difference of 0 against "at least 0.5": each wins share * 2 * 0.5."""
    wealth = sum(1 + 2.0**-step * 2 * 0.5 for step in range(9)) / 9

    assert weigh_mean({0.0: 1}, 0.5, below=True).log == pytest.approx(math.log(wealth))


def test_a_bet_never_loses_more_than_everything():
    """The worst difference takes the boldest gambler's all; the others still have something."""
    weight = weigh_mean({1.0: 1}, 0.02, below=True)

    assert -10 < weight.log < 0


@st.composite
def counts(draw, most=3000):
    """Events of trials."""
    trials = draw(st.integers(1, most))
    return draw(st.integers(0, trials)), trials


@given(counts(), counts(), st.sampled_from([-0.3, -0.01, 0.0, 0.01, 0.1, 0.9]))
def test_no_pair_of_rates_in_the_hypothesis_explains_the_counts_better(first, second, margin):
    """The weight is taken against the greatest likelihood, whichever rate a grid tries."""
    least = sum(log_mixture(*side) for side in (first, second)) - weigh_rates(first, second, margin).log
    low, high = max(0.0, -margin), min(1.0, 1 - margin)
    for part in range(1, 200):
        rate = low + (high - low) * part / 200
        tried = log_likelihood(*first, rate) + log_likelihood(*second, rate + margin)
        assert tried <= least + 1e-6


@pytest.mark.parametrize(("champion", "candidate", "margin"), [(0.01, 0.02, 0.01), (0.3, 0.4, 0.1), (0.1, 0.0, -0.1)])
def test_two_rates_exactly_at_the_margin_are_hardly_ever_told_apart_from_it(champion, candidate, margin):
    """Planted peeking: 300 runs on the very edge of the hypothesis, looked at after each 20 of 1000 requests a side."""
    dice = random.Random(11)
    wrong = 0
    for _ in range(300):
        first = second = 0
        for trials in range(20, 1001, 20):
            first += sum(dice.random() < champion for _ in range(20))
            second += sum(dice.random() < candidate for _ in range(20))
            if weigh_rates((first, trials), (second, trials), margin, 0.05).proves(0.05):
                wrong += 1
                break

    assert wrong <= 0.05 * 300


@pytest.mark.parametrize("below", [True, False])
def test_differences_exactly_at_the_limit_are_hardly_ever_told_apart_from_it(below):
    """Planted peeking: 300 runs with a mean loss of 0.02, looked at after each 20 of 2000 pairs."""
    dice = random.Random(5)
    wrong = 0
    for _ in range(300):
        seen = {1.0: 0, -1.0: 0, 0.0: 0}
        for _ in range(100):
            for _ in range(20):
                odds = dice.random()
                seen[1.0 if odds < 0.06 else -1.0 if odds < 0.10 else 0.0] += 1
            if weigh_mean(seen, 0.02, below=below).proves(0.05):
                wrong += 1
                break

    assert wrong <= 0.05 * 300


def test_equal_quality_is_proved_on_the_labels_of_s0s_shadow():
    """300 wins, 300 losses, 5400 ties: not worse by 0.02; with 600 pairs nothing is proved yet."""
    assert weigh_mean({1.0: 300, -1.0: 300, 0.0: 5400}, 0.02, below=True).proves(0.01)
    assert not weigh_mean({1.0: 30, -1.0: 30, 0.0: 540}, 0.02, below=True).proves(0.01)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 3000))
def test_the_order_of_pairs_does_not_matter(wins, losses, ties):
    """The same counts in another order weigh the same, but for the rounding of sums."""
    one = weigh_mean({1.0: losses, -1.0: wins, 0.0: ties}, 0.02, below=True)
    other = weigh_mean({0.0: ties, -1.0: wins, 1.0: losses}, 0.02, below=True)

    assert one.log == pytest.approx(other.log, abs=1e-9)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 3000))
def test_the_interval_of_a_mean_holds_what_was_seen(more, less, same):
    """Bounds never exclude the observed mean."""
    seen = {1.0: more, -1.0: less, 0.0: same}
    low, high = (bound_mean(seen, 0.01, above=above) for above in (False, True))

    assert -1 <= low <= mean_of(seen) <= high <= 1


@given(counts(400), counts(400))
def test_the_interval_of_two_rates_holds_what_was_seen(first, second):
    """Bounds never exclude the observed difference."""
    low, high = (bound_rates(first, second, 0.01, above=above) for above in (False, True))

    assert low <= second[0] / second[1] - first[0] / first[1] <= high


def test_bounds_close_in_as_pairs_come():
    """Ten times the pairs, a narrower interval."""
    few = [bound_mean({1.0: 10, -1.0: 10, 0.0: 200}, 0.01, above=above) for above in (False, True)]
    many = [bound_mean({1.0: 100, -1.0: 100, 0.0: 2000}, 0.01, above=above) for above in (False, True)]

    assert few[0] < many[0] < 0 < many[1] < few[1]


def test_the_mean_of_nothing_is_nothing():
    """No pair, no difference."""
    assert mean_of({}) == 0.0
    assert weigh_mean({}, 0.02, below=True).log == pytest.approx(0.0)
