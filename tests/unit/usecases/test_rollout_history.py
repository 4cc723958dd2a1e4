"""The history of an alias answers who served when."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from infolens.contracts.rollout import HistoryEvent
from infolens.usecases.rollout import of_rollout, who_served
from rollout_fakes import TASK

DAY = datetime(2026, 3, 1, tzinfo=UTC)


def line(hour, event, weight, rollout_id="r1", versions=("1", "2")):
    """One line of history, at an hour of the day."""
    at = (DAY + timedelta(hours=hour)).isoformat(timespec="microseconds")
    return HistoryEvent(TASK, rollout_id, at, "state-machine", event, *versions, weight, (), {})


EVENTS = (
    line(8, "promoted", 100, "r0", ("", "1")),
    line(10, "started", 0),
    line(10.001, "weight", 20),
    line(11, "held", 20),
    line(12, "weight", 40),
    line(13, "rolled_back", 0),
    line(15, "weight_by_hand", 7, "", ("1", "3")),
    line(16, "weight_by_hand", 100, "", ("3", "3")),
    line(17, "aborted", 30, "r2", ("3", "4")),
)


@pytest.mark.parametrize(
    ("hour", "served"),
    [
        (8, ("1", "", 0)),
        (9, ("1", "", 0)),
        (10, ("1", "", 0)),
        (11, ("1", "2", 20)),
        (11.999, ("1", "2", 20)),
        (12, ("1", "2", 40)),
        (14, ("1", "", 0)),
        (15.5, ("1", "3", 7)),
        (16, ("3", "", 0)),
    ],
)
def test_who_served(hour, served):
    """The last line at that time tells, the line of that very moment included."""
    found = who_served(EVENTS, DAY + timedelta(hours=hour))
    assert (found.champion, found.candidate, found.weight) == served
    assert found.surely


def test_before_the_first_version_nobody_served():
    """The history does not make anybody up."""
    assert who_served(EVENTS, DAY + timedelta(hours=7.999)) is None
    assert who_served((), DAY) is None


def test_an_alias_that_was_taken_away_is_told_with_doubt():
    """The line tells what share the candidate was seen with, and not who moved the alias to whom."""
    found = who_served(EVENTS, DAY + timedelta(hours=18))
    assert (found.weight, found.surely) == (30, False)


@pytest.mark.parametrize("at", [datetime(2026, 3, 1), datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=1)))])  # noqa: DTZ001
def test_times_are_in_utc(at):
    """Text sorts as time does only in one zone."""
    with pytest.raises(ValueError, match="UTC"):
        who_served(EVENTS, at)


def test_lines_of_one_rollout():
    """Of the one named, or of the latest."""
    assert [x.event for x in of_rollout(EVENTS, "r1")] == ["started", "weight", "held", "weight", "rolled_back"]
    assert [x.event for x in of_rollout(EVENTS)] == ["aborted"]
    assert of_rollout((), "") == ()
    assert of_rollout(EVENTS[6:8]) == ()
