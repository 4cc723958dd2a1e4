"""Finds the task folders; each has the same shape, and nothing outside a folder knows its name."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from types import ModuleType

    from infolens.contracts.observation import Feedback
    from infolens.contracts.task import Schema


class UnknownTaskError(LookupError):
    """There is no folder for this task."""


@functools.cache
def task_names() -> tuple[str, ...]:
    """Names of all task folders, sorted."""
    return tuple(sorted(item.name for item in pkgutil.iter_modules(__path__) if item.ispkg))


def part_of(task: str, part: str) -> ModuleType:
    """Import one module of a task's folder ("schema", "gates", "metrics", "train", "predict", "feedback", …).

    Raises:
        UnknownTaskError: there is no such task; the message lists those there are.
    """
    if task not in task_names():
        raise UnknownTaskError(f"unknown task {task!r}; known tasks: {', '.join(task_names())}")
    return importlib.import_module(f"infolens.tasks.{task}.{part}")


def schema_of(task: str) -> Schema:
    """Return the task's row schema."""
    return cast("Schema", part_of(task, "schema").SCHEMA)


def feedback_of(task: str) -> Feedback:
    """Return what labels of the task are, and how its answers compare."""
    return cast("Feedback", part_of(task, "feedback").FEEDBACK)
