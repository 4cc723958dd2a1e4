"""What a task tells callers of its API: the input that it takes and the answer that it gives, as JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


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
