"""Takes one labelled upload from the bucket into the dataset, with effects that happen once however often it is asked.

Every write before head.json is named by its content or its upload, so that a repetition writes the same again. The
conditional write of head.json is the moment at which an upload becomes part of the dataset; a repetition finds itself
there. The report is created once after it, and training starts under a name that the dataset fixes.
"""

from __future__ import annotations

import collections
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from infolens import codec
from infolens.aws.objects import ObjectMissingError
from infolens.contracts import keys
from infolens.contracts.dataset import Part, UploadReport
from infolens.ingest import dataset, parts
from infolens.ingest.csv_writing import csv_bytes
from infolens.ingest.dataset import Addition
from infolens.ingest.identity import upload_id_of
from infolens.ingest.labelled import REFUSED_WITH_FILE, ReadFile, read_labelled, reasons_of, reject_table
from infolens.tasks import UnknownTaskError
from infolens.usecases.datasets import Datasets

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from infolens.aws.objects import ObjectStore
    from infolens.contracts.dataset import DatasetManifest
    from infolens.contracts.task import Schema
    from infolens.ingest.arrivals import Arrival

UNKNOWN_TASK = "unknown"
"""Reports of files that name no known task lie under this name."""

_ATTEMPTS = 50
"""A refused write of head.json means that another upload went through; more than the queue's concurrency is a fault."""


class StartTraining(Protocol):
    """Starts the training state machine under a name made of its arguments."""

    def __call__(self, task: str, dataset_id: str, code_version: str) -> bool:
        """Start once; False when this name has been started before."""


@dataclass(frozen=True)
class IngestPorts:
    """What `ingest_upload` needs of the world."""

    store: ObjectStore
    data_bucket: str
    schema_of: Callable[[str], Schema]
    """Raises UnknownTaskError."""
    min_rows_of: Callable[[str], int]
    """Smallest dataset of a task that is worth training on."""
    start_training: StartTraining
    now: Callable[[], datetime]
    code_version: str


@dataclass(frozen=True)
class Ingested:
    """What became of an upload."""

    report: UploadReport
    repeated: bool
    """The upload had been dealt with before; it must not be counted again."""
    training_started: bool


class HeadContestedError(RuntimeError):
    """head.json could not be written although it was tried often; the message will be delivered again."""


def ingest_upload(arrival: Arrival, ports: IngestPorts) -> Ingested:
    """Take an upload: rejects, part, dataset, head, report, training. The same arrival again changes nothing.

    Args:
        arrival: the object; a folder marker is not for here.
        ports: the store and the other parts of the world.

    Raises:
        HeadContestedError: too many others wrote head.json meanwhile.
        Exception: whatever the store or the start of training raises; asked again, the rest is made up.
    """
    try:
        schema = ports.schema_of(arrival.task)
    except UnknownTaskError as error:
        reason = f"{error}; the key must be labelled/<task>/<file>.csv, not {arrival.source.key}"
        return _Upload(arrival, UNKNOWN_TASK, ports).refuse(ReadFile(refused=reason))
    return _Upload(arrival, schema.task, ports).take(schema)


class _Upload:
    """One upload on its way."""

    def __init__(self, arrival: Arrival, task: str, ports: IngestPorts) -> None:
        self._arrival = arrival
        self._task = task
        self._ports = ports
        self._id = upload_id_of(arrival.source)
        self._store = ports.store
        self._datasets = Datasets(ports.store, ports.data_bucket, task)

    def take(self, schema: Schema) -> Ingested:
        known = self._known_report()
        if known is not None:
            return Ingested(known, repeated=True, training_started=self._train(known))
        source = self._arrival.source
        try:
            stream = self._store.open(source.bucket, source.key, self._arrival.version_id)
        except ObjectMissingError:
            return self.refuse(
                ReadFile(refused="the file was deleted before it could be read; upload it again"), gone=True
            )
        with stream:
            found = read_labelled(stream, self._arrival.filename, schema)
        if found.rejects:
            table = csv_bytes(reject_table(found))
            self._store.write(
                self._ports.data_bucket, keys.rejects(self._task, self._id), table, "text/csv; charset=utf-8"
            )
        if found.refused:
            return self.refuse(found)
        parent, child = self._commit(schema, found)
        report = self._settle(self._taken(found, parent, child))
        return Ingested(report, repeated=False, training_started=self._train(report))

    def refuse(self, found: ReadFile, *, gone: bool = False) -> Ingested:
        """Keep the file byte for byte and report why; nothing else happens to it."""
        known = self._known_report()
        if known is not None:
            return Ingested(known, repeated=True, training_started=False)
        if not gone:
            origin = (self._arrival.source.bucket, self._arrival.source.key, self._arrival.version_id)
            copy = keys.quarantined(self._task, self._id, self._arrival.filename)
            self._store.copy(origin, self._ports.data_bucket, copy)
        reasons = reasons_of(found.rejects)
        if rest := found.rows_in - len(found.rejects):
            reasons[REFUSED_WITH_FILE] = rest
        report = UploadReport(
            upload_id=self._id,
            task=self._task,
            source=self._arrival.source,
            status="refused",
            reason=found.refused,
            rows_in=found.rows_in,
            rows_kept=0,
            rows_duplicate=0,
            rows_rejected=found.rows_in,
            rejected_by_reason=reasons,
            label_counts={},
            parts=(),
            dataset_id="",
            bytes_replaced=found.replaced,
        )
        return Ingested(self._settle(report), repeated=False, training_started=False)

    def _commit(self, schema: Schema, found: ReadFile) -> tuple[DatasetManifest | None, DatasetManifest | None]:
        """Make the upload part of the dataset; gives the dataset before it and the one with it (None: no new row)."""
        known: set[bytes] = set()
        read: set[str] = set()  # parts never change and are never taken out: a second attempt reads only new ones
        for _ in range(_ATTEMPTS):
            newest = self._datasets.newest()
            parent = newest.manifest
            if parent and any(source.upload_id == self._id for source in parent.sources):
                return self._datasets.first_with(self._id, parent)
            for part_id in [part.part_id for part in parent.parts] if parent else []:
                if part_id not in read:
                    part = self._store.read(self._ports.data_bucket, keys.part(self._task, part_id))
                    known |= parts.identities(part.data)
                    read.add(part_id)
            fresh = [row for row in found.kept if row.digest not in known]
            if not fresh:
                return parent, None
            data = parts.part_bytes(schema.columns, fresh, self._id)
            part_id = parts.part_id_of(data)
            self._store.write(
                self._ports.data_bucket, keys.part(self._task, part_id), data, "application/vnd.apache.parquet"
            )
            label = list(schema.columns).index(schema.label) if schema.label else None
            new = Addition(
                upload_id=self._id,
                source=self._arrival.source,
                parts=(Part(part_id, len(fresh), lines_before=0),),
                split_counts=collections.Counter(row.split for row in fresh),
                label_counts=collections.Counter(str(row.values[label]) for row in fresh if label is not None),
            )
            now = self._ports.now().isoformat()
            child = dataset.append(parent, self._task, new, now, self._ports.code_version)
            self._datasets.describe(child)
            if self._datasets.move_head(child.dataset_id, newest.etag):
                return parent, child
        raise HeadContestedError(f"{keys.dataset_head(self._task)} was changed by others {_ATTEMPTS} times in a row")

    def _taken(self, found: ReadFile, parent: DatasetManifest | None, child: DatasetManifest | None) -> UploadReport:
        last = child.sources[-1] if child else None
        kept = last.rows if last else 0
        reason = "" if child else "no row was new: each one was rejected or is in the dataset already"
        if child and child.rows < (least := self._ports.min_rows_of(self._task)):
            reason = f"no training started: the dataset has {child.rows} rows, at least {least} are needed"
        return UploadReport(
            upload_id=self._id,
            task=self._task,
            source=self._arrival.source,
            status="accepted" if child else "empty",
            reason=reason,
            rows_in=found.rows_in,
            rows_kept=kept,
            rows_duplicate=found.rows_in - len(found.rejects) - kept,
            rows_rejected=len(found.rejects),
            rejected_by_reason=reasons_of(found.rejects),
            label_counts=dataset.added_labels(parent, child) if child else {},
            parts=last.parts if last else (),
            dataset_id=child.dataset_id if child else "",
            bytes_replaced=found.replaced,
        )

    def _train(self, report: UploadReport) -> bool:
        """Start training on the report's dataset, once: its name takes the code version that made the dataset."""
        if report.status != "accepted":
            return False
        manifest = self._datasets.manifest(report.dataset_id)
        if manifest.rows < self._ports.min_rows_of(self._task):
            return False
        return self._ports.start_training(self._task, manifest.dataset_id, manifest.code_version)

    def _settle(self, report: UploadReport) -> UploadReport:
        """Create the report, or give the one that a faster delivery of the same upload has created."""
        key = keys.upload_report(self._task, self._id)
        if self._store.create(self._ports.data_bucket, key, codec.to_json(report), "application/json"):
            return report
        return codec.from_json(UploadReport, self._store.read(self._ports.data_bucket, key).data)

    def _known_report(self) -> UploadReport | None:
        try:
            found = self._store.read(self._ports.data_bucket, keys.upload_report(self._task, self._id))
        except ObjectMissingError:
            return None
        return codec.from_json(UploadReport, found.data)
