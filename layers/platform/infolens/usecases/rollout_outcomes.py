"""How a rollout goes on or ends: carry its step out, lower it, leave a moved alias alone; each tells the outcome."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from infolens.aws.alias import StaleAliasError
from infolens.aws.rollouts import StaleRecordError
from infolens.rollout.decision import RUNNING
from infolens.rollout.ownership import Ownership, ownership, share_of
from infolens.usecases.rollout_effects import ATTEMPTS, Note, Ports, end, give_back, left_alone, settle, view, weight_of

if TYPE_CHECKING:
    from infolens.contracts.rollout import AliasState, RolloutRecord

_RECENT = 20
"""Lines of history among which the end of a rollout is looked for."""

_NO_CHAMPION = "there is no champion to give the traffic back to"


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


def carry_out(ports: Ports, record: RolloutRecord, note: Note) -> Outcome:
    """Bring the alias to the step that the record has now; whoever else moved the alias wins, and the rollout aborts.

    Works from what is there, so that a writer that was cut off is followed by another, and twins do no harm.
    """
    for _ in range(ATTEMPTS):
        current, alias = view(ports, record.task)
        if current is None or current.rollout_id != record.rollout_id or current.status != RUNNING:
            return finish(ports, record, "aborted", note)  # which finds how it ended
        owned = ownership(current, alias)
        if alias is None or owned is Ownership.FOREIGN:
            return abort_moved(ports, current, note)
        if owned is Ownership.OURS:
            return outcome_of(current, alias, note.reasons)
        try:
            settled = settle(ports, current, alias, note)
        except (StaleAliasError, StaleRecordError):
            continue
        if settled.status != RUNNING:
            ports.alarms.delete(settled)
        return outcome_of(settled, None, note.reasons)
    raise StaleRecordError(f"rollout {record.rollout_id} was changed {ATTEMPTS} times while a weight was being written")


def lower(ports: Ports, record: RolloutRecord, status: str, note: Note) -> Outcome:
    """Give the champion all the traffic and end the rollout, unless somebody else moved the alias."""

    def still_ours(_: AliasState) -> bool:
        current, alias = view(ports, record.task)  # anew: another step may have moved the alias, or ended all
        if current is None or (current.rollout_id, current.status) != (record.rollout_id, RUNNING):
            return False
        return ownership(current, alias) is not Ownership.FOREIGN

    if not record.champion:
        return finish(ports, record, "aborted", replace(note, reasons=(_NO_CHAMPION, *note.reasons)))
    given_back = give_back(ports, record, still_ours)
    if given_back is None:
        return abort_moved(ports, record, note)
    return finish(ports, record, status, note, given_back)


def leave_alone(ports: Ports, record: RolloutRecord, note: Note) -> Outcome:
    """End because the alias was moved, unless it is as it should be: then a second execution wrote during the look."""
    current, alias = view(ports, record.task)
    if current is not None and current.status == RUNNING and ownership(current, alias) is Ownership.OURS:
        return outcome_of(current, alias, ("the alias is as this rollout left it: look again",))
    return finish(ports, record, "aborted", note)


def abort_moved(ports: Ports, record: RolloutRecord, note: Note) -> Outcome:
    """End without touching the alias, which somebody else moved; an end that was written already stands."""
    alias = ports.aliases.read(ports.function(record.task))
    return finish(ports, record, "aborted", replace(note, reasons=(left_alone(alias), *note.reasons)))


def finish(
    ports: Ports, record: RolloutRecord, status: str, note: Note, given_back: AliasState | None = None
) -> Outcome:
    """End the rollout and take its alarms away; an end that was written already stands, with its own reasons.

    But a promotion does not stand whose traffic was `given_back` for this end.
    """
    ended = end(ports, record, status, note, given_back=given_back)
    ports.alarms.delete(record)
    reasons = note.reasons if ended.status == status else how_it_ended(ports, ended)
    return outcome_of(ended, ports.aliases.read(ports.function(record.task)), reasons)


def outcome_of(record: RolloutRecord, alias: AliasState | None, reasons: tuple[str, ...]) -> Outcome:
    """Tell how a rollout stands; without an alias to read, at the weight of its step."""
    weight = share_of(record.candidate, alias) if alias else weight_of(record)
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


def how_it_ended(ports: Ports, record: RolloutRecord) -> tuple[str, ...]:
    """Find the reasons in the history: an alarm or an operator ended the rollout, and the state machine tells why."""
    lines = ports.store.history(record.task, _RECENT)
    end_line = next((x for x in reversed(lines) if (x.rollout_id, x.event) == (record.rollout_id, record.status)), None)
    if end_line is None:
        return (f"ended as {record.status}",)
    return (f"ended as {record.status} by {end_line.who}", *end_line.reasons)
