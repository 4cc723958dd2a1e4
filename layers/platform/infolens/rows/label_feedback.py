"""How answers that are one of several labels compare with each other, and with the label that is told later."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infolens.contracts.task import RowRejected
from infolens.rows.json_types import json_type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LONGEST = 60
"""Characters of a refused label that its refusal repeats."""


@dataclass(frozen=True)
class LabelFeedback:
    """`infolens.contracts.observation.Feedback` of a classifier."""

    labels: Sequence[str]
    """In the order of their ids."""
    _by_key: dict[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_id = {str(number): name for number, name in enumerate(self.labels)}
        object.__setattr__(self, "_by_key", {_key(name): name for name in self.labels} | by_id)

    def check_label(self, label: object) -> object:
        """See Feedback: the label's name in any case and spelling, or its id as a number or as text."""
        known = f"{', '.join(self.labels)}, or an id from 0 to {len(self.labels) - 1}"
        if not isinstance(label, str | int) or isinstance(label, bool):
            raise RowRejected("label", f"must be one of {known}, not {json_type(label)}")
        text = str(label).strip()
        found = self._by_key.get(text) or self._by_key.get(_key(text) if re.search(r"[^\W\d]", text) else "")
        if found is None:
            raise RowRejected("label", f"{text[:_LONGEST]!r} is none of {known}")
        return found

    def score(self, answer: Mapping[str, object], label: object) -> float:
        """See Feedback: 1 for the right label."""
        return float(self.kind(answer) == label)

    def agree(self, one: Mapping[str, object], other: Mapping[str, object]) -> bool:
        """See Feedback: the same label."""
        return self.kind(one) == self.kind(other)

    def null(self, answer: Mapping[str, object]) -> bool:
        """See Feedback: no label that is known, or no confidence that is one."""
        confidence = answer.get("confidence")
        sure = isinstance(confidence, float | int) and math.isfinite(confidence) and 0.0 <= confidence <= 1.0
        return not self.kind(answer) or not sure

    def kind(self, answer: Mapping[str, object]) -> str:
        """See Feedback: the label."""
        label = answer.get("label")
        return label if isinstance(label, str) and label in self.labels else ""


def _key(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()
