"""Reads the history of a task's alias: who served at a time, and everything that one rollout saw and did. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infolens.rollout.plan import FULL_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from infolens.contracts.rollout import HistoryEvent

_ENDED_UNSEEN = "aborted"
"""A rollout that somebody took the alias away from: its own line tells the candidate's share, not who had the rest."""


@dataclass(frozen=True)
class Served:
    """Who answered users at a time."""

    champion: str
    """Version with the rest of the traffic."""
    candidate: str
    """Version with a share; "" for none."""
    weight: int
    """Percent of the candidate."""
    since: HistoryEvent
    """The line of history that made it so."""

    @property
    def surely(self) -> bool:
        """Whether the history tells it: an alias that was moved by other means is known only as far as was seen."""
        return self.since.event != _ENDED_UNSEEN


def who_served(events: Sequence[HistoryEvent], at: datetime) -> Served | None:
    """Say who served at a time, from the lines of a task's history, oldest first; None before the first one.

    Args:
        events: of one task.
        at: with a time zone.
    """
    wanted = at.isoformat(timespec="microseconds") if at.utcoffset() is not None else ""
    if not wanted or not wanted.endswith("+00:00"):
        raise ValueError(f"a time in UTC is needed, got {at.isoformat()}")
    before = [event for event in events if event.at <= wanted]
    if not before:
        return None
    last = before[-1]
    if last.weight == FULL_WEIGHT:
        return Served(last.candidate, "", 0, last)
    return Served(last.champion, last.candidate if last.weight else "", last.weight, last)


def of_rollout(events: Sequence[HistoryEvent], rollout_id: str = "") -> tuple[HistoryEvent, ...]:
    """Give the lines of one rollout, oldest first; of the latest one where none is named."""
    wanted = rollout_id or next((event.rollout_id for event in reversed(events) if event.rollout_id), "")
    return tuple(event for event in events if wanted and event.rollout_id == wanted)
