"""What one look at a rollout saw; it passes through the state machine as JSON."""

from __future__ import annotations

from dataclasses import dataclass

from infolens.contracts.rollout import AliasState, Arm, RolloutRecord  # noqa: TC001 - pydantic reads them


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
