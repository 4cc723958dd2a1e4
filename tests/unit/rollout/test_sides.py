"""Users stay on their side of a rollout."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolens.contracts.rollout import AliasState
from infolens.rollout.sides import BUCKETS, bucket_of, version_for


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
