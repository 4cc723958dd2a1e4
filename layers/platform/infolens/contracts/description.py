"""What a task tells callers of its API: the input that it takes and the answer that it gives, as JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Description:
    """Two JSON Schemas (draft 2020-12, the dialect of OpenAPI 3.1) of a task."""

    input: Mapping[str, object]
    """What `Schema.check` takes from the API, without `prediction_id`."""
    answer: Mapping[str, object]
    """One answer of the task's predictor."""


class Described(Protocol):
    """A schema that describes itself; one that does not is described by its columns."""

    def describe(self) -> Description:
        """Say what the API takes and gives."""


def object_schema(
    properties: Mapping[str, object],
    *,
    optional: Sequence[str] = (),
    example: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Describe an object by its members; all are needed but the `optional` ones."""
    required = [name for name in properties if name not in optional]
    described: dict[str, object] = {"type": "object", "properties": dict(properties), "required": required}
    return described | ({"examples": [dict(example)]} if example else {})


def text_schema(least: int, most: int) -> dict[str, object]:
    """Describe a text of so many characters; a task counts them after cleaning."""
    return {"type": "string", "minLength": least, "maxLength": most}


def integer_schema(least: int, most: int) -> dict[str, object]:
    """Describe a whole number of these limits."""
    return {"type": "integer", "minimum": least, "maximum": most}


def number_schema(least: float, most: float) -> dict[str, object]:
    """Describe a number of these limits."""
    return {"type": "number", "minimum": least, "maximum": most}


def list_schema(items: Mapping[str, object], most: int) -> dict[str, object]:
    """Describe a list of at most so many items."""
    return {"type": "array", "items": dict(items), "maxItems": most}


def choice_schema(choices: Sequence[str]) -> dict[str, object]:
    """Describe one of several words."""
    return {"type": "string", "enum": list(choices)}


def label_answer(labels: Sequence[str], **more: object) -> dict[str, object]:
    """Describe a classifier's answer: the label, its id and the model's confidence, and `more` members."""
    label_id = integer_schema(0, len(labels) - 1)
    return object_schema(
        {"label_id": label_id, "label": choice_schema(labels), "confidence": number_schema(0, 1), **more}
    )
