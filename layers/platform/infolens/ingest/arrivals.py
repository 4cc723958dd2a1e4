"""Reads S3 notifications out of SQS messages: which objects have arrived. Knows a new notification's test event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from aws_lambda_powertools.utilities.data_classes import S3Event

from infolens.contracts.dataset import UploadRef

if TYPE_CHECKING:
    from collections.abc import Mapping


class NotAnS3EventError(ValueError):
    """A message that is no S3 notification; it goes to the dead-letter queue, where a person can look at it."""


@dataclass(frozen=True)
class Arrival:
    """One object that somebody put into the uploads bucket."""

    source: UploadRef
    version_id: str
    """S3 version to read; "" in a bucket without versions (then `source.version` is the etag)."""
    size: int

    @property
    def task(self) -> str:
        """The task's name as the key gives it (`<prefix>/<task>/<file>`); "" when the key names none."""
        parts = self.source.key.split("/", 2)
        return parts[1] if len(parts) == 3 else ""

    @property
    def filename(self) -> str:
        """The last part of the key; "" for a folder marker as the S3 console makes it."""
        return self.source.key.rpartition("/")[2]

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder marker: it holds no rows, so there is nothing to take or to refuse."""
        return not self.filename and self.size == 0


def arrivals(body: Mapping[str, Any]) -> tuple[Arrival, ...]:
    """List the objects that a message's JSON body speaks of; a `s3:TestEvent` speaks of none.

    Keys arrive URL-encoded (`a b+c.csv` as `a+b%2Bc.csv`) and are decoded here.

    Raises:
        NotAnS3EventError: the body is something else.
    """
    if body.get("Event") == "s3:TestEvent":
        return ()
    if not isinstance(body.get("Records"), list):
        raise NotAnS3EventError("the message is no S3 notification: it has no list Records")
    found = []
    try:
        for record in S3Event(dict(body)).records:
            item = record.s3.get_object
            version_id = item.version_id or ""
            key = unquote_plus(item.key)  # powertools decodes the key of a whole event, not that of one record
            source = UploadRef(record.s3.bucket.name, key, version_id or item.etag)
            found.append(Arrival(source, version_id, item.size))
    except (KeyError, TypeError, ValueError) as error:
        raise NotAnS3EventError(f"the message is no S3 notification of a created object: {error!r}") from error
    return tuple(found)
