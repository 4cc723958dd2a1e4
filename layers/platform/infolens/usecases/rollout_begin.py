"""The beginning of a rollout: who may come in, who owns the alias, and the brakes before the traffic."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from infolens.aws.alias import AliasExistsError, VersionMissingError
from infolens.codec import to_dict
from infolens.contracts.rollout import RolloutRecord
from infolens.rollout.decision import RUNNING
from infolens.rollout.ownership import describe
from infolens.usecases.rollout_effects import STATE_MACHINE, Note, Ports, end, history_event, timestamp
from infolens.usecases.rollout_outcomes import Outcome, abort_moved, carry_out, outcome_of

if TYPE_CHECKING:
    from infolens.contracts.rollout import AlarmLimits, AliasState, Plan

_CHAMPION_MEMORY = timedelta(hours=1)
"""How far back the champion's own latency is looked at when a rollout begins."""


class RolloutRefusedError(RuntimeError):
    """A rollout that must not begin, or must not be touched; nothing was moved."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        """Keep the `reasons`."""
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class Request:
    """A candidate that is to be brought in."""

    task: str
    candidate: str
    rollout_id: str
    plan: Plan
    forced: bool = False
    """An operator brings it in past refused gates."""
    who: str = STATE_MACHINE


def begin(ports: Ports, request: Request, now: datetime) -> Outcome:
    """Own the alias and give the candidate the first weight of the plan; without a champion, all the traffic.

    The same rollout may begin again: what was done stays, what is missing is done.

    Raises:
        RolloutRefusedError: the candidate must not be brought in; the reasons say why.
        RolloutInProgressError: another rollout owns the alias; it is named.
    """
    note = Note(request.who, now)
    record = ports.store.current(request.task)
    if record is None or record.rollout_id != request.rollout_id:
        record = _claim(ports, request, record, note)
    elif record.candidate != request.candidate:
        raise RolloutRefusedError(
            (f"rollout {record.rollout_id} brings in version {record.candidate}, not {request.candidate}",)
        )
    if record.status != RUNNING:
        return outcome_of(record, ports.aliases.read(ports.function(record.task)), ())
    note = replace(note, now=now + timedelta(microseconds=1))  # history sorts by time: after "started"
    if not record.champion:
        return _go_live(ports, record, note)
    ports.alarms.create(record, _alarm_limits(ports, record, now))  # the brake before the traffic
    steps = f"step {record.step + 1} of {len(record.plan.weights)} begins"
    why = (steps if record.step >= 0 else "the candidate answers copies of requests; nobody sees its answers",)
    return carry_out(ports, record, replace(note, reasons=why))


def check_candidate(ports: Ports, task: str, candidate: str, *, forced: bool) -> tuple[str, ...]:
    """List what speaks against giving traffic to a version; nothing when it may have some.

    Force overrules refused gates. It overrules neither a version that is unknown nor one that serves other bytes than
    those that were judged.
    """
    if not candidate.isdecimal():
        return (f"candidate must be the number of a published version, got {candidate!r}",)
    model = ports.models.get(task, candidate)
    if model is None:
        return (f"version {candidate} of {task} is not in the registry",)
    reasons = () if forced else model.refusals
    try:
        pinned = ports.aliases.pinned_digest(ports.function(task), candidate)
    except VersionMissingError as error:
        return (*reasons, str(error))
    if pinned != model.bundle_digest:
        return (
            *reasons,
            f"version {candidate} pins bundle {pinned or 'none'}, but bundle {model.bundle_digest} was judged",
        )
    return reasons


def _claim(ports: Ports, request: Request, previous: RolloutRecord | None, note: Note) -> RolloutRecord:
    reasons = check_candidate(ports, request.task, request.candidate, forced=request.forced)
    alias = ports.aliases.read(ports.function(request.task))
    if alias and alias.champion == request.candidate and not alias.candidate:
        reasons += (f"version {request.candidate} has all the traffic already",)
    elif alias and alias.candidate and (previous is None or previous.status != RUNNING):
        # With a running rollout the split is its own, and claiming says so; without one it was made by hand.
        reasons += (f"{describe(alias)}, set by hand: set weight 0 or 100 first",)
    if reasons:
        raise RolloutRefusedError(reasons)
    plan = request.plan
    record = RolloutRecord(
        rollout_id=request.rollout_id,
        task=request.task,
        champion=alias.champion if alias else "",
        candidate=request.candidate,
        plan=plan,
        step=_first_step(plan, alias),
        step_started_at=timestamp(note.now),
        revision_id=alias.revision_id if alias else "",
        status=RUNNING,
        forced=request.forced,
    )
    why = ("past its gates, by force",) if request.forced else ()
    begun = replace(note, reasons=why, evidence={"plan": to_dict(plan)})
    ports.store.claim(record, history_event(record, "started", 0, begun))
    if previous is not None:
        ports.alarms.delete(previous)
    return record


def _first_step(plan: Plan, alias: AliasState | None) -> int:
    """Step that a rollout begins with: the shadow, where there is a champion and the plan asks for it, or a weight."""
    if alias is None:
        return len(plan.weights) - 1
    return -1 if plan.shadow else 0


def _go_live(ports: Ports, record: RolloutRecord, note: Note) -> Outcome:
    """Create the alias for the first version of a task: there is no champion to compare it with."""
    function = ports.function(record.task)
    alias = ports.aliases.read(function)
    if alias is None:
        try:
            alias = ports.aliases.create(function, record.candidate)
        except AliasExistsError:
            alias = ports.aliases.read(function)
    if alias is None or (alias.champion, alias.candidate) != (record.candidate, ""):
        return abort_moved(ports, record, note)
    reasons = ("first version of this task: there is no champion to compare it with",)
    return outcome_of(end(ports, record, "promoted", replace(note, reasons=reasons)), alias, reasons)


def _alarm_limits(ports: Ports, record: RolloutRecord, now: datetime) -> AlarmLimits:
    """Loosen the latency alarm where the champion itself would trip it: that would say nothing of the candidate."""
    limits = record.plan.alarms
    own = ports.metrics.arm(record.task, record.champion, now - _CHAMPION_MEMORY, now).latency_mean_ms
    if own is None:
        return limits
    return replace(limits, latency_ms=max(limits.latency_ms, own * record.plan.guardrails.max_latency_ratio))
