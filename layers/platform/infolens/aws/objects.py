"""Objects in S3: reads, and writes that can be made conditional so that effects happen once."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

from infolens.aws.clients import client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Buffer

_BLOCK_BYTES = 1 << 20

_MISSING = {"NoSuchKey", "404", "NoSuchVersion", "NotFound"}
_REFUSED = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}


class ObjectMissingError(LookupError):
    """There is no such object."""


class WriteRefusedError(RuntimeError):
    """A conditional write found something else than it expected: somebody was faster."""


@dataclass(frozen=True)
class Found:
    """An object's bytes with the etag that a conditional write needs."""

    data: bytes
    etag: str


class ObjectStore(Protocol):
    """What use cases need of a bucket; fakes keep a dict."""

    def read(self, bucket: str, key: str, version: str = "") -> Found:
        """Read a whole object; raises ObjectMissingError."""

    def open(self, bucket: str, key: str, version: str = "") -> IO[bytes]:
        """Read an object as a stream; raises ObjectMissingError."""

    def write(self, bucket: str, key: str, data: bytes, content_type: str = "application/octet-stream") -> str:
        """Write an object, whatever was there; returns its etag."""

    def create(self, bucket: str, key: str, data: bytes, content_type: str = "application/octet-stream") -> bool:
        """Write an object only where none is (If-None-Match); False when there was one."""

    def replace(self, bucket: str, key: str, data: bytes, etag: str) -> str:
        """Write an object only over the version with `etag` (If-Match); raises WriteRefusedError."""

    def copy(self, source: tuple[str, str, str], bucket: str, key: str) -> None:
        """Copy (bucket, key, version or "") on the server's side."""

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        """List the keys under a prefix in order."""


def split_uri(uri: str) -> tuple[str, str]:
    """Split `s3://bucket/key` into bucket and key."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


class _Body(io.RawIOBase):
    """An object's bytes as they arrive.

    boto3's own body hands `with` the response underneath, which calls itself closed as soon as its last byte was read;
    a text reader over it that looks once more for a next line fails.
    """

    def __init__(self, body: Any) -> None:  # noqa: ANN401 - botocore's StreamingBody
        """Take the body of an answer."""
        self._body = body

    def readable(self) -> bool:
        """Say that bytes can be read."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Fill the buffer as far as bytes are there; 0 is the end."""
        view = memoryview(buffer)
        data: bytes = self._body.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Let the connection go."""
        self._body.close()
        super().close()


class S3Objects:
    """`ObjectStore` on S3."""

    def __init__(self, s3: Any = None) -> None:  # noqa: ANN401 - a boto3 client has no static type
        """Take a boto3 S3 client, or this process's own one."""
        self._s3 = s3 or client("s3")

    def read(self, bucket: str, key: str, version: str = "") -> Found:
        """See ObjectStore."""
        answer = self._get(bucket, key, version)
        return Found(answer["Body"].read(), answer["ETag"])

    def open(self, bucket: str, key: str, version: str = "") -> IO[bytes]:
        """See ObjectStore."""
        return io.BufferedReader(_Body(self._get(bucket, key, version)["Body"]), _BLOCK_BYTES)

    def write(self, bucket: str, key: str, data: bytes, content_type: str = "application/octet-stream") -> str:
        """See ObjectStore."""
        answer = self._s3.put_object(Bucket=bucket, Key=key, Body=data, ContentType=content_type)
        return str(answer["ETag"])

    def create(self, bucket: str, key: str, data: bytes, content_type: str = "application/octet-stream") -> bool:
        """See ObjectStore."""
        try:
            self._s3.put_object(Bucket=bucket, Key=key, Body=data, ContentType=content_type, IfNoneMatch="*")
        except ClientError as error:
            if _code(error) in _REFUSED:
                return False
            raise
        return True

    def replace(self, bucket: str, key: str, data: bytes, etag: str) -> str:
        """See ObjectStore."""
        try:
            answer = self._s3.put_object(Bucket=bucket, Key=key, Body=data, IfMatch=etag)
        except ClientError as error:
            if _code(error) in _REFUSED | _MISSING:
                raise WriteRefusedError(f"s3://{bucket}/{key} is no longer {etag}") from error
            raise
        return str(answer["ETag"])

    def copy(self, source: tuple[str, str, str], bucket: str, key: str) -> None:
        """See ObjectStore."""
        origin = {"Bucket": source[0], "Key": source[1]}
        if source[2]:
            origin["VersionId"] = source[2]
        self._s3.copy(origin, bucket, key)  # boto3's managed copy: multipart beyond 5 GB

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        """See ObjectStore."""
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", ()):
                yield item["Key"]

    def _get(self, bucket: str, key: str, version: str) -> Any:  # noqa: ANN401 - a boto3 answer
        extra = {"VersionId": version} if version else {}
        try:
            return self._s3.get_object(Bucket=bucket, Key=key, **extra)
        except ClientError as error:
            if _code(error) in _MISSING:
                raise ObjectMissingError(f"s3://{bucket}/{key}") from error
            raise
