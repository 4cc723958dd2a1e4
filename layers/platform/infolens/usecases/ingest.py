"""Takes one labelled upload from the bucket into the dataset, with effects that happen once however often it is asked.

A file of one section is read and committed at a stroke. A larger one leaves its sections under `staged/` on the way, so
that a second attempt reads only the rest; one that is too large for one function, or for the time that is left of it,
is handed over to a state machine, whose steps (`infolens.usecases.ingest_steps`) make the same bytes.
"""

from __future__ import annotations

import contextlib
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infolens.aws.objects import ObjectMissingError, ObjectReplacedError
from infolens.contracts.ingest import IngestOrder
from infolens.ingest.arrivals import Arrival, notification_of
from infolens.ingest.csv_reading import FileRefused
from infolens.ingest.identity import upload_id_of
from infolens.ingest.section_processes import staged_sections
from infolens.tasks import UnknownTaskError
from infolens.usecases.ingest_commit import Settlement
from infolens.usecases.ingest_ports import UNKNOWN_TASK, HandedOver, Ingested
from infolens.usecases.labelled_file import LabelledFile
from infolens.usecases.overlapped_writes import OverlappedWrites
from infolens.usecases.staged_store import InBucket, InMemory

if TYPE_CHECKING:
    from infolens.contracts.task import Schema
    from infolens.ingest.sections import StagedSection
    from infolens.ingest.survey import Survey
    from infolens.usecases.ingest_ports import IngestPorts
    from infolens.usecases.staged_store import StagedUpload

DELETED = "the file was deleted before it could be read; upload it again"
REPLACED = "another file was written over this one before it could be read; that one has a report of its own"


def ingest_upload(arrival: Arrival, ports: IngestPorts) -> Ingested | HandedOver:
    """Take an upload: rejects, parts, dataset, head, report, training. The same arrival again changes nothing.

    Args:
        arrival: the object; a folder marker is not for here.
        ports: the store and the other parts of the world.

    Raises:
        HeadContestedError: too many others wrote head.json meanwhile.
        Exception: whatever the store, or the start of training or of the state machine raises; asked again, the rest
            is made up.
    """
    upload = opened(arrival, ports)
    return upload.take() if isinstance(upload, Upload) else upload


def opened(arrival: Arrival, ports: IngestPorts) -> Upload | Ingested:
    """Look at an upload as far as its header: it goes on from there, or it was settled before or is refused now."""
    try:
        schema = ports.schema_of(arrival.task)
    except UnknownTaskError as error:
        reason = f"{error}; the key must be labelled/<task>/<file>.csv, not {arrival.source.key}"
        return Settlement(arrival, UNKNOWN_TASK, ports).refuse(reason)
    settlement = Settlement(arrival, schema.task, ports)
    if (known := settlement.known()) is not None:
        return known
    file = LabelledFile(arrival, schema, ports.store)
    try:
        survey = file.survey()
    except FileRefused as error:
        few = arrival.size <= ports.distribute_from  # more are not worth the time: the header says it all
        return settlement.refuse(error.reason, rows=file.count_rows() if few else None, file_format=file.format)
    except ObjectMissingError as error:
        return settlement.refuse(gone_because(error), gone=True)
    return Upload(arrival, schema, survey, ports)


def order_of(arrival: Arrival) -> IngestOrder:
    """Order the ingest of an arrival from the state machine."""
    return IngestOrder(
        upload_id=upload_id_of(arrival.source),
        task=arrival.task,
        source=arrival.source,
        version_id=arrival.version_id,
        size=arrival.size,
        uploaded_at=arrival.uploaded_at,
        notification=notification_of(arrival),
    )


def arrival_of(order: IngestOrder) -> Arrival:
    """Give the arrival that was ordered."""
    return Arrival(order.source, order.version_id, order.size, order.uploaded_at)


def gone_because(error: ObjectMissingError) -> str:
    """Say why there is no file."""
    return REPLACED if isinstance(error, ObjectReplacedError) else DELETED


@dataclass(frozen=True)
class _Read:
    """How far a file was read."""

    last: StagedSection | None = None
    """The section at whose end the content ends; None when it had been staged before."""
    refused: str = ""
    """Why the content broke off there."""
    stopped: bool = False
    """There was no time for more."""


class Upload:
    """One upload whose header could be read, on its way."""

    def __init__(self, arrival: Arrival, schema: Schema, survey: Survey, ports: IngestPorts) -> None:
        """Take what is known of it."""
        self.survey = survey
        self.schema = schema
        self.file = LabelledFile(arrival, schema, ports.store)
        self.settlement = Settlement(arrival, schema.task, ports)
        upload_id = self.settlement.upload_id
        self.shelf = InBucket(ports.store, ports.data_bucket, (schema.task, upload_id, ports.code_version))
        self._arrival = arrival
        self._ports = ports

    @property
    def distributable(self) -> bool:
        """Whether many functions can read it at once: its bytes can be cut."""
        return self.survey.format.splittable

    def take(self) -> Ingested | HandedOver:
        """Read and commit it, or hand it over."""
        large = self.distributable and self._arrival.size > self._ports.distribute_from
        if large or not self._ports.in_time:
            return self._hand_over()
        staged = self.stage()
        if isinstance(staged, Ingested):
            return staged
        if staged is None or (staged is self.shelf and not self._ports.in_time):
            return self._hand_over()
        return self.settlement.take(self.schema, self.survey, staged)

    def stage(self, *, keep_small: bool = False) -> StagedUpload | Ingested | None:
        """Read all sections that are not staged yet, in order.

        Args:
            keep_small: whether the only section of a small file is put into the bucket, too, for another to commit.

        Returns:
            The sections; None when the time is short and some are left; or the refusal of a file that turns out to be
            broken.
        """
        shelf = self.shelf
        if self._may_have_staged and shelf.follow(self.survey):
            return shelf
        try:
            read = self._read_on()
        except FileRefused as error:
            return self.settlement.refuse(error.reason, survey=self.survey)
        except ObjectMissingError as error:
            return self.settlement.refuse(gone_because(error), gone=True)
        if read.refused:
            shelf.follow(self.survey)
            if read.last:
                shelf.hold(read.last)
            return self.settlement.refuse(read.refused, survey=self.survey, staged=shelf)
        return None if read.stopped else self._finished(read.last, keep_small=keep_small)

    def _finished(self, last: StagedSection | None, *, keep_small: bool) -> StagedUpload:
        """Put the last section to the others, now that it is known to be the last."""
        if last and last.counts.number == 0 and not keep_small:
            return InMemory(last)
        if last:
            self.shelf.keep(last)
        if not self.shelf.follow(self.survey):
            raise RuntimeError("the sections that were staged do not reach the end of the file")
        return self.shelf

    def _read_on(self) -> _Read:
        """Stage what is not staged yet, but for the last section: it is handed back.

        What ends the file may only look like it, when the packing breaks off there: that is known after it.
        """
        last: StagedSection | None = None
        with (
            self.file.content(self.survey, self.survey.data_start) as content,
            contextlib.closing(
                staged_sections(
                    content,
                    self.survey,
                    self.schema,
                    self.settlement.upload_id,
                    section_bytes=self._ports.section_bytes,
                    workers=self._ports.workers,
                    known=self.shelf.known if self._may_have_staged else _none,
                    index_of=self.shelf.index_of,
                )
            ) as sections,
            OverlappedWrites(self._ports.writers) as writes,
        ):
            try:
                for section in sections:
                    if section.counts.last:
                        last = section
                        continue
                    writes.do(functools.partial(self.shelf.keep, section))
                    if not self._ports.in_time:
                        return _Read(stopped=True)
            except FileRefused as error:
                return _Read(last, refused=error.reason)
        return _Read(last)

    @property
    def _may_have_staged(self) -> bool:
        """Whether an earlier attempt can have left sections: a file of one section leaves none."""
        return not self.distributable or self._arrival.size > self._ports.section_bytes

    def _hand_over(self) -> HandedOver:
        order = order_of(self._arrival)
        return HandedOver(order.upload_id, self._ports.hand_over(order))


def _none(number: int) -> None:
    """Know no section."""
