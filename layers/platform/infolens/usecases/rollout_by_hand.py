"""What an operator does about a rollout from a terminal: look, start, adjust a weight, abort, read the history."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from infolens.aws.rollouts import RolloutInProgressError, StaleRecordError
from infolens.contracts.rollout import AliasState, Arm, HistoryEvent, RolloutRecord
from infolens.rollout.decision import RUNNING
from infolens.rollout.plan import FULL_WEIGHT
from infolens.usecases.rollout_begin import RolloutRefusedError, check_candidate
from infolens.usecases.rollout_effects import ATTEMPTS, Note, Ports, history_event, timestamp, weight_of
from infolens.usecases.rollout_outcomes import Outcome, lower
from infolens.usecases.rollout_steps import collect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from infolens.rollout.evidence import Evidence


class NoRolloutError(LookupError):
    """No rollout of the task is running."""


class NoAliasError(LookupError):
    """No version of the task is live yet."""


@dataclass(frozen=True)
class Status:
    """Who serves a task, and how its rollout stands."""

    task: str
    alias: AliasState | None
    """None when no version is live yet."""
    record: RolloutRecord | None
    """The rollout that owns, or last owned, the alias."""
    champion: Arm | None
    """What was seen of the champion in the present step; None when no rollout is running."""
    candidate: Arm | None
    look: Evidence | None = None
    """Everything that was seen, as the state machine would see it now; None when no rollout is running."""


def status(ports: Ports, task: str, now: datetime) -> Status:
    """Look at a task's alias and rollout."""
    record = ports.store.current(task)
    if record is None or record.status != RUNNING or not record.champion:
        return Status(task, ports.aliases.read(ports.function(task)), record, None, None)
    look = collect(ports, task, record.rollout_id, now)
    return Status(task, look.alias, look.record, look.champion, look.candidate, look)


def history(ports: Ports, task: str, limit: int = 100) -> tuple[HistoryEvent, ...]:
    """Read the newest lines of the history of a task's alias, newest last."""
    return ports.store.history(task, limit)


def rollout_input(
    task: str, candidate: str, who: str, *, forced: bool = False, plan: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Build the input of the rollout's state machine."""
    document: dict[str, object] = {"task": task, "candidate": candidate, "forced": forced, "who": who}
    return {**document, "plan": dict(plan)} if plan is not None else document


def start(
    start_execution: Callable[[str, str, Mapping[str, object]], bool],
    state_machine_arn: str,
    rollout_id: str,
    document: Mapping[str, object],
) -> bool:
    """Start the state machine of a rollout; False when one of this id was started before.

    Args:
        start_execution: `infolens.aws.executions.start`.
        state_machine_arn: the state machine of rollouts.
        rollout_id: name of the execution.
        document: what `rollout_input` built.
    """
    return start_execution(state_machine_arn, rollout_id, document)


def set_weight_by_hand(  # noqa: PLR0913 - what an operator may say on the command line
    ports: Ports, task: str, weight: int, who: str, now: datetime, *, version: str = "", force: bool = False
) -> AliasState:
    """Give a version a share of the traffic on an operator's word.

    Args:
        ports: where the effects go.
        task: whose alias.
        weight: percent for the version; 0 gives the champion all, 100 makes the version champion.
        who: the operator's name.
        now: time of the change, UTC.
        version: the version that gets the share; "" takes the one that has a share now, or the last candidate.
        force: move the alias although a rollout owns it, or although the version's gates refused it. The rollout
            then finds the alias moved at its next look, and ends as aborted.

    Raises:
        NoAliasError: no version is live yet.
        RolloutInProgressError: a rollout owns the alias; it is named.
        RolloutRefusedError: the version must not get traffic; the reasons say why.
        StaleAliasError: somebody moved the alias at the same time; look again.
    """
    if not 0 <= weight <= FULL_WEIGHT:
        raise RolloutRefusedError((f"weight must lie within 0 and {FULL_WEIGHT}, got {weight}",))
    record = ports.store.current(task)
    if record is not None and record.status == RUNNING and not force:
        raise RolloutInProgressError(record)
    function = ports.function(task)
    alias = ports.aliases.read(function)
    if alias is None:
        raise NoAliasError(f"no version of {task} is live yet: the first one goes live through a rollout")
    candidate = version or alias.candidate or (record.candidate if record else "")
    if weight:
        _check(ports, task, candidate, alias, force=force)
    if weight == FULL_WEIGHT:
        champion, second, share = candidate, "", 0
    else:
        champion, second, share = alias.champion, candidate if weight else "", weight
    written = ports.aliases.write(function, champion, second, share, alias.revision_id)
    owner = record.rollout_id if record and record.status == RUNNING else ""
    why = "promoted by hand" if weight == FULL_WEIGHT else "weight set by hand"
    if owner:
        why += f", forced while rollout {owner} owned the alias"
    elif force:
        why += ", forced"
    ports.store.append(
        HistoryEvent(
            task=task,
            rollout_id=owner,
            at=timestamp(now),
            who=f"operator:{who}",
            event="weight_by_hand",
            champion=written.champion,
            candidate=second or candidate,
            weight=weight,
            reasons=(why,),
            evidence={},
        )
    )
    return written


def abort(ports: Ports, task: str, who: str, now: datetime, reason: str = "") -> Outcome:
    """End the running rollout of a task: its champion gets all the traffic, its state machine ends at its next look.

    Raises:
        NoRolloutError: none is running.
    """
    note = Note(f"operator:{who}", now, (reason or "aborted by hand",))
    return lower(ports, _running(ports, task), "aborted", note)


def hold(ports: Ports, task: str, who: str, now: datetime, reason: str = "") -> RolloutRecord:
    """Keep the weight of the running rollout where it is, until it is resumed; its brakes go on working.

    Raises:
        NoRolloutError: none is running.
        StaleRecordError: the record was changed by others again and again.
    """
    why = reason or "held by hand"
    return _rewrite(ports, task, lambda record: replace(record, held_by=who), ("held_by_hand", who, why), now)


def resume(ports: Ports, task: str, who: str, now: datetime, reason: str = "") -> RolloutRecord:
    """Let a rollout that is held go on: its step begins anew, with its time and evidence of its own.

    Raises:
        NoRolloutError: none is running.
        RolloutRefusedError: nobody holds it.
        StaleRecordError: the record was changed by others again and again.
    """

    def released(record: RolloutRecord) -> RolloutRecord:
        if not record.held_by:
            raise RolloutRefusedError((f"rollout {record.rollout_id} is not held",))
        return replace(record, held_by="", step_started_at=timestamp(now))

    return _rewrite(ports, task, released, ("resumed", who, reason or "resumed by hand"), now)


def _rewrite(
    ports: Ports,
    task: str,
    changed: Callable[[RolloutRecord], RolloutRecord],
    told: tuple[str, str, str],
    now: datetime,
) -> RolloutRecord:
    """Write the owner's record anew, with a line of history: event, operator, why."""
    event, who, why = told
    for _ in range(ATTEMPTS):
        record = _running(ports, task)
        new = changed(record)
        note = Note(f"operator:{who}", now, (why,))
        with suppress(StaleRecordError):
            ports.store.replace(record, new, history_event(new, event, weight_of(new), note))
            return new
    raise StaleRecordError(f"the record of {task} was changed {ATTEMPTS} times while it was being written")


def _running(ports: Ports, task: str) -> RolloutRecord:
    record = ports.store.current(task)
    if record is None or record.status != RUNNING:
        last = f"; the last one, {record.rollout_id}, ended as {record.status}" if record else ""
        raise NoRolloutError(f"no rollout of {task} is running{last}")
    return record


def _check(ports: Ports, task: str, candidate: str, alias: AliasState, *, force: bool) -> None:
    if not candidate:
        raise RolloutRefusedError(("no version has a share now: name the version that is to get one",))
    if candidate == alias.champion:
        raise RolloutRefusedError((f"version {candidate} is the champion already: name the other version",))
    reasons = check_candidate(ports, task, candidate, forced=force)
    if reasons:
        raise RolloutRefusedError(reasons)
