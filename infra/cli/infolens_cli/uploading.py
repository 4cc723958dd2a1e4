"""Puts CSV files where editors put them, and reads the reports that come back."""

from __future__ import annotations

import csv
import hashlib
import io
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.s3.transfer import TransferConfig

from infolens import codec
from infolens.aws.objects import ObjectMissingError, ObjectStore
from infolens.contracts import keys
from infolens.contracts.dataset import BatchReport, UploadReport
from infolens_cli.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from infolens_cli.stack import Stack

UNKNOWN_TASK = "unknown"
"""Where reports and quarantined files lie whose key names no known task."""

PIECE_BYTES = 16 << 20
"""Larger files go in pieces of this size, several at once; S3 takes 10,000 of them, 156 GiB."""

_TABLES = (".csv", ".tsv", ".txt")
_PACKED = {".gz": "application/gzip", ".zip": "application/zip"}
_MADE_BY = ("PutObject", "CopyObject", "CompleteMultipartUpload")
"""Requests that make an object; boto3's managed transfer chooses one of them by size."""


@dataclass(frozen=True)
class Uploaded:
    """An object that was put, and the id under which its report will lie."""

    bucket: str
    key: str
    version: str
    upload_id: str


@dataclass(frozen=True)
class Quarantined:
    """A file that was refused whole, as it lies in quarantine."""

    task: str
    """As its key named it, or "unknown"."""
    upload_id: str
    key: str

    @property
    def filename(self) -> str:
        """Name under which it was uploaded."""
        return self.key.rpartition("/")[2]


def identity_of(bucket: str, key: str, version: str) -> str:
    """Id of an upload; the very same bytes at the very same place have one id, however often S3 tells of them."""
    return hashlib.sha256(f"{bucket}/{key}/{version}".encode()).hexdigest()[:24]


def content_type(name: str) -> str:
    """Media type of a file that ingest takes, by its name.

    Raises:
        Trouble: it is none; it lists the endings that are.
    """
    plain = name.lower()
    for ending, kind in _PACKED.items():
        if plain.endswith(ending) and (ending == ".zip" or plain.removesuffix(ending).endswith(_TABLES)):
            return kind
    if plain.endswith(_TABLES):
        return "text/csv"
    raise Trouble(
        f"{name} is no CSV file by its name",
        f"taken are {', '.join(_TABLES)}, each also with .gz or .zip behind it, and .zip; "
        "a spreadsheet is saved as CSV first",
    )


def put(  # noqa: PLR0913 - where, what, and who watches
    s3: Any,  # noqa: ANN401 - a boto3 client
    stack: Stack,
    task: str,
    file: Path,
    *,
    batch: bool,
    seen: Callable[[int], None] | None = None,
) -> Uploaded:
    """Upload a file, labelled or to be answered (`batch`), under its own name; a large one in pieces, several at once.

    Args:
        s3: a boto3 client.
        stack: names the bucket.
        task: where it belongs.
        file: on this machine.
        batch: whether its rows are to be answered.
        seen: told how many more bytes have arrived.

    Raises:
        Trouble: by its name it is no CSV.
    """
    kind = content_type(file.name)
    key = keys.batch_upload(task, file.name) if batch else keys.labelled_upload(task, file.name)
    with _answer(s3) as answer:
        s3.upload_file(
            str(file),
            stack.uploads_bucket,
            key,
            ExtraArgs={"ContentType": kind},
            Callback=seen,
            Config=_pieces(),
        )
    return _uploaded(stack.uploads_bucket, key, answer)


def put_again(s3: Any, stack: Stack, refused: Quarantined, task: str) -> Uploaded:  # noqa: ANN401 - a boto3 client
    """Copy a quarantined file to where a task's uploads go, on the server's side; it names the upload it repeats."""
    key = keys.labelled_upload(task, refused.filename)
    with _answer(s3) as answer:
        s3.copy(
            {"Bucket": stack.data_bucket, "Key": refused.key},
            stack.uploads_bucket,
            key,
            ExtraArgs={"Metadata": {keys.REPLAY_OF: refused.upload_id}, "MetadataDirective": "REPLACE"},
            Config=_pieces(),
        )
    return _uploaded(stack.uploads_bucket, key, answer)


def quarantined(objects: ObjectStore, stack: Stack, places: Sequence[str], wanted: str) -> Quarantined:
    """Find a refused file by its upload id, or by the beginning of it.

    Args:
        objects: the buckets.
        stack: names the bucket.
        places: tasks to look under.
        wanted: the id.

    Raises:
        Trouble: there is none, or there are several.
    """
    found = [
        Quarantined(task, key.split("/")[2], key)  # quarantine/<task>/<upload_id>/<file>
        for task in places
        for key in objects.keys(stack.data_bucket, keys.quarantined(task, wanted, "").rstrip("/"))
    ]
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(f"{one.upload_id} ({one.task}, {one.filename})" for one in found[:10])
        raise Trouble(f"several quarantined uploads begin with {wanted}: {listed}", "give more of the id")
    for task in places:
        report = upload_report(objects, stack, task, wanted)
        if report is not None:
            raise Trouble(
                f"upload {wanted} was {report.status}, so none of it is in quarantine",
                f"`infolens report {wanted} --rejects FILE` fetches its rejected rows, to mend and upload again",
            )
    raise Trouble(f"no quarantined file has the upload id {wanted}", "`infolens quality` lists refused files")


def find_report(objects: ObjectStore, stack: Stack, places: Sequence[str], wanted: str) -> UploadReport:
    """Find the report of an upload by its id, or by the beginning of it.

    Raises:
        Trouble: there is none, or there are several.
    """
    found = [
        key
        for task in places
        for key in objects.keys(stack.data_bucket, keys.upload_report(task, wanted).removesuffix(".json"))
        if key.endswith(".json")
    ]
    if not found:
        raise Trouble(
            f"there is no report of upload {wanted}", f"`infolens logs {wanted}` shows how far it came, if anywhere"
        )
    if len(found) > 1:
        listed = ", ".join(key.removeprefix("reports/").removesuffix(".json") for key in found[:10])
        raise Trouble(f"several uploads begin with {wanted}: {listed}", "give more of the id")
    return codec.from_json(UploadReport, objects.read(stack.data_bucket, found[0]).data)


def upload_report(objects: ObjectStore, stack: Stack, task: str, upload_id: str) -> UploadReport | None:
    """Read the report of a labelled upload; None while there is none.

    A task that nobody knows has its reports under the task "unknown".
    """
    for place in (task, UNKNOWN_TASK):
        try:
            found = objects.read(stack.data_bucket, keys.upload_report(place, upload_id))
        except ObjectMissingError:
            continue
        return codec.from_json(UploadReport, found.data)
    return None


def batch_report(objects: ObjectStore, stack: Stack, task: str, upload_id: str) -> BatchReport | None:
    """Read the report of a batch; None while there is none."""
    for place in (task, UNKNOWN_TASK):
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

    with _whole_fields():
        return list(first())


@contextmanager
def _whole_fields() -> Iterator[None]:
    """Let the csv module read fields as long as a reject may be; its own limit is 128 KiB."""
    before = csv.field_size_limit(64 << 20)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _pieces() -> TransferConfig:
    return TransferConfig(
        multipart_threshold=PIECE_BYTES, multipart_chunksize=PIECE_BYTES, max_concurrency=4, use_threads=True
    )


@contextmanager
def _answer(s3: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - a boto3 client
    """Keep what S3 answers to the request that makes an object.

    boto3's managed transfers hand nothing on, and a look afterwards may see the version that somebody else has put.
    """
    answer: dict[str, Any] = {}

    def keep(parsed: dict[str, Any], **_: object) -> None:
        answer.update(parsed)

    names = [f"after-call.s3.{operation}" for operation in _MADE_BY]
    for name in names:
        s3.meta.events.register(name, keep)
    try:
        yield answer
    finally:
        for name in names:
            s3.meta.events.unregister(name, keep)


def _uploaded(bucket: str, key: str, answer: dict[str, Any]) -> Uploaded:
    etag = answer.get("ETag") or answer.get("CopyObjectResult", {}).get("ETag", "")
    version_id = str(answer.get("VersionId") or "")
    # A bucket whose versions are suspended says "null", for each object anew.
    version = etag.strip('"') if version_id in {"", "null"} else version_id
    return Uploaded(bucket, key, version, identity_of(bucket, key, version))
