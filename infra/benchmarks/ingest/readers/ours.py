"""Reads with InfoLens: the very steps of the ingest function, with files on local disk in place of the buckets.

It does more than its peers: one field of title and body, entities, invalid characters, NFC and white space, label
names, an identity that ignores case and punctuation, the split of each row, near-duplicates and contradicting labels,
and the raw fields of every reject with line, column and reason.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from outcome import THREADS, leave_pandas_out, run_of_arguments

leave_pandas_out()

from infolens.ingest.merging import Merging, refusal, rejects_csv  # noqa: E402
from infolens.ingest.section_processes import staged_sections  # noqa: E402
from infolens.ingest.survey import survey  # noqa: E402

from infolens.contracts.task import RowRejected  # noqa: E402 - after pandas has been left out
from infolens.ingest.file_format import open_content  # noqa: E402
from infolens.ingest.identity_index import IdentityIndex  # noqa: E402
from infolens.tasks import schema_of  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from infolens.ingest.sections import StagedSection

SCHEMA = schema_of("news_category")


class StagedFiles:
    """`merging.StagedParts` in a folder."""

    def __init__(self, folder: Path) -> None:
        """Make the folder."""
        folder.mkdir()
        self._folder = folder

    def keep(self, section: StagedSection) -> None:
        """Write a section down."""
        for name in ("part", "index", "rejects"):
            (self._folder / f"{section.counts.number}.{name}").write_bytes(getattr(section, name))

    def index(self, number: int) -> IdentityIndex:
        """See StagedParts: read by ranges, as from a bucket."""
        path = self._folder / f"{number}.index"

        def read(start: int, size: int) -> bytes:
            with path.open("rb") as file:
                file.seek(start)
                return file.read(size)

        return IdentityIndex(read)

    def part(self, number: int) -> bytes:
        """See StagedParts."""
        return (self._folder / f"{number}.part").read_bytes()

    def rejects(self, number: int) -> bytes:
        """See StagedParts."""
        return (self._folder / f"{number}.rejects").read_bytes()


def binds(header: Sequence[str]) -> bool:
    """Say whether the schema finds its columns."""
    try:
        SCHEMA.bind(header, labelled=True)
    except RowRejected:
        return False
    return True


run = run_of_arguments()
out = run.kept.parent
upload_id = "benchmark"
with run.file.open("rb") as stream:
    content, form = open_content(stream, run.file.name, binds)
    found = survey(content, form, SCHEMA)
staged = StagedFiles(out / "staged")
counts = []
with run.file.open("rb") as stream:
    stream.seek(found.data_start)
    sections = staged_sections(stream, found, SCHEMA, upload_id, workers=int(run.variant or THREADS))
    with contextlib.closing(sections):
        for section in sections:
            staged.keep(section)
            counts.append(section.counts)
if reason := refusal(SCHEMA, counts):
    raise SystemExit(reason)
merging = Merging(SCHEMA, found, upload_id, counts, staged)
merging.compare(())
written = []
for final in merging.parts():
    name = f"{final.part.part_id}.parquet"
    (out / name).write_bytes(final.data)
    (out / f"{final.part.part_id}.index").write_bytes(final.index)
    written.append((name, final.part.lines_before))
with run.rejects.open("wb") as rejects:
    rejects.writelines(rejects_csv(found, counts, staged))
result = merging.result()
(out / "parts.json").write_text(json.dumps(written))
run.tell(
    result.rows_kept,
    rows_in=result.rows_in,
    duplicates=result.rows_duplicate,
    rejected=result.rows_rejected,
    reasons=result.rejected_by_reason,
    repaired=result.repaired,
    replaced=result.replaced,
    near_duplicates=result.near_duplicates,
    conflicts=result.conflicting_labels,
)
