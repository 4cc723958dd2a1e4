"""A small task for the tests of ingest and batches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infolens.contracts.task import RowRejected
from infolens.rows.row_blocks import clean_each
from infolens.rows.split import split_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infolens.contracts.task import CleanBlock


@dataclass(frozen=True)
class PetSchema:
    """A task of its own: sentences about pets."""

    task: str = "pets"
    columns: Mapping[str, str] = field(default_factory=lambda: {"text": "string", "label": "string", "age": "int64"})
    label: str = "label"
    bad_row_budget: float = 0.5

    def bind(self, header: Sequence[str], *, labelled: bool) -> dict[str, int]:
        """Find `text`, optional `age` and, where needed, `label`."""
        names = [name.strip().lower() for name in header]
        bound = {}
        for name in ("text", "age", "label") if labelled else ("text", "age"):
            if names.count(name) > 1:
                raise RowRejected(name, "is given twice")
            if name in names:
                bound[name] = names.index(name)
            elif name != "age":
                raise RowRejected(name, f"no such column; {name} is needed")
        return bound

    def clean(self, raw: Mapping[str, str]) -> dict[str, object]:
        """Take texts of 3 characters on, about cats and dogs."""
        if raw["label"] not in {"cat", "dog"}:
            raise RowRejected("label", "no known pet; known: cat, dog")
        return {**self.check(raw), "label": raw["label"]}

    def check(self, payload: Mapping[str, object]) -> dict[str, object]:
        """Take texts of 3 characters on."""
        text = " ".join(str(payload["text"]).replace("\ufffd", "").split())
        if len(text) < 3:
            raise RowRejected("text", "is shorter than 3 characters")
        age = str(payload.get("age", ""))
        if age and not (age.isascii() and age.isdigit()):
            raise RowRejected("age", "is no whole number")
        return {"text": text, "age": int(age) if age else None}

    def identity(self, row: Mapping[str, object]) -> str:
        """Fold case."""
        return str(row["text"]).casefold()

    def split(self, row: Mapping[str, object]) -> str:
        """Split by identity."""
        return split_of(self.identity(row))

    def clean_block(self, columns: Mapping[str, Sequence[str]]) -> CleanBlock:
        """See Schema."""
        return clean_each(self, columns)
