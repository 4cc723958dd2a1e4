"""Puts CSV files where editors put them, and reads the reports that come back."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infolens import codec
from infolens.aws.objects import ObjectMissingError, ObjectStore
from infolens.contracts import keys
from infolens.contracts.dataset import BatchReport, UploadReport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infolens_cli.stack import Stack


@dataclass(frozen=True)
class Uploaded:
    """An object that was put, and the id under which its report will lie."""

    bucket: str
    key: str
    version: str
    upload_id: str


def identity_of(bucket: str, key: str, version: str) -> str:
    """Id of an upload; the very same bytes at the very same place have one id, however often S3 tells of them."""
    return hashlib.sha256(f"{bucket}/{key}/{version}".encode()).hexdigest()[:24]


def put(s3: Any, stack: Stack, task: str, file: Path, *, batch: bool) -> Uploaded:  # noqa: ANN401 - a boto3 client
    """Upload a file, labelled or to be answered (`batch`), under its own name."""
    key = keys.batch_upload(task, file.name) if batch else keys.labelled_upload(task, file.name)
    with file.open("rb") as body:
        answer = s3.put_object(Bucket=stack.uploads_bucket, Key=key, Body=body, ContentType="text/csv")
    version = str(answer.get("VersionId") or answer["ETag"].strip('"'))
    return Uploaded(stack.uploads_bucket, key, version, identity_of(stack.uploads_bucket, key, version))


def upload_report(objects: ObjectStore, stack: Stack, task: str, upload_id: str) -> UploadReport | None:
    """Read the report of a labelled upload; None while there is none.

    A task that nobody knows has its reports under the task "unknown".
    """
    for place in (task, "unknown"):
        try:
            found = objects.read(stack.data_bucket, keys.upload_report(place, upload_id))
        except ObjectMissingError:
            continue
        return codec.from_json(UploadReport, found.data)
    return None


def batch_report(objects: ObjectStore, stack: Stack, task: str, upload_id: str) -> BatchReport | None:
    """Read the report of a batch; None while there is none."""
    for place in (task, "unknown"):
        try:
            found = objects.read(stack.uploads_bucket, keys.batch_report(place, upload_id))
        except ObjectMissingError:
            continue
        return codec.from_json(BatchReport, found.data)
    return None


def rows_of(objects: ObjectStore, bucket: str, key: str, most: int) -> list[dict[str, str]]:
    """Read the first rows of a CSV object; none when it is not there."""
    try:
        stream = objects.open(bucket, key)
    except ObjectMissingError:
        return []

    def first() -> Iterator[dict[str, str]]:
        reader = csv.DictReader(io.TextIOWrapper(stream, encoding="utf-8", newline=""))
        for row, _ in zip(reader, range(most), strict=False):
            yield {str(name): str(value) for name, value in row.items()}

    return list(first())
