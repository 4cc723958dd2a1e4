"""The steps of a rollout as its state machine and its alarms take them: begin, collect, apply, take back.

Deciding is not here but in `infolens.rollout.decision`, which is pure. Every step reads the real alias first.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from infolens.aws.alarms import parse_alarm_name
from infolens.aws.alias import AliasExistsError, StaleAliasError, VersionMissingError
from infolens.aws.rollouts import StaleRecordError
from infolens.codec import to_dict
from infolens.contracts.rollout import Action, RolloutRecord
from infolens.rollout.decision import RUNNING, STATUS_AFTER
from infolens.rollout.evidence import Evidence
from infolens.rollout.ownership import Ownership, describe, ownership, share_of
from infolens.usecases.rollout_effects import (
    ATTEMPTS,
    STATE_MACHINE,
    Note,
    Ports,
    end,
    give_back,
    history_event,
    left_alone,
    settle,
    timestamp,
    view,
)

if TYPE_CHECKING:
    from infolens.contracts.rollout import AlarmLimits, AliasState, Decision, Plan

_CHAMPION_MEMORY = timedelta(hours=1)
"""How far back the champion's own latency is looked at when a rollout begins."""


_RECENT = 20
"""Lines of history among which the end of a rollout is looked for."""

_NO_CHAMPION = "there is no champion to give the traffic back to"


class RolloutRefusedError(RuntimeError):
    """A rollout that must not begin, or must not be touched; nothing was moved."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        """Keep the `reasons`."""
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class RolloutLostError(RuntimeError):
    """The table knows another rollout of this task; the one asked for does not own the alias any more."""


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


@dataclass(frozen=True)
class Outcome:
    """How a rollout stands after a step, in the shape that its state machine carries."""

    task: str
    rollout_id: str
    candidate: str
    status: str
    """"running", "promoted", "rolled_back", "expired" or "aborted"."""
    weight: int
    """Percent of the traffic that the candidate has."""
    look_seconds: int
    reasons: tuple[str, ...]
    cause: str
    """The reasons in one text, for the end of the execution."""


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
        return _outcome(record, ports.aliases.read(ports.function(record.task)), ())
    note = replace(note, now=now + timedelta(microseconds=1))  # history sorts by time: after "started"
    if not record.champion:
        return _go_live(ports, record, note)
    ports.alarms.create(record, _alarm_limits(ports, record, now))  # the brake before the traffic
    why = (f"step {record.step + 1} of {len(record.plan.weights)} begins",)
    return _carry_out(ports, record, replace(note, reasons=why))


def collect(ports: Ports, task: str, rollout_id: str, now: datetime) -> Evidence:
    """Read the alias back and gather what both versions did since the step began.

    Raises:
        RolloutLostError: another rollout owns the alias.
    """
    record = ports.store.current(task)
    if record is None or record.rollout_id != rollout_id:
        raise RolloutLostError(f"{rollout_id} does not own the alias of {task}; {_owner(record)}")
    since = datetime.fromisoformat(record.step_started_at)
    return Evidence(
        record=record,
        alias=ports.aliases.read(ports.function(task)),
        champion=ports.metrics.arm(task, record.champion, since, now),
        candidate=ports.metrics.arm(task, record.candidate, since, now),
        at=timestamp(now),
        firing=ports.alarms.firing(record),
    )


def apply(  # noqa: PLR0913 - the step's own inputs; they come from four states
    ports: Ports,
    task: str,
    rollout_id: str,
    decision: Decision,
    now: datetime,
    *,
    evidence: Evidence | None = None,
    who: str = STATE_MACHINE,
) -> Outcome:
    """Do what was decided, if the rollout still owns the alias; done already is fine.

    Whoever moved the alias meanwhile wins: then nothing is overwritten, and the rollout ends as aborted.
    """
    note = Note(who, now, decision.reasons, _seen(evidence))
    record = ports.store.current(task)
    if record is None or record.rollout_id != rollout_id:
        reason = f"{rollout_id} does not own the alias of {task}; {_owner(record)}"
        return Outcome(task, rollout_id, "", "aborted", 0, 1, (reason,), reason)
    if record.status != RUNNING:
        ports.alarms.delete(record)
        return _outcome(record, ports.aliases.read(ports.function(task)), _how_it_ended(ports, record))
    if decision.action is Action.HOLD:
        ports.store.append(history_event(record, "held", decision.weight, note))
        return _outcome(record, None, decision.reasons)
    if decision.action in {Action.ADVANCE, Action.PROMOTE}:
        return _raise_weight(ports, record, decision, note)
    if decision.action is Action.ABORT:
        return _leave_alone(ports, record, note)
    return _lower(ports, record, STATUS_AFTER[decision.action], note)


def take_back(ports: Ports, alarm: str, reason: str, now: datetime) -> Outcome | None:
    """Give the champion all the traffic because an alarm fired, whatever the state machine is doing, alive or dead.

    Twice is the same as once. The alarms stay, for an operator to look at; the next step of the state machine, or the
    next rollout, takes them away.

    Returns:
        How the rollout ended, or None when no running rollout belongs to the alarm.

    Raises:
        StaleAliasError: the alias was moved by others again and again; calling again is safe.
    """
    name = parse_alarm_name(alarm)
    record = ports.store.current(name.task) if name else None
    if name is None or record is None or record.rollout_id != name.rollout_id or record.status != RUNNING:
        return None
    # An operator who forced another weight meanwhile did not know of the fault: traffic is taken off the candidate
    # wherever it is found. An alias without it is none of this alarm's business.
    alias = give_back(ports, record, lambda seen: share_of(record.candidate, seen) > 0)
    note = Note(f"alarm:{alarm}", now, (reason,))
    ended = end(ports, record, "rolled_back" if alias else "aborted", note)
    return _outcome(ended, alias, note.reasons)


def finish_by_hand(ports: Ports, record: RolloutRecord, note: Note) -> Outcome:
    """End a running rollout on an operator's word: the champion gets all the traffic."""
    return _lower(ports, record, "aborted", note)


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
    reasons: tuple[str, ...] = ()
    if not model.verdict_passed and not forced:
        reasons = (f"version {candidate} did not pass its gates", *model.verdict_reasons)
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
        step=0 if alias else len(plan.weights) - 1,
        step_started_at=timestamp(note.now),
        revision_id=alias.revision_id if alias else "",
        status=RUNNING,
        forced=request.forced,
    )
    why = ("past its gates, by force",) if request.forced else ()
    ports.store.claim(record, history_event(record, "started", 0, replace(note, reasons=why)))
    if previous is not None:
        ports.alarms.delete(previous)
    return record


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
        return _abort(ports, record, note)
    reasons = ("first version of this task: there is no champion to compare it with",)
    return _outcome(end(ports, record, "promoted", replace(note, reasons=reasons)), alias, reasons)


def _alarm_limits(ports: Ports, record: RolloutRecord, now: datetime) -> AlarmLimits:
    """Loosen the latency alarm where the champion itself would trip it: that would say nothing of the candidate."""
    limits = record.plan.alarms
    own = ports.metrics.arm(record.task, record.champion, now - _CHAMPION_MEMORY, now).latency_mean_ms
    if own is None:
        return limits
    return replace(limits, latency_ms=max(limits.latency_ms, own * record.plan.guardrails.max_latency_ratio))


def _raise_weight(ports: Ports, record: RolloutRecord, decision: Decision, note: Note) -> Outcome:
    """Write the next weight. The record names it first, so that a writer that is cut off can be followed."""
    target = record.plan.weights.index(decision.weight)
    if target > record.step + 1:
        raise ValueError(f"weight {decision.weight} skips a step of {list(record.plan.weights)}")
    seen, alias = view(ports, record.task)
    if seen == record and target > record.step and ownership(record, alias) is Ownership.OURS:
        # Lost races are told by the view of the next line: a twin of this step was faster, or the rollout has ended.
        with suppress(StaleRecordError):
            ports.store.replace(record, replace(record, step=target, step_started_at=timestamp(note.now)))
    return _carry_out(ports, record, note)


def _carry_out(ports: Ports, record: RolloutRecord, note: Note) -> Outcome:
    """Bring the alias to the step that the record has now; whoever else moved the alias wins, and the rollout aborts.

    Works from what is there, so that a writer that was cut off is followed by another, and twins do no harm.
    """
    for _ in range(ATTEMPTS):
        current, alias = view(ports, record.task)
        if current is None or current.rollout_id != record.rollout_id or current.status != RUNNING:
            return _finish(ports, record, "aborted", note)  # which finds how it ended
        owned = ownership(current, alias)
        if alias is None or owned is Ownership.FOREIGN:
            return _abort(ports, current, note)
        if owned is Ownership.OURS:
            return _outcome(current, alias, note.reasons)
        try:
            settled = settle(ports, current, alias, note)
        except (StaleAliasError, StaleRecordError):
            continue
        if settled.status != RUNNING:
            ports.alarms.delete(settled)
        return _outcome(settled, None, note.reasons)
    raise StaleRecordError(f"rollout {record.rollout_id} was changed {ATTEMPTS} times while a weight was being written")


def _lower(ports: Ports, record: RolloutRecord, status: str, note: Note) -> Outcome:
    def still_ours(_: AliasState) -> bool:
        current, alias = view(ports, record.task)  # anew: a step of this very rollout may have moved the alias
        return current is not None and ownership(current, alias) is not Ownership.FOREIGN

    if not record.champion:
        return _finish(ports, record, "aborted", replace(note, reasons=(_NO_CHAMPION, *note.reasons)))
    if give_back(ports, record, still_ours) is None:
        return _abort(ports, record, note)
    return _finish(ports, record, status, note)


def _leave_alone(ports: Ports, record: RolloutRecord, note: Note) -> Outcome:
    """End because the alias was moved, unless it is as it should be: then a second execution wrote during the look."""
    current, alias = view(ports, record.task)
    if current is not None and current.status == RUNNING and ownership(current, alias) is Ownership.OURS:
        return _outcome(current, alias, ("the alias is as this rollout left it: look again",))
    return _finish(ports, record, "aborted", note)


def _abort(ports: Ports, record: RolloutRecord, note: Note) -> Outcome:
    """End without touching the alias, which somebody else moved; an end that was written already stands."""
    alias = ports.aliases.read(ports.function(record.task))
    return _finish(ports, record, "aborted", replace(note, reasons=(left_alone(alias), *note.reasons)))


def _finish(ports: Ports, record: RolloutRecord, status: str, note: Note) -> Outcome:
    ended = end(ports, record, status, note)
    ports.alarms.delete(record)
    return _outcome(ended, ports.aliases.read(ports.function(record.task)), note.reasons)


def _outcome(record: RolloutRecord, alias: AliasState | None, reasons: tuple[str, ...]) -> Outcome:
    weight = share_of(record.candidate, alias) if alias else record.plan.weights[record.step]
    return Outcome(
        task=record.task,
        rollout_id=record.rollout_id,
        candidate=record.candidate,
        status=record.status,
        weight=weight,
        look_seconds=record.plan.look_seconds,
        reasons=reasons,
        cause="; ".join(reasons) or record.status,
    )


def _seen(evidence: Evidence | None) -> dict[str, object]:
    if evidence is None:
        return {}
    look = to_dict(evidence)
    return {name: look[name] for name in ("champion", "candidate", "alias", "firing")}


def _how_it_ended(ports: Ports, record: RolloutRecord) -> tuple[str, ...]:
    """Find the reasons in the history: an alarm or an operator ended the rollout, and the state machine tells why."""
    lines = ports.store.history(record.task, _RECENT)
    end_line = next((x for x in reversed(lines) if (x.rollout_id, x.event) == (record.rollout_id, record.status)), None)
    if end_line is None:
        return (f"ended as {record.status}",)
    return (f"ended as {record.status} by {end_line.who}", *end_line.reasons)


def _owner(record: RolloutRecord | None) -> str:
    return f"the table has {record.rollout_id}, {record.status}" if record else "the table has no rollout of this task"
