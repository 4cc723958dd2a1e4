"""Decides, from one look at the evidence, what happens to a rollout; nothing else lets a candidate advance."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from infolens.contracts.rollout import Action, Decision
from infolens.rollout.guardrails import Outcome, assess
from infolens.rollout.ownership import Ownership, describe, expected_split, ownership, share_of
from infolens.rollout.plan import FULL_WEIGHT

if TYPE_CHECKING:
    from infolens.contracts.rollout import AliasState, RolloutRecord
    from infolens.rollout.evidence import Evidence

RUNNING = "running"
STATUS_AFTER = {
    Action.PROMOTE: "promoted",
    Action.ROLL_BACK: "rolled_back",
    Action.EXPIRE: "expired",
    Action.ABORT: "aborted",
}
"""The status of a record after an action that ends its rollout."""

_ACTION_OF = {status: action for action, status in STATUS_AFTER.items()}


def decide(look: Evidence) -> Decision:
    """Judge one step of a rollout by its plan.

    Returns:
        What to do and to which weight. The weight rises only with ADVANCE and PROMOTE, and only by one step.

    Raises:
        ValueError: an arm belongs to another version than the record names.
    """
    record, alias = look.record, look.alias
    if (look.champion.version, look.candidate.version) != (record.champion, record.candidate):
        raise ValueError(
            f"evidence is of versions {look.champion.version} and {look.candidate.version}, "
            f"the rollout is of {record.champion} and {record.candidate}"
        )
    if record.status != RUNNING:
        return _ended(record, alias)
    if ownership(record, alias) is not Ownership.OURS:
        return _moved(record, alias)
    if look.firing:
        return Decision(Action.ROLL_BACK, 0, tuple(f"alarm {name} is firing" for name in look.firing))
    return _judge(look)


def _judge(look: Evidence) -> Decision:
    record, plan = look.record, look.record.plan
    assessments = assess(plan.guardrails, look.champion, look.candidate)
    worst = max(assessment.outcome for assessment in assessments)
    if worst is Outcome.BROKEN:
        broken = tuple(item.reason for item in assessments if item.outcome is Outcome.BROKEN)
        return Decision(Action.ROLL_BACK, 0, broken)

    missing = max(0, plan.min_requests - look.candidate.requests)
    seen = tuple(item.reason for item in assessments)
    if worst is Outcome.PASSED and not missing:
        weight = plan.weights[record.step + 1]
        return Decision(Action.PROMOTE if weight == FULL_WEIGHT else Action.ADVANCE, weight, seen)

    lacking = (f"{look.candidate.requests} of {plan.min_requests} requests in this step", *seen)
    elapsed = (datetime.fromisoformat(look.at) - datetime.fromisoformat(record.step_started_at)).total_seconds()
    if elapsed >= plan.max_step_seconds:
        reason = f"the step lasted {elapsed:.0f} s, limit {plan.max_step_seconds} s, without the evidence to advance"
        return Decision(Action.EXPIRE, 0, (reason, *lacking))
    return Decision(Action.HOLD, plan.weights[record.step], lacking, more_requests=missing)


def _ended(record: RolloutRecord, alias: AliasState | None) -> Decision:
    return Decision(
        _ACTION_OF[record.status],
        share_of(record.candidate, alias),
        (f"the rollout has already ended as {record.status}",),
    )


def _moved(record: RolloutRecord, alias: AliasState | None) -> Decision:
    champion, candidate, weight = expected_split(record, record.step)
    split = f"{100 - weight} % for version {champion}" + (f", {weight} % for version {candidate}" if candidate else "")
    reason = (
        f"somebody moved the alias: {describe(alias)} (revision {alias.revision_id if alias else 'none'}); "
        f"this rollout had set {split} (revision {record.revision_id}). It is left as it is"
    )
    return Decision(Action.ABORT, share_of(record.candidate, alias), (reason,))
