"""The steps of a rollout that has begun, as its state machine and its alarms take them: collect, apply, take back.

Deciding is not here but in `infolens.rollout.decision`, which is pure. Every step reads the real alias first.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from infolens.aws.alarms import parse_alarm_name
from infolens.aws.rollouts import StaleRecordError
from infolens.codec import to_dict
from infolens.contracts.rollout import Action
from infolens.rollout.decision import RUNNING, STATUS_AFTER, held_by_operator
from infolens.rollout.evidence import Evidence
from infolens.rollout.ownership import Ownership, ownership, share_of
from infolens.usecases.observed_evidence import observed
from infolens.usecases.rollout_effects import (
    STATE_MACHINE,
    Note,
    Ports,
    end,
    give_back,
    history_event,
    timestamp,
    view,
)
from infolens.usecases.rollout_outcomes import Outcome, carry_out, how_it_ended, leave_alone, lower, outcome_of

if TYPE_CHECKING:
    from infolens.contracts.rollout import Decision, RolloutRecord


MOST_OBSERVATIONS = 30_000
"""Newest requests of a rollout that a look counts, five times S0's 6000 of the shadow: some 20 MB, read in seconds."""

_BEGINNING = datetime.min.replace(tzinfo=UTC)
"""Before every rollout."""


class RolloutLostError(RuntimeError):
    """The table knows another rollout of this task; the one asked for does not own the alias any more."""


def collect(ports: Ports, task: str, rollout_id: str, now: datetime) -> Evidence:
    """Read the alias back and gather what both versions did since the step began.

    Raises:
        RolloutLostError: another rollout owns the alias.
    """
    record = ports.store.current(task)
    if record is None or record.rollout_id != rollout_id:
        raise RolloutLostError(f"{rollout_id} does not own the alias of {task}; {_owner(record)}")
    since = datetime.fromisoformat(record.step_started_at)
    seen = observed(
        ports.metrics.arm(task, record.champion, since, now),
        ports.metrics.arm(task, record.candidate, since, now),
        record,
        ports.observations.of_rollout(record.rollout_id, _BEGINNING, MOST_OBSERVATIONS),
    )
    return Evidence(
        record=record,
        alias=ports.aliases.read(ports.function(task)),
        champion=seen.champion,
        candidate=seen.candidate,
        at=timestamp(now),
        firing=ports.alarms.firing(record),
        pairs=seen.pairs,
        labels=seen.labels,
        sides=seen.sides,
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
        return outcome_of(record, ports.aliases.read(ports.function(task)), how_it_ended(ports, record))
    decision = held_by_operator(record, decision)
    note = replace(note, reasons=decision.reasons)
    if decision.action is Action.HOLD:
        ports.store.append(history_event(record, "held", decision.weight, note))
        return outcome_of(record, None, decision.reasons)
    if decision.action in {Action.ADVANCE, Action.PROMOTE}:
        return _raise_weight(ports, record, decision, note)
    if decision.action is Action.ABORT:
        return leave_alone(ports, record, note)
    return lower(ports, record, STATUS_AFTER[decision.action], note)


def take_back(ports: Ports, alarm: str, reason: str, now: datetime) -> Outcome | None:
    """Give the champion all the traffic because an alarm fired, whatever the state machine is doing, alive or dead.

    A promotion that comes in between is taken back, too: it takes the alarms away, so nobody would see the fault again.
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
    ended = end(ports, record, "rolled_back" if alias else "aborted", note, given_back=alias)
    return outcome_of(ended, alias, note.reasons)


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
    return carry_out(ports, record, note)


def _seen(evidence: Evidence | None) -> dict[str, object]:
    if evidence is None:
        return {}
    look = to_dict(evidence)
    return {name: look[name] for name in ("champion", "candidate", "alias", "firing", "pairs", "labels", "sides")}


def _owner(record: RolloutRecord | None) -> str:
    return f"the table has {record.rollout_id}, {record.status}" if record else "the table has no rollout of this task"
