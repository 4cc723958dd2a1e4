"""Waiting with a limit."""

import pytest

from cli_fakes import Clock
from infolens_cli.trouble import Trouble
from infolens_cli.waiting import wait_for


def test_what_comes_is_given_back():
    """It looks until there is something."""
    clock = Clock()
    found = wait_for(lambda: "here" if clock.now >= 3 else None, what="it", seconds=10, clock=clock, pause=clock.pause)
    assert found == "here"
    assert clock.now == 3


def test_what_comes_at_the_last_moment_counts():
    """The limit is looked at after the last look, not before it."""
    clock = Clock()
    look = lambda: "here" if clock.now >= 10 else None  # noqa: E731
    assert wait_for(look, what="it", seconds=10, clock=clock, pause=clock.pause) == "here"


def test_what_does_not_come_is_named():
    """The message says what was waited for and how long."""
    clock = Clock()
    with pytest.raises(Trouble, match="the report did not come within 10 seconds"):
        wait_for(lambda: None, what="the report", seconds=10, clock=clock, pause=clock.pause)
