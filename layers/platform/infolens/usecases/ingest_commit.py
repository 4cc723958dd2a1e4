"""Makes the staged sections of one upload part of its task's dataset, or refuses them whole, and writes the report.

Every write before head.json is named by its content or its upload, so that a repetition writes the same again. The
conditional write of head.json is the moment at which an upload becomes part of the dataset; a repetition finds itself
there. The report is created once after it, and training starts under a name that the dataset fixes.
"""

from __future__ import annotations

import contextlib
import functools
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from infolens import codec
from infolens.aws.objects import ObjectMissingError
from infolens.contracts import keys
from infolens.contracts.dataset import REFUSED_WITH_FILE, UploadFormat, UploadReport
from infolens.ingest import dataset
from infolens.ingest.dataset import Addition
from infolens.ingest.identity import upload_id_of
from infolens.ingest.merging import (
    ExistingPart,
    Merging,
    refusal,
    rejected_by_reason,
    rejects_csv,
)
from infolens.ingest.report_text import report_text
from infolens.rows import text_lengths
from infolens.usecases.datasets import Datasets
from infolens.usecases.ingest_ports import HeadContestedError, Ingested
from infolens.usecases.overlapped_writes import OverlappedWrites
from infolens.usecases.staged_store import PARQUET

if TYPE_CHECKING:
    from collections.abc import Generator

    from infolens.contracts.dataset import DatasetManifest
    from infolens.contracts.task import Schema
    from infolens.ingest.arrivals import Arrival
    from infolens.ingest.file_format import FileFormat
    from infolens.ingest.merging import FinalPart, Merged
    from infolens.ingest.survey import Survey
    from infolens.usecases.ingest_ports import IngestPorts
    from infolens.usecases.staged_store import StagedUpload

ATTEMPTS = 50
"""A refused write of head.json means that another upload went through; more than the queue's concurrency is a fault."""

_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"
_CSV = "text/csv; charset=utf-8"


class Settlement:
    """The end of one upload: what is known of it, and its report."""

    def __init__(self, arrival: Arrival, task: str, ports: IngestPorts) -> None:
        """Take the arrival and the task that its report lies under."""
        self.upload_id = upload_id_of(arrival.source)
        self._arrival = arrival
        self._task = task
        self._ports = ports
        self._store = ports.store
        self._bucket = ports.data_bucket
        self._datasets = Datasets(ports.store, ports.data_bucket, task)

    def known(self) -> Ingested | None:
        """Give what was reported before, and make up what may have been left out after it."""
        try:
            found = self._store.read(self._bucket, keys.upload_report(self._task, self.upload_id))
        except ObjectMissingError:
            return None
        report = codec.from_json(UploadReport, found.data)
        return Ingested(self._written(report), repeated=True, training_started=self._train(report))

    def take(self, schema: Schema, survey: Survey, staged: StagedUpload) -> Ingested:
        """Take the upload: rejects, parts, dataset, head, report, training.

        Raises:
            HeadContestedError: too many others wrote head.json meanwhile.
        """
        if reason := refusal(schema, staged.counts):
            return self.refuse(reason, survey=survey, staged=staged)
        merged, parent, child = self._commit(schema, survey, staged)
        report = self._settle(self._taken(survey.format, merged, parent, child))
        return Ingested(report, repeated=False, training_started=self._train(report, child))

    def refuse(  # noqa: PLR0913 - what is known of a file differs by where it was refused
        self,
        reason: str,
        *,
        rows: int | None = 0,
        survey: Survey | None = None,
        file_format: FileFormat | None = None,
        staged: StagedUpload | None = None,
        gone: bool = False,
    ) -> Ingested:
        """Keep the file byte for byte and report why; nothing else happens to it.

        Args:
            reason: why the file as a whole is refused.
            rows: rows that were counted in it, where none was staged; None when nobody has counted them.
            survey: its format and header, where they could be read.
            file_format: its format, where only that could be told.
            staged: sections that were read.
            gone: whether there is no file any more that could be kept.
        """
        if (known := self.known()) is not None:
            return known
        if not gone and not self._quarantine():
            reason = f"{reason}; the file was deleted meanwhile, so none is kept in quarantine"
        counts = staged.counts if staged else []
        if survey and staged:
            self._write_rejects(survey, staged)
        rows_in = sum(section.rows_in for section in counts) or rows or 0
        reasons = rejected_by_reason(counts)
        if rest := rows_in - sum(section.rows_rejected for section in counts):
            reasons[REFUSED_WITH_FILE] = rest
        report = replace(
            self._blank(),
            status="refused",
            reason=reason,
            rows_in=rows_in,
            rows_rejected=rows_in,
            rejected_by_reason=reasons,
            bytes_repaired=sum(section.repaired for section in counts),
            bytes_replaced=sum(section.replaced for section in counts),
            format=_format(told) if (told := survey.format if survey else file_format) else None,
            rows_counted=rows is not None,
            settled_at=self._ports.now().isoformat(),
        )
        return Ingested(self._settle(report), repeated=False, training_started=False)

    def _commit(
        self, schema: Schema, survey: Survey, staged: StagedUpload
    ) -> tuple[Merged, DatasetManifest | None, DatasetManifest | None]:
        """Make the upload part of the dataset; gives the dataset before it and the one with it (None: no new row)."""
        compared: set[str] = set()  # parts never change: a second attempt compares only those that came meanwhile
        merging = self._merging(schema, survey, staged)
        for attempt in range(ATTEMPTS):
            newest = self._datasets.newest()
            parent = newest.manifest
            if not compared <= {part.part_id for part in (parent.parts if parent else ())}:
                # An operator has moved the head back: what was dropped for parts that are gone is new again.
                compared.clear()
                merging = self._merging(schema, survey, staged)
            if parent and any(source.upload_id == self.upload_id for source in parent.sources):
                before, child = self._datasets.first_with(self.upload_id, parent)
                return self._as_taken(merging, before, compared), before, child
            self._compare(merging, parent, compared)
            self._write_parts(merging, staged)
            if attempt == 0:
                self._write_rejects(survey, staged)  # while near duplicates are still looked for beside it
            merged = merging.result()
            if not merged.parts:
                return merged, parent, None
            child = self._datasets.describe(self._child(merged, parent))
            if self._datasets.move_head(child.dataset_id, newest.etag):
                return merged, parent, child
        raise HeadContestedError(f"{keys.dataset_head(self._task)} was changed by others {ATTEMPTS} times in a row")

    def _merging(self, schema: Schema, survey: Survey, staged: StagedUpload) -> Merging:
        workers = self._ports.workers
        return Merging(schema, survey, self.upload_id, staged.counts, staged, workers=workers)

    def _child(self, merged: Merged, parent: DatasetManifest | None) -> DatasetManifest:
        new = Addition(
            upload_id=self.upload_id,
            source=self._arrival.source,
            parts=merged.parts,
            split_counts=merged.split_counts,
            label_counts=merged.label_counts,
            length_bins=merged.length_bins,
        )
        return dataset.append(parent, self._task, new, self._ports.now().isoformat(), self._ports.code_version)

    def _as_taken(self, merging: Merging, before: DatasetManifest | None, compared: set[str]) -> Merged:
        """Say again what was said when the upload was taken by an attempt that did not live to report it."""
        self._compare(merging, before, compared)
        for _ in merging.parts():
            pass  # written by that attempt
        return merging.result()

    def _compare(self, merging: Merging, parent: DatasetManifest | None, compared: set[str]) -> None:
        fresh = [
            (source.upload_id, part)
            for source in (parent.sources if parent else ())
            for part in source.parts
            if part.part_id not in compared
        ]
        indexes = self._ports.indexes.of(
            [keys.part_index(self._task, part.part_id) for _, part in fresh],
            lambda key: self._store.read(self._bucket, key).data,
            lambda key, start, size: self._store.read_range(self._bucket, key, start, size),
        )
        merging.compare(
            [ExistingPart(upload, part, index) for (upload, part), index in zip(fresh, indexes, strict=True)]
        )
        compared.update(part.part_id for _, part in fresh)

    def _write_parts(self, merging: Merging, staged: StagedUpload) -> None:
        def write(final: FinalPart) -> None:
            key = keys.part(self._task, final.part.part_id)
            origin = "" if final.staged_as is None else staged.part_key(final.staged_as)
            if origin:  # the store has these bytes already
                self._store.copy((self._bucket, origin, ""), self._bucket, key)
            else:
                self._store.write(self._bucket, key, final.data, PARQUET)
            self._store.write(self._bucket, keys.part_index(self._task, final.part.part_id), final.index)

        made = cast("Generator[FinalPart, None, None]", merging.parts())  # it may have processes that have to go
        with contextlib.closing(made), OverlappedWrites(self._ports.writers) as writes:
            for final in made:
                writes.do(functools.partial(write, final))

    def _write_rejects(self, survey: Survey, staged: StagedUpload) -> None:
        if not any(section.rows_rejected for section in staged.counts):
            return
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "rejects.csv"
            with path.open("wb") as file:
                for piece in rejects_csv(survey, staged.counts, staged):
                    file.write(piece)
            self._store.write_file(self._bucket, keys.rejects(self._task, self.upload_id), path, _CSV)

    def _quarantine(self) -> bool:
        """Copy the file as it was dropped; False when it is gone."""
        source = self._arrival.source
        copy = keys.quarantined(self._task, self.upload_id, self._arrival.filename)
        try:
            origin = (source.bucket, source.key, self._arrival.version_id)
            self._store.copy(origin, self._bucket, copy, self._arrival.etag)
        except ObjectMissingError:
            return False
        return True

    def _taken(
        self,
        file_format: FileFormat,
        merged: Merged,
        parent: DatasetManifest | None,
        child: DatasetManifest | None,
    ) -> UploadReport:
        last = child.sources[-1] if child else None
        kept = last.rows if last else 0
        reason = "" if child else "no row was new: each one was rejected or is in the dataset already"
        if child and child.rows < (least := self._ports.min_rows_of(self._task)):
            reason = f"no training started: the dataset has {child.rows} rows, at least {least} are needed"
        return replace(
            self._blank(),
            status="accepted" if child else "empty",
            reason=reason,
            rows_in=merged.rows_in,
            rows_kept=kept,
            rows_duplicate=merged.rows_in - merged.rows_rejected - kept,
            rows_rejected=merged.rows_rejected,
            rejected_by_reason=merged.rejected_by_reason,
            label_counts=dataset.added_labels(parent, child) if child else {},
            parts=last.parts if last else (),
            dataset_id=child.dataset_id if child else "",
            bytes_repaired=merged.repaired,
            bytes_replaced=merged.replaced,
            format=_format(file_format),
            conflicting_labels=merged.conflicting_labels,
            conflicts=merged.conflicts,
            near_duplicates=merged.near_duplicates,
            near_duplicate_pairs=merged.near_duplicate_pairs,
            text_lengths=text_lengths.quantiles(merged.length_bins),
            settled_at=child.created_at if child else self._ports.now().isoformat(),
        )

    def _blank(self) -> UploadReport:
        """Say what is known of an upload before a row of it was read."""
        return UploadReport(
            upload_id=self.upload_id,
            task=self._task,
            source=self._arrival.source,
            status="",
            reason="",
            rows_in=0,
            rows_kept=0,
            rows_duplicate=0,
            rows_rejected=0,
            rejected_by_reason={},
            label_counts={},
            parts=(),
            dataset_id="",
            bytes_in=self._arrival.size,
            uploaded_at=self._arrival.uploaded_at,
            replay_of=self._replay_of(),
        )

    def _replay_of(self) -> str:
        source = self._arrival.source
        try:
            facts = self._store.facts(source.bucket, source.key, self._arrival.version_id)
        except ObjectMissingError:
            return ""
        return facts.metadata.get(keys.REPLAY_OF, "")

    def _train(self, report: UploadReport, made: DatasetManifest | None = None) -> bool:
        """Start training on the report's dataset, once: its name takes the code version that made the dataset.

        Args:
            report: settled.
            made: a dataset that is known, and need not be read when it is the report's.
        """
        if report.status != "accepted":
            return False
        known = made if made and made.dataset_id == report.dataset_id else None
        manifest = known or self._datasets.manifest(report.dataset_id)
        if manifest.rows < self._ports.min_rows_of(self._task):
            return False
        return self._ports.start_training(self._task, manifest.dataset_id, manifest.code_version)

    def _settle(self, report: UploadReport) -> UploadReport:
        """Create the report, or give the one that a faster delivery of the same upload has created."""
        key = keys.upload_report(self._task, self.upload_id)
        if not self._store.create(self._bucket, key, codec.to_json(report), _JSON):
            report = codec.from_json(UploadReport, self._store.read(self._bucket, key).data)
        return self._written(report)

    def _written(self, report: UploadReport) -> UploadReport:
        """Write the settled report for people: once, and only what has been settled."""
        key = keys.upload_report_text(self._task, self.upload_id)
        self._store.create(self._bucket, key, report_text(report).encode(), _TEXT)
        return report


def _format(found: FileFormat) -> UploadFormat:
    return UploadFormat(found.packing, found.encoding, found.delimiter)
