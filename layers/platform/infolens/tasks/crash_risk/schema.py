"""Rows of crash_risk: which columns and labels files may use, and what a clean row is. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from infolens.contracts.task import RowRejected
from infolens.rows.column_binding import bind_columns
from infolens.rows.split import split_of
from infolens.rows.text_cleaning import clean_text, content_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LABELS = ("negative", "positive")
"""Names in the order of their ids."""

MIN_TEXT = 15
MAX_TEXT = 12_000
"""Characters of a text after cleaning."""

_TEXT_NAMES = ("text", "body", "comment_text", "content")
_LABEL_NAMES = ("label", "class", "category")
_LABEL_BY_NAME = {name.casefold(): name for name in LABELS} | {str(i): name for i, name in enumerate(LABELS)}


@dataclass(frozen=True)
class TaskSchema:
    """`infolens.contracts.task.Schema` of crash_risk."""

    task: str = "crash_risk"
    columns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({"text": "string", "label": "string"}))
    label: str = "label"
    bad_row_budget: float = 0.2

    def bind(self, header: Sequence[str], *, labelled: bool) -> dict[str, int]:
        """See Schema."""
        names = {"text": _TEXT_NAMES} | ({"label": _LABEL_NAMES} if labelled else {})
        bound = bind_columns(header, names)
        for name, known in names.items():
            if name not in bound:
                raise RowRejected(name, f"no such column; one of {', '.join(known)} is needed")
        return bound

    def clean(self, raw: Mapping[str, str]) -> dict[str, object]:
        """See Schema."""
        label = _LABEL_BY_NAME.get(raw.get("label", "").strip().casefold())
        if label is None:
            raise RowRejected("label", f"{raw.get('label', '')[:60]!r} is none of {', '.join(LABELS)}, or an id")
        return {"text": self._text(raw.get("text", "")), "label": label}

    def check(self, payload: Mapping[str, object]) -> dict[str, object]:
        """See Schema."""
        text = payload.get("text")
        if not isinstance(text, str):
            raise RowRejected("text", f"must be a string of {MIN_TEXT} to {MAX_TEXT} characters")
        return {"text": self._text(text)}

    def identity(self, row: Mapping[str, object]) -> str:
        """See Schema. The label is no part of it: one text belongs to one split and has one label."""
        return content_key(str(row["text"]))

    def split(self, row: Mapping[str, object]) -> str:
        """See Schema."""
        return split_of(self.identity(row))

    @staticmethod
    def _text(raw: str) -> str:
        text = clean_text(raw)
        if not MIN_TEXT <= len(text) <= MAX_TEXT:
            raise RowRejected("text", f"has {len(text)} characters after cleaning; {MIN_TEXT} to {MAX_TEXT} are taken")
        return text


SCHEMA = TaskSchema()
