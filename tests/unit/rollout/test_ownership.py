"""Tests of `infolens.rollout.ownership`."""

import pytest

from infolens.rollout.ownership import Ownership, describe, expected_split, ownership
from rollout_fakes import alias, record


@pytest.mark.parametrize(
    ("step", "split"),
    [(-1, ("1", "", 0)), (0, ("1", "2", 20)), (3, ("1", "2", 80)), (4, ("2", "", 0))],
)
def test_each_step_has_its_split(step, split):
    """Before the first step the champion is alone, after the last one the candidate."""
    assert expected_split(record(), step) == split


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (alias(), Ownership.OURS),
        (alias(weight=21), Ownership.FOREIGN),
        (alias(candidate="3"), Ownership.FOREIGN),
        (alias(champion="3"), Ownership.FOREIGN),
        (alias(revision_id="rev-2"), Ownership.UNRECORDED),
        (alias(candidate="", weight=0), Ownership.UNWRITTEN),
        (alias(candidate="", weight=0, revision_id="rev-2"), Ownership.FOREIGN),
        (alias(weight=40, revision_id="rev-2"), Ownership.FOREIGN),
        (None, Ownership.FOREIGN),
    ],
)
def test_the_alias_is_ours_only_when_everything_matches(shown, expected):
    """One differing field is enough to tell another hand from ours."""
    assert ownership(record(), shown) is expected


def test_a_taken_back_alias_is_never_taken_for_an_unfinished_write():
    """After an alarm the champion is alone under a new revision: writing step 1 again would raise the weight."""
    assert ownership(record(step=1), alias(candidate="", weight=0, revision_id="rev-9")) is Ownership.FOREIGN


def test_the_split_is_told_in_words():
    """Reasons are read by people."""
    assert describe(alias()) == "version 1 has 80 % and version 2 20 %"
    assert describe(alias(candidate="", weight=0)) == "version 1 has 100 %"
    assert describe(None) == "there is no alias"
