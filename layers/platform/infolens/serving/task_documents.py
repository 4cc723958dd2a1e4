"""Describes a task to callers of the API: one line, input and answer as JSON Schema, and the floors of its gates."""

from __future__ import annotations

import importlib
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

from infolens.contracts.description import Description
from infolens.tasks import part_of, schema_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infolens.contracts.description import Described
    from infolens.contracts.evaluation import Gate
    from infolens.contracts.task import Schema

_JSON_TYPES = {"string": "string", "int64": "integer", "double": "number", "bool": "boolean"}


def one_line(task: str) -> str:
    """Say in one line what a task is: the first line of its folder's docstring."""
    text = importlib.import_module(f"infolens.tasks.{task}").__doc__ or ""
    return text.strip().partition("\n")[0]


def description_of(task: str) -> Description:
    """Give a task's own description, or one that its columns allow; raises UnknownTaskError."""
    schema = schema_of(task)
    if hasattr(schema, "describe"):
        return cast("Described", schema).describe()
    return described_by_columns(schema)


def described_by_columns(schema: Schema) -> Description:
    """Describe a task by the columns of its clean rows, less the label; of the answer no more than that it is one."""
    fields = {name: _json_type(kind) for name, kind in schema.columns.items() if name != schema.label}
    return Description(
        input={"type": "object", "properties": fields, "required": list(fields)},
        answer={"type": "object"},
    )


def floors(task: str) -> list[dict[str, object]]:
    """Give the task's gates as data; a limit that is none (infinite) is null, since JSON has no infinity."""
    gates = cast("Sequence[Gate]", part_of(task, "gates").GATES)
    return [{name: _finite(value) for name, value in asdict(gate).items()} for gate in gates]


def _json_type(arrow: str) -> dict[str, object]:
    if arrow.startswith("list<"):
        return {"type": "array", "items": _json_type(arrow[len("list<") : -1])}
    kind = _JSON_TYPES.get(arrow)
    return {"type": kind} if kind else {}


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
