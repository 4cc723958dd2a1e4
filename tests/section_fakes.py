"""Fakes for the tests of sections: a small task, staged sections in memory, and a file taken from bytes to parts."""

from __future__ import annotations

import contextlib
import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infolens.ingest.file_format import FileFormat
from infolens.ingest.identity_index import IdentityIndex
from infolens.ingest.merging import Merging, rejects_csv
from infolens.ingest.section_processes import staged_sections
from infolens.ingest.survey import survey
from pets import PetSchema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infolens.ingest.merging import ExistingPart, FinalPart, Merged
    from infolens.ingest.sections import StagedSection
    from infolens.ingest.survey import Survey

PLAIN = FileFormat("", "utf-8", ",")


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
