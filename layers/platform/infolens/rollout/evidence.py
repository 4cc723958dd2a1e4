"""What one look at a rollout saw; it passes through the state machine as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from infolens.contracts.rollout import (  # noqa: TC001 - pydantic reads them
    AliasState,
    Arm,
    KeyedSides,
    Labels,
    Pairs,
    RolloutRecord,
)


@dataclass(frozen=True)
class Evidence:
    """Everything a decision is made from, gathered at one time."""

    record: RolloutRecord
    alias: AliasState | None
    """As just read back; None when there is none."""
    champion: Arm
    """What was seen of the champion since the step began."""
    candidate: Arm
    """What was seen of the candidate since the step began."""
    at: str
    """Time of the look: ISO 8601, UTC."""
    firing: tuple[str, ...] = ()
    """Alarms of the rollout in state ALARM; covers an alarm action that got lost."""
    pairs: Pairs | None = None
    """Requests of this step that both versions answered; None where nothing is shadowed."""
    labels: Labels | None = None
    """Labels of such requests since the rollout began; None where none are collected."""
    sides: KeyedSides | None = None
    """Users with a key; None where nobody is kept on a side."""


def rounded_difference(difference: float, dice: float) -> int:
    """Put a difference of scores into hundredths so that its mean is kept: 0.237 gives 24 seven times of ten, else 23.

    Args:
        difference: candidate's score less the champion's, within [-1, 1].
        dice: uniform in [0, 1), made from the prediction id, so that the same label twice is rounded alike.
    """
    return min(100, floor(100 * difference + dice))
