"""Compares what a rollout wrote down with what the alias shows: the alias is the truth, the record is a note."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from infolens.rollout.plan import FULL_WEIGHT

if TYPE_CHECKING:
    from infolens.contracts.rollout import AliasState, RolloutRecord


class Ownership(StrEnum):
    """What the alias says about the rollout that owns it."""

    OURS = "ours"
    """Revision, versions and weight are those of the record."""
    UNWRITTEN = "unwritten"
    """The record names a step whose weight was not written yet: the writer was cut off, and may write it now."""
    UNRECORDED = "unrecorded"
    """The step's weight was written but not its revision: the writer was cut off, and may take the revision over."""
    FOREIGN = "foreign"
    """Somebody else moved the alias."""


def expected_split(record: RolloutRecord, step: int) -> tuple[str, str, int]:
    """Give (champion, candidate, weight) of the alias while `step` is in force; -1 is the time before the first."""
    if step < 0:
        return record.champion, "", 0
    weight = record.plan.weights[step]
    if weight == FULL_WEIGHT:
        return record.candidate, "", 0
    return record.champion, record.candidate, weight


def ownership(record: RolloutRecord, alias: AliasState | None) -> Ownership:
    """Say whether the alias still is as the rollout left it."""
    if alias is None:
        return Ownership.FOREIGN
    shown = (alias.champion, alias.candidate, alias.weight)
    same_revision = alias.revision_id == record.revision_id
    if shown == expected_split(record, record.step):
        return Ownership.OURS if same_revision else Ownership.UNRECORDED
    if same_revision and record.step >= 0 and shown == expected_split(record, record.step - 1):
        return Ownership.UNWRITTEN
    return Ownership.FOREIGN


def describe(alias: AliasState | None) -> str:
    """Say in words who gets which share."""
    if alias is None:
        return "there is no alias"
    if not alias.candidate:
        return f"version {alias.champion} has 100 %"
    return f"version {alias.champion} has {100 - alias.weight} % and version {alias.candidate} {alias.weight} %"


def share_of(version: str, alias: AliasState | None) -> int:
    """Percent of the traffic that a version has."""
    if alias is None:
        return 0
    if version == alias.champion:
        return FULL_WEIGHT - alias.weight
    return alias.weight if version == alias.candidate else 0
