"""The steps of the ingest state machine: plan the sections of a file, stage one of them, commit them all.

Where sections begin is guessed from a few bytes at each place; the commit follows the chain from the first section on
and reads anew what was guessed wrongly. Each step may be repeated, and finds what it has done.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infolens import codec
from infolens.aws.objects import ObjectMissingError
from infolens.contracts import keys
from infolens.contracts.ingest import (
    CommittedIngest,
    IngestOrder,
    IngestSection,
    PlannedIngest,
    StagedIngest,
)
from infolens.ingest.csv_reading import FileRefused
from infolens.ingest.record_starts import guess_record_start
from infolens.ingest.sections import stage_section
from infolens.ingest.survey import Survey  # noqa: TC001 - codec resolves it at run time
from infolens.usecases.ingest import Upload, arrival_of, gone_because, opened
from infolens.usecases.ingest_ports import Ingested

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infolens.usecases.ingest_ports import IngestPorts

WINDOW_BYTES = 256 << 10
"""Bytes by which the start of a section is guessed: some hundred records of news. A longer record hides its end: its
section is read by the commit then."""


@dataclass(frozen=True)
class IngestPlan:
    """What the steps that stage need to know of a file."""

    order: IngestOrder
    survey: Survey


def plan_ingest(order: IngestOrder, ports: IngestPorts) -> PlannedIngest:
    """Look at a file; write where its sections may begin, or read it here when it cannot be cut.

    Raises:
        Exception: whatever the store raises; asked again, the rest is made up.
    """
    upload = opened(arrival_of(order), ports)
    if isinstance(upload, Ingested):
        return PlannedIngest("settled", "", "")
    task, upload_id, code = upload.schema.task, order.upload_id, ports.code_version
    plan = codec.to_json(IngestPlan(order, upload.survey))
    ports.store.write(ports.data_bucket, keys.staged_plan(task, upload_id, code), plan, "application/json")
    if not upload.distributable:
        staged = upload.stage(keep_small=True)
        if isinstance(staged, Ingested):
            return PlannedIngest("settled", "", "")
        return PlannedIngest("staged" if staged else "unfinished", "", "")
    try:
        starts = list(_guessed_starts(upload, order, ports))
    except ObjectMissingError as error:
        upload.settlement.refuse(gone_because(error), gone=True)
        return PlannedIngest("settled", "", "")
    listed = [codec.to_dict(IngestSection(task, upload_id, code, number, start)) for number, start in starts]
    key = keys.staged_list(task, upload_id, code)
    ports.store.write(ports.data_bucket, key, json.dumps(listed).encode(), "application/json")
    return PlannedIngest("planned", ports.data_bucket, key)


def stage_one(section: IngestSection, ports: IngestPorts) -> StagedIngest:
    """Read one section, unless it lies in the bucket already.

    Raises:
        Exception: whatever the store raises; asked again, it reads the section again.
    """
    if section.code_version != ports.code_version:
        return StagedIngest("outdated", section.number)
    plan = _plan(section.task, section.upload_id, ports)
    if plan is None:
        return StagedIngest("outdated", section.number)
    upload = Upload(arrival_of(plan.order), ports.schema_of(section.task), plan.survey, ports)
    try:
        _stage(upload, section.number, section.start, ports)
    except (FileRefused, ObjectMissingError):
        return StagedIngest("refused", section.number)  # the commit meets the same and reports it
    return StagedIngest("staged", section.number)


def commit_upload(order: IngestOrder, ports: IngestPorts) -> tuple[CommittedIngest, Ingested | None]:
    """Make the staged sections part of the dataset; sections that are missing are read first.

    Returns:
        What the state machine has to know, and the report as soon as there is one.

    Raises:
        Exception: as `infolens.usecases.ingest.ingest_upload`.
    """
    plan = _plan(order.task, order.upload_id, ports)
    if plan is None:
        looked_at = opened(arrival_of(order), ports)
        done = looked_at if isinstance(looked_at, Ingested) else "unplanned"
    else:
        upload = Upload(arrival_of(order), ports.schema_of(order.task), plan.survey, ports)
        done = upload.settlement.known() or _commit(upload, ports)
    if isinstance(done, str):
        return CommittedIngest(done, ""), None
    return CommittedIngest(done.report.status, done.report.reason), done


def _commit(upload: Upload, ports: IngestPorts) -> Ingested | str:
    """Follow the chain of sections to its end and settle the upload, or say why that has to be asked for again."""
    survey, shelf = upload.survey, upload.shelf
    try:
        while not shelf.follow(survey):
            if not upload.distributable:
                return "unplanned"
            if not ports.in_time:
                return "unfinished"
            start = shelf.counts[-1].end if shelf.counts else survey.data_start
            _stage(upload, len(shelf.counts), start, ports)
    except FileRefused as error:
        return upload.settlement.refuse(error.reason, survey=survey, staged=shelf)
    except ObjectMissingError as error:
        return upload.settlement.refuse(gone_because(error), gone=True)
    return upload.settlement.take(upload.schema, survey, shelf) if ports.in_time else "unfinished"


def _plan(task: str, upload_id: str, ports: IngestPorts) -> IngestPlan | None:
    key = keys.staged_plan(task, upload_id, ports.code_version)
    try:
        return codec.from_json(IngestPlan, ports.store.read(ports.data_bucket, key).data)
    except ObjectMissingError:
        return None


def _stage(upload: Upload, number: int, start: int, ports: IngestPorts) -> None:
    if upload.shelf.has(number, start):
        return
    stop = (number + 1) * ports.section_bytes
    with upload.file.content(upload.survey, start) as content:
        upload.shelf.keep(
            stage_section(content, upload.survey, upload.schema, number, start, stop, upload.settlement.upload_id)
        )


def _guessed_starts(upload: Upload, order: IngestOrder, ports: IngestPorts) -> Iterator[tuple[int, int]]:
    """Give the sections whose start could be guessed; those in between are left to the commit."""
    yield 0, upload.survey.data_start
    survey, size = upload.survey, ports.section_bytes
    with ports.store.open(order.source.bucket, order.source.key, order.version_id, arrival_of(order).etag) as stream:
        for number in range(1, -(-order.size // size)):
            if number * size <= survey.data_start:
                continue  # the header reaches that far
            stream.seek(number * size - 1)
            guessed = guess_record_start(stream.read(WINDOW_BYTES), survey.format.delimiter, len(survey.header))
            if guessed is not None:
                yield number, number * size - 1 + guessed
