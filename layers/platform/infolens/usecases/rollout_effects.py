"""The effects that use cases of a rollout are made of: settle a weight, give it back, end the rollout, write it down.

Each one may be cut off anywhere and done again. The alias decides: its RevisionId admits one writer, and a weight is
raised only over the very revision that the rollout's record names.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from infolens.aws.alias import StaleAliasError
from infolens.aws.rollouts import StaleRecordError
from infolens.contracts.rollout import HistoryEvent
from infolens.rollout.decision import RUNNING
from infolens.rollout.ownership import Ownership, describe, expected_split, ownership, share_of
from infolens.rollout.plan import FULL_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Callable

    from infolens.aws.alarms import Alarms
    from infolens.aws.alias import Aliases
    from infolens.aws.metrics import VersionMetrics
    from infolens.aws.rollouts import RolloutStore
    from infolens.contracts.model import ModelRecord
    from infolens.contracts.observation import Joined
    from infolens.contracts.rollout import AliasState, RolloutRecord

ATTEMPTS = 5
"""Times that a lost race is tried again after reading anew; every loss means that somebody else succeeded."""

STATE_MACHINE = "state-machine"


class Models(Protocol):
    """What a rollout needs of the registry of models."""

    def get(self, task: str, version: str) -> ModelRecord | None:
        """Find the record of a version."""


class SeesRequests(Protocol):
    """The part of `infolens.aws.observations.Observations` that a look needs."""

    def of_rollout(self, rollout_id: str, since: datetime, limit: int) -> tuple[Joined, ...]:
        """Read the newest joined records of a rollout since a time."""


@dataclass(frozen=True)
class Ports:
    """Where rollouts read and where they have their effects."""

    aliases: Aliases
    store: RolloutStore
    models: Models
    metrics: VersionMetrics
    alarms: Alarms
    observations: SeesRequests
    function_prefix: str
    """Name of a task's predict function less the task's name."""

    def function(self, task: str) -> str:
        """Name of a task's predict function."""
        return f"{self.function_prefix}{task}"


@dataclass(frozen=True)
class Note:
    """Who did something, why, when and on which evidence: what the history says beside the state of the alias."""

    who: str
    now: datetime
    reasons: tuple[str, ...] = ()
    evidence: dict[str, object] | None = None


def timestamp(now: datetime) -> str:
    """Write a time so that text sorts as time does."""
    return now.isoformat(timespec="microseconds")


def history_event(record: RolloutRecord, event: str, weight: int, note: Note) -> HistoryEvent:
    """Make a line of history about a rollout."""
    return HistoryEvent(
        task=record.task,
        rollout_id=record.rollout_id,
        at=timestamp(note.now),
        who=note.who,
        event=event,
        champion=record.champion,
        candidate=record.candidate,
        weight=weight,
        reasons=note.reasons,
        evidence=note.evidence or {},
    )


def view(ports: Ports, task: str) -> tuple[RolloutRecord | None, AliasState | None]:
    """Read record and alias as they were at one time.

    A step whose function timed out may still be writing while its retry reads: a record from before its write beside an
    alias from after it would look as if somebody else had moved the alias.

    Raises:
        StaleRecordError: the record was changed by others again and again.
    """
    record = ports.store.current(task)
    for _ in range(ATTEMPTS):
        alias = ports.aliases.read(ports.function(task))
        again = ports.store.current(task)
        if again == record:
            return record, alias
        record = again
    raise StaleRecordError(f"the record of {task} was changed {ATTEMPTS} times while it was being read")


def weight_of(record: RolloutRecord) -> int:
    """Percent for the candidate in the record's step; none before the first, which is the shadow."""
    return record.plan.weights[record.step] if record.step >= 0 else 0


def settle(ports: Ports, record: RolloutRecord, alias: AliasState, note: Note) -> RolloutRecord:
    """Bring the alias to the weight of the record's step, where a writer was cut off before or after doing so.

    At 100 % the candidate is alone, and the rollout ends as promoted.

    Args:
        ports: where the effects go.
        record: its step names the weight to write, its revision the alias that this may be written over.
        alias: as seen beside the record; not foreign.
        note: who and why.

    Raises:
        StaleAliasError: somebody else moved the alias meanwhile.
        StaleRecordError: somebody else changed the record meanwhile.
    """
    champion, candidate, share = expected_split(record, record.step)
    if ownership(record, alias) is Ownership.UNWRITTEN:
        function = ports.function(record.task)
        alias = ports.aliases.write(function, champion, candidate, share, record.revision_id)
    weight = weight_of(record)
    promoted = weight == FULL_WEIGHT
    settled = replace(record, revision_id=alias.revision_id, status="promoted" if promoted else RUNNING)
    event = history_event(record, "promoted" if promoted else "weight", weight, note)
    ports.store.replace(record, settled, event)
    return settled


def give_back(ports: Ports, record: RolloutRecord, may_overwrite: Callable[[AliasState], bool]) -> AliasState | None:
    """Give the champion all the traffic; done already is fine.

    Args:
        ports: where the effects go.
        record: names the champion.
        may_overwrite: whether the alias, as just read, may be overwritten.

    Returns:
        The alias with the champion alone, or None when it must not be overwritten.

    Raises:
        StaleAliasError: the alias was moved by others again and again.
    """
    function = ports.function(record.task)
    for _ in range(ATTEMPTS):
        alias = ports.aliases.read(function)
        if alias is None:
            return None
        if (alias.champion, alias.candidate) == (record.champion, ""):
            return alias
        if not may_overwrite(alias):
            return None
        try:
            return ports.aliases.write(function, record.champion, "", 0, alias.revision_id)
        except StaleAliasError:
            continue
    raise StaleAliasError(f"the alias of {function} was moved {ATTEMPTS} times while it was being taken back")


def end(
    ports: Ports, record: RolloutRecord, status: str, note: Note, *, given_back: AliasState | None = None
) -> RolloutRecord:
    """Free the alias: write the final status with its line of history, unless the rollout has ended already.

    Args:
        ports: where the effects go.
        record: the rollout.
        status: how it ends.
        note: who and why.
        given_back: the alias as its traffic was given back to the champion for this end. A promotion that was written
            meanwhile is overruled then, where the candidate still has nothing: the history tells both.

    Returns:
        The record as it is in the table now; its status may be another one that was written first.

    Raises:
        StaleRecordError: the record was changed by others again and again.
    """
    for _ in range(ATTEMPTS):
        current = ports.store.current(record.task)
        if current is None or current.rollout_id != record.rollout_id:
            return replace(record, status=status)  # another rollout has followed, so this one has ended before
        undone = given_back is not None and current.status == "promoted"
        if current.status != RUNNING and not undone:
            return current
        alias = ports.aliases.read(ports.function(record.task))
        weight = share_of(record.candidate, alias)
        if undone and weight:
            return current  # the promotion stands, or an operator gave it a share since
        ended = replace(current, status=status, revision_id=alias.revision_id if alias else current.revision_id)
        try:
            ports.store.replace(current, ended, history_event(current, status, weight, _after_step(current, note)))
        except StaleRecordError:
            continue
        return ended
    raise StaleRecordError(f"the record of {record.rollout_id} was changed {ATTEMPTS} times while it was being ended")


def _after_step(record: RolloutRecord, note: Note) -> Note:
    """Move the note's time behind the beginning of the step: history sorts by time, and a step may be the later one."""
    began = datetime.fromisoformat(record.step_started_at)
    return replace(note, now=max(note.now, began + timedelta(microseconds=1)))


def left_alone(alias: AliasState | None) -> str:
    """Say that the alias is somebody else's now."""
    return f"somebody moved the alias: {describe(alias)}; it is left as it is"
