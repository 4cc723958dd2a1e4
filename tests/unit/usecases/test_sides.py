"""Whom a user's request is put to."""

from dataclasses import replace

import pytest

from infolens.rollout.sides import BUCKETS, bucket_of
from infolens.usecases.sides import Sides
from rollout_fakes import PLAN, TASK, alias, record

SPLIT = alias()
STICKY = record(plan=replace(PLAN, sticky=True))
FIRST = next(f"u{n}" for n in range(10_000) if bucket_of("r1", f"u{n}") < BUCKETS // 5)
LAST = next(f"u{n}" for n in range(10_000) if bucket_of("r1", f"u{n}") >= BUCKETS * 99 // 100)


def qualifier(user, rollout=STICKY, state=SPLIT, errors=None):
    """Ask; an exception in place of rollout or alias is raised."""

    def give(found):
        if isinstance(found, Exception):
            raise found
        return found

    told = [] if errors is None else errors
    sides = Sides(lambda task: give(rollout), lambda task: give(state), lambda task, error: told.append(error))
    chosen = sides.choose(TASK, user)
    assert chosen.bucket == (None if chosen.qualifier == "live" else bucket_of("r1", user))
    return chosen.qualifier


def test_a_user_gets_the_version_of_their_side():
    """At 20 % the first fifth of the buckets has the candidate."""
    assert (qualifier(FIRST), qualifier(LAST)) == ("2", "1")


@pytest.mark.parametrize("weight", [20, 60, 99])
def test_who_came_over_stays(weight):
    """At every weight that follows."""
    assert qualifier(FIRST, state=alias(weight=weight)) == "2"


@pytest.mark.parametrize(
    ("user", "rollout", "state"),
    [
        ("", STICKY, alias()),
        (FIRST, None, alias()),
        (FIRST, record(), alias()),
        (FIRST, replace(STICKY, status="rolled_back"), alias()),
        (FIRST, STICKY, None),
        (FIRST, STICKY, alias(candidate="", weight=0)),
        (FIRST, STICKY, alias(champion="3")),
    ],
    ids=["no key", "no rollout", "not sticky", "over", "no alias", "no candidate", "moved by hand"],
)
def test_otherwise_the_alias_draws(user, rollout, state):
    """Nothing is known that the alias does not know better."""
    assert qualifier(user, rollout, state) == "live"


@pytest.mark.parametrize("place", ["rollout", "state"])
def test_what_cannot_be_read_costs_nobody_an_answer(place):
    """The alias draws, and somebody is told."""
    fault, errors = OSError("away"), []
    assert qualifier(FIRST, **{place: fault}, errors=errors) == "live"
    assert errors == [fault]
