"""Users stay on their side of a rollout."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolens.contracts.rollout import AliasState, KeyedSides
from infolens.rollout.sides import BUCKETS, broken_ratio, bucket_of, version_for


def alias(weight):
    """Version 1 with a share for version 2."""
    return AliasState("1", "2" if weight else "", weight, "r")


@given(st.text(max_size=20), st.lists(st.integers(0, 99), min_size=2, max_size=6))
def test_nobody_comes_back_while_weights_rise(user, weights):
    """Once on the candidate's side, always there."""
    sides = [version_for(bucket_of("r1", user), alias(weight)) for weight in sorted(weights)]
    assert sides == sorted(sides)


@pytest.mark.parametrize(
    ("bucket", "weight", "version"), [(1999, 20, "2"), (2000, 20, "1"), (0, 1, "2"), (100, 1, "1"), (0, 0, "1")]
)
def test_a_percent_is_a_hundred_buckets(bucket, weight, version):
    """The last bucket of the share, and the first one beyond it."""
    assert version_for(bucket, alias(weight)) == version


def test_the_share_of_users_is_the_weight():
    """Of 20,000 users 20 % are on the candidate's side, give or take three standard deviations (0.85 %)."""
    sides = [version_for(bucket_of("r1", f"user {n}"), alias(20)) for n in range(20_000)]
    assert abs(sides.count("2") / len(sides) - 0.20) < 0.0085


def test_another_rollout_begins_with_other_people():
    """A fifth of a fifth is first in both: 4 %, give or take three standard deviations."""
    first, second = ({n for n in range(20_000) if bucket_of(r, f"user {n}") < BUCKETS // 5} for r in ("r1", "r2"))
    assert abs(len(first & second) / 20_000 - 0.04) < 0.0042


def test_rollout_and_user_are_kept_apart():
    """The same characters, cut otherwise, are others."""
    assert bucket_of("r1", "2 x") != bucket_of("r1 2", "x")


def sides(candidate, of, both=0):
    """So many of the users are the candidate's."""
    return KeyedSides(champion=of - candidate + both, candidate=candidate, both=both)


@pytest.mark.parametrize(("candidate", "broken"), [(200, False), (251, False), (262, True), (138, True), (0, True)])
def test_a_ratio_is_broken_by_proof_alone(candidate, broken):
    """Of a thousand users at 20 %: what chance gives is accepted, what it does not give is not."""
    assert bool(broken_ratio(sides(candidate, 1000), 20)) is broken


def test_the_words_have_the_numbers():
    """An operator sees how many there are, and how many there should be."""
    assert "300 of 1000 keyed users are the candidate's, 20% should be" in broken_ratio(sides(300, 1000), 20)


def test_who_came_over_is_the_candidates():
    """Users that both answered while the step began are no second users of the champion."""
    assert broken_ratio(sides(200, 1000, both=150), 20) == ""


@pytest.mark.parametrize("weight", [0, 100])
def test_one_side_has_no_ratio(weight):
    """Before the first weight, and after the last one."""
    assert broken_ratio(sides(500, 1000), weight) == ""
    assert broken_ratio(None, 20) == ""
    assert broken_ratio(sides(0, 0), 20) == ""


def test_a_sound_ratio_is_hardly_ever_called_broken_however_often_it_is_looked_at():
    """400 rollouts, each looked at after every user: one in a thousand is allowed, so two are still no surprise."""
    dice, alarms = random.Random(1), 0
    for _ in range(400):
        candidate = 0
        for total in range(1, 501):
            candidate += dice.random() < 0.2
            if broken_ratio(sides(candidate, total), 20):
                alarms += 1
                break
    assert alarms <= 2
