"""Chooses for a user's request the version on whose side the user is, where the running rollout keeps people there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infolens.aws.predictions import LIVE
from infolens.rollout.decision import RUNNING
from infolens.rollout.sides import bucket_of, version_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from infolens.contracts.rollout import AliasState, RolloutRecord


@dataclass(frozen=True)
class Chosen:
    """Whom to ask for a user."""

    qualifier: str
    """A version, or the alias."""
    bucket: int | None
    """The user's bucket, where it chose the version."""


UNKEPT = Chosen(LIVE, None)
"""The alias draws a side."""


class Sides:
    """What the API asks before it asks a model."""

    def __init__(
        self,
        rollout_of: Callable[[str], RolloutRecord | None],
        alias_of: Callable[[str], AliasState | None],
        on_error: Callable[[str, Exception], None],
    ) -> None:
        """Take what reads a task's rollout and its alias, both perhaps a moment old, and who is told of errors."""
        self._rollout_of = rollout_of
        self._alias_of = alias_of
        self._on_error = on_error

    def choose(self, task: str, user: str) -> Chosen:
        """Give a version, or the alias, which draws a side for each request by its own weights.

        The weight is the alias's own, so that a rollout that is taken back has nobody on its side from the next reading
        on. An alias that shows other versions than the rollout's was moved by hand, and then decides by itself.

        Args:
            task: name of the task.
            user: whatever tells one person from another; "" for a request without such a key.
        """
        if not user:
            return UNKEPT
        try:
            record = self._rollout_of(task)
            if record is None or record.status != RUNNING or not record.plan.sticky:
                return UNKEPT
            alias = self._alias_of(task)
        except Exception as error:  # noqa: BLE001 - the alias answers whoever cannot be told apart
            self._on_error(task, error)
            return UNKEPT
        if alias is None or (alias.champion, alias.candidate) != (record.champion, record.candidate):
            return UNKEPT
        bucket = bucket_of(record.rollout_id, user)
        return Chosen(version_for(bucket, alias), bucket)
