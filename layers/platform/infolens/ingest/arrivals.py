"""Reads S3 notifications out of SQS messages, and writes them: which objects have arrived. Knows the test event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, unquote_plus

from aws_lambda_powertools.utilities.data_classes import S3Event

from infolens.contracts.dataset import UploadRef

if TYPE_CHECKING:
    from collections.abc import Mapping


_NO_VERSION = {"", "null"}
"""While a bucket's versions are suspended, all objects of one key are called "null", which tells none from another."""


class NotAnS3EventError(ValueError):
    """A message that is no S3 notification; it goes to the dead-letter queue, where a person can look at it."""


@dataclass(frozen=True)
class Arrival:
    """One object that somebody put into the uploads bucket."""

    source: UploadRef
    version_id: str
    """S3 version to read; "" in a bucket without versions (then `source.version` is the etag)."""
    size: int
    uploaded_at: str = ""
    """When S3 had it whole (ISO 8601, UTC), as the event says."""

    @property
    def etag(self) -> str:
        """What the object must be when it is read, where no version says so; "" where one does."""
        return "" if self.version_id else self.source.version

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
            version_id = "" if (item.version_id or "") in _NO_VERSION else item.version_id
            key = unquote_plus(item.key)  # powertools decodes the key of a whole event, not that of one record
            source = UploadRef(record.s3.bucket.name, key, version_id or item.etag)
            found.append(Arrival(source, version_id or "", item.size, _utc(record.get("eventTime") or "")))
    except (KeyError, TypeError, ValueError) as error:
        raise NotAnS3EventError(f"the message is no S3 notification of a created object: {error!r}") from error
    return tuple(found)


def notification_of(arrival: Arrival) -> dict[str, Any]:
    """Write the notification that `arrivals` reads this one out of, for a queue that takes it later."""
    item: dict[str, Any] = {"key": quote_plus(arrival.source.key, safe="/"), "size": arrival.size}
    item |= {"versionId": arrival.version_id} if arrival.version_id else {"eTag": arrival.source.version}
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": arrival.uploaded_at,
        "s3": {"bucket": {"name": arrival.source.bucket}, "object": item},
    }
    return {"Records": [record]}


def _utc(text: str) -> str:
    """Write a time of S3's (`2026-05-01T12:00:00.000Z`) as all our records write times; "" stays."""
    return datetime.fromisoformat(text).astimezone(UTC).isoformat() if text else ""
