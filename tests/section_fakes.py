"""Fakes for the tests of sections: a small task, staged sections in memory, and a file taken from bytes to parts."""

from __future__ import annotations

import contextlib
import hashlib
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infolens.contracts.task import RowRejected
from infolens.ingest.file_format import FileFormat
from infolens.ingest.identity_index import IdentityIndex
from infolens.ingest.merging import Merging, rejects_csv
from infolens.ingest.section_processes import staged_sections
from infolens.ingest.survey import survey
from infolens.rows.row_blocks import clean_each
from infolens.rows.split import split_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infolens.contracts.task import CleanBlock
    from infolens.ingest.merging import ExistingPart, FinalPart, Merged
    from infolens.ingest.sections import StagedSection
    from infolens.ingest.survey import Survey

PLAIN = FileFormat("", "utf-8", ",")


@dataclass(frozen=True)
class PetSchema:
    """Sentences about pets."""

    task: str = "pets"
    columns: Mapping[str, str] = field(default_factory=lambda: {"text": "string", "label": "string", "age": "int64"})
    label: str = "label"
    bad_row_budget: float = 0.5

    def bind(self, header: Sequence[str], *, labelled: bool) -> dict[str, int]:
        """Find `text`, `label` and optional `age`."""
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


class Held:
    """`StagedParts` in memory; counts what was asked for."""

    def __init__(self, sections: Sequence[StagedSection]) -> None:
        self.sections = {section.counts.number: section for section in sections}
        self.parts_read = 0

    @property
    def counts(self) -> list:
        """Give the counts in order."""
        return [self.sections[number].counts for number in sorted(self.sections)]

    def index(self, number: int) -> IdentityIndex:
        """See StagedParts; read by range, as from a bucket."""
        data = self.sections[number].index
        return IdentityIndex(lambda start, size: data[start : start + size])

    def part(self, number: int) -> bytes:
        """See StagedParts."""
        self.parts_read += 1
        return self.sections[number].part

    def rejects(self, number: int) -> bytes:
        """See StagedParts."""
        return self.sections[number].rejects


@dataclass(frozen=True)
class Taken:
    """What became of a file."""

    survey: Survey
    held: Held
    parts: list[FinalPart]
    merged: Merged
    rejects: bytes

    @property
    def outcome(self) -> tuple:
        """Everything that users see, to compare."""
        parts = [(final.part, hashlib.sha256(final.data).hexdigest(), final.index) for final in self.parts]
        return parts, self.merged, self.rejects


def content_at(data: bytes, offset: int) -> io.BytesIO:
    """Open bytes at an offset."""
    content = io.BytesIO(data)
    content.seek(offset)
    return content


def merged_with(
    found: Survey, held: Held, existing: Sequence[ExistingPart] = (), upload_id: str = "up1", workers: int = 1
) -> Taken:
    """Merge staged sections with each other and with what a dataset has."""
    merging = Merging(PetSchema(), found, upload_id, held.counts, held, workers=workers)
    merging.compare(existing)
    parts = list(merging.parts())
    rejects = b"".join(rejects_csv(found, held.counts, held))
    return Taken(found, held, parts, merging.result(), rejects)


def taken(
    data: bytes,
    section_bytes: int = 1 << 20,
    workers: int = 1,
    existing: Sequence[ExistingPart] = (),
    upload_id: str = "up1",
) -> Taken:
    """Take a file of the task `pets` as ingest does."""
    found = survey(io.BytesIO(data), PLAIN, PetSchema())
    with contextlib.closing(
        staged_sections(
            content_at(data, found.data_start),
            found,
            PetSchema(),
            upload_id,
            section_bytes=section_bytes,
            workers=workers,
        )
    ) as sections:
        held = Held(list(sections))
    return merged_with(found, held, existing, upload_id, workers)
