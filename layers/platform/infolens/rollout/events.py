"""The inputs that the state machine of rollouts, and the alarms, hand to their functions."""

from __future__ import annotations

from dataclasses import dataclass

from infolens.contracts.rollout import Decision  # noqa: TC001 - pydantic reads it
from infolens.rollout.evidence import Evidence  # noqa: TC001 - pydantic reads it


@dataclass(frozen=True)
class RolloutInput:
    """Input of an execution."""

    task: str
    candidate: str
    """Number of a published version, as text."""
    plan: dict[str, object] | None = None
    """Plain JSON of a plan; None takes the deployment's or the task's own."""
    forced: bool = False
    who: str = "state-machine"
    rollout_id: str = ""
    """A rollout whose execution was killed, to go on with; "" begins a new one under the execution's name."""


@dataclass(frozen=True)
class BeginEvent:
    """Input of begin_rollout."""

    execution: str
    """Name of the execution."""
    input: RolloutInput


@dataclass(frozen=True)
class CollectEvent:
    """Input of collect_evidence."""

    task: str
    rollout_id: str


@dataclass(frozen=True)
class ApplyEvent:
    """Input of apply_decision."""

    task: str
    rollout_id: str
    decision: Decision
    evidence: Evidence | None = None
