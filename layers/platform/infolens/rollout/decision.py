"""Decides, from one look at the evidence, what happens to a rollout; nothing else lets a candidate advance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from typing import TYPE_CHECKING

from infolens.contracts.rollout import Action, Decision
from infolens.rollout.budget import describe as describe_budget
from infolens.rollout.guardrails import Outcome, assess, in_shadow
from infolens.rollout.ownership import Ownership, describe, expected_split, ownership, share_of
from infolens.rollout.plan import FULL_WEIGHT
from infolens.rollout.sides import broken_ratio

if TYPE_CHECKING:
    from infolens.contracts.rollout import AliasState, Plan, RolloutRecord
    from infolens.rollout.evidence import Evidence
    from infolens.rollout.guardrails import Assessment

RUNNING = "running"
STATUS_AFTER = {
    Action.PROMOTE: "promoted",
    Action.ROLL_BACK: "rolled_back",
    Action.EXPIRE: "expired",
    Action.ABORT: "aborted",
}
"""The status of a record after an action that ends its rollout."""

_RAISES = {Action.ADVANCE, Action.PROMOTE}
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
    decision = _explain(look)
    ratio = broken_ratio(look.sides, _weight(record)) if decision.action in _RAISES else ""
    return held_by_operator(record, _held(record, decision, ratio) if ratio else decision)


def held_by_operator(record: RolloutRecord, decision: Decision) -> Decision:
    """Leave the weight where an operator holds it: it does not rise and does not expire. What is proved bad still goes.

    Whoever carries a decision out asks again with the newest record: the hold may be younger than the decision.
    """
    if not record.held_by or decision.action not in _RAISES | {Action.EXPIRE}:
        return decision
    return _held(record, decision, f"held by {record.held_by} until resumed; otherwise: {decision.action.value}")


@dataclass(frozen=True)
class Judgement:
    """What a look at an owned, running rollout leads to, before anybody puts it into words."""

    action: Action
    assessments: tuple[Assessment, ...]
    missing: int
    """Requests (pairs in the shadow) that the plan asks for beyond those seen."""
    more: int | None
    """Requests (pairs) until every guardrail is proved, as things look now; None where it cannot be said."""


def judge(look: Evidence) -> Judgement:
    """Judge one step: take back on proof that a limit is broken, go on when all are proved kept, else wait or expire.

    This is all of the decision that depends on the evidence; `decide` adds who owns the alias, and the words.
    """
    assessments = assess(look)
    worst = max(assessment.outcome for assessment in assessments)
    needed, longest = _pace(look)
    missing = max(0, needed - _count(look))
    if worst is Outcome.BROKEN:
        return Judgement(Action.ROLL_BACK, assessments, missing, None)
    if worst is Outcome.PASSED and not missing:
        last = look.record.plan.weights[look.record.step + 1] == FULL_WEIGHT
        return Judgement(Action.PROMOTE if last else Action.ADVANCE, assessments, 0, 0)
    wanted = [assessment.more for assessment in assessments]
    more = None if None in wanted else max(missing, *(one for one in wanted if one is not None))
    return Judgement(Action.EXPIRE if _elapsed(look) >= longest else Action.HOLD, assessments, missing, more)


def _held(record: RolloutRecord, decision: Decision, reason: str) -> Decision:
    return replace(decision, action=Action.HOLD, weight=_weight(record), reasons=(reason, *decision.reasons))


def _weight(record: RolloutRecord) -> int:
    return expected_split(record, record.step)[2]


def _explain(look: Evidence) -> Decision:
    record, plan = look.record, look.record.plan
    judgement = judge(look)
    surely = (*_unasked(plan), describe_budget(plan))
    if judgement.action is Action.ROLL_BACK:
        broken = (item.reason for item in judgement.assessments if item.outcome is Outcome.BROKEN)
        return Decision(Action.ROLL_BACK, 0, (*broken, *surely))
    seen = tuple(item.reason for item in judgement.assessments)
    if judgement.action in {Action.ADVANCE, Action.PROMOTE}:
        return Decision(judgement.action, plan.weights[record.step + 1], (*seen, *surely))
    needed, longest = _pace(look)
    counted = f"{_count(look)} of {needed} {'pairs in the shadow' if in_shadow(look) else 'requests in this step'}"
    if judgement.action is Action.EXPIRE:
        reason = f"the step lasted {_elapsed(look):.0f} s, limit {longest} s, without the evidence to advance"
        return Decision(Action.EXPIRE, 0, (reason, counted, *seen, *surely))
    seconds = _seconds_for(judgement.more, look)
    return Decision(
        Action.HOLD,
        _weight(record),
        (counted, _outlook(judgement, seconds, longest - _elapsed(look)), *seen, *surely),
        more_requests=judgement.missing if judgement.more is None else judgement.more,
        more_seconds=seconds,
    )


def _outlook(judgement: Judgement, seconds: int | None, left: float) -> str:
    if judgement.more is None:
        return f"when there will be proof cannot be said yet; the step expires in {left:.0f} s"
    time = "no traffic to tell the time by" if seconds is None else f"about {seconds} s at the present traffic"
    return f"about {judgement.more} more needed, {time}; the step expires in {left:.0f} s"


def _unasked(plan: Plan) -> tuple[str, ...]:
    if plan.guardrails.max_quality_loss is None:
        return ("quality: this plan asks for no labels, so nothing is claimed about it",)
    return ()


def _pace(look: Evidence) -> tuple[int, int]:
    """How many requests, or pairs, and how many seconds the present stage has."""
    plan = look.record.plan
    if plan.shadow is not None and in_shadow(look):
        return plan.shadow.min_pairs, plan.shadow.max_seconds
    return plan.min_requests, plan.max_step_seconds


def _count(look: Evidence) -> int:
    if in_shadow(look):
        return look.pairs.pairs if look.pairs else 0
    return look.candidate.requests


def _elapsed(look: Evidence) -> float:
    started = datetime.fromisoformat(look.record.step_started_at)
    return (datetime.fromisoformat(look.at) - started).total_seconds()


def _seconds_for(more: int | None, look: Evidence) -> int | None:
    seen = _count(look)
    if more is None or not seen:
        return None
    return ceil(more * max(0.0, _elapsed(look)) / seen)


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
