"""Objects in S3: reads, and writes that can be made conditional so that effects happen once."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
)

from infolens.aws.clients import client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from typing_extensions import Buffer

_BLOCK_BYTES = 1 << 20

_BROKEN_READS = 4
"""Tries of one read over a connection that breaks."""

_MISSING = {"NoSuchKey", "404", "NoSuchVersion", "NotFound"}
_BROKEN = (HTTPClientError, IncompleteReadError, ResponseStreamingError, OSError)
_BEYOND = {"InvalidRange", "416"}
_REFUSED = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}


class ObjectMissingError(LookupError):
    """There is no such object."""


class ObjectReplacedError(ObjectMissingError):
    """The object is no longer the one that was meant: in a bucket without versions another one was written over it."""


class WriteRefusedError(RuntimeError):
    """A conditional write found something else than it expected: somebody was faster."""


@dataclass(frozen=True)
class Found:
    """An object's bytes with the etag that a conditional write needs."""

    data: bytes
    etag: str


@dataclass(frozen=True)
class ObjectFacts:
    """What is known of an object without its bytes."""

    size: int
    etag: str
    metadata: Mapping[str, str]
    """What the uploader said about it (`x-amz-meta-...`), names in lower case."""


class ObjectStore(Protocol):
    """What use cases need of a bucket; fakes keep a dict."""

    def read(self, bucket: str, key: str, version: str = "") -> Found:
        """Read a whole object; raises ObjectMissingError."""

    def read_range(self, bucket: str, key: str, start: int, length: int) -> bytes:
        """Read `length` bytes from `start` on, fewer at the object's end; raises ObjectMissingError."""

    def open(self, bucket: str, key: str, version: str = "", etag: str = "") -> IO[bytes]:
        """Read an object as a stream that can be sought in.

        Args:
            bucket: where it lies.
            key: its key.
            version: S3 version id, or "" for the newest.
            etag: what the newest must be where there are no versions; "" takes any.

        Raises:
            ObjectMissingError: there is none; ObjectReplacedError, here or at a read: it is another than `etag`.
        """

    def facts(self, bucket: str, key: str, version: str = "") -> ObjectFacts:
        """Look at an object without reading it; raises ObjectMissingError."""

    def write(self, bucket: str, key: str, data: bytes, content_type: str = "application/octet-stream") -> str:
        """Write an object, whatever was there; returns its etag."""

    def write_file(self, bucket: str, key: str, path: Path, content_type: str = "application/octet-stream") -> None:
        """Write a file's bytes as an object, whatever was there, without holding them in memory."""

    def create(self, bucket: str, key: str, data: bytes, content_type: str = "application/octet-stream") -> bool:
        """Write an object only where none is (If-None-Match); False when there was one."""

    def replace(self, bucket: str, key: str, data: bytes, etag: str) -> str:
        """Write an object only over the version with `etag` (If-Match); raises WriteRefusedError."""

    def copy(self, source: tuple[str, str, str], bucket: str, key: str, etag: str = "") -> None:
        """Copy (bucket, key, version or "") on the server's side; raises as `open`."""

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        """List the keys under a prefix in order."""


def split_uri(uri: str) -> tuple[str, str]:
    """Split `s3://bucket/key` into bucket and key."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


class _RangedBody(io.RawIOBase):
    """An object's bytes as they arrive, from any place: a seek costs nothing until the next read asks S3 anew.

    A connection that breaks is taken up again where it broke: a slow reader may keep one open for minutes.
    """

    def __init__(self, ask: Callable[[int], Any], first: Any) -> None:  # noqa: ANN401 - a boto3 answer
        """Take who asks for the object from an offset on, and the answer for offset 0."""
        self._ask = ask
        self._size = int(first["ContentLength"])
        self._body = first["Body"]
        self._position = 0

    def readable(self) -> bool:
        """Say that bytes can be read."""
        return True

    def seekable(self) -> bool:
        """Say that any place can be gone to."""
        return True

    def tell(self) -> int:
        """Give the offset of the next read."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to another place."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        position = max(0, base + offset)
        if position != self._position:
            self._let_go()
            self._position = position
        return position

    def readinto(self, buffer: Buffer) -> int:
        """Fill the buffer as far as bytes are there; 0 is the end."""
        view = memoryview(buffer)
        wanted = min(len(view), self._size - self._position)
        if wanted <= 0:
            return 0
        for _ in range(_BROKEN_READS - 1):
            try:
                return self._take(view, wanted)
            except _BROKEN:
                self._let_go()
        return self._take(view, wanted)

    def close(self) -> None:
        """Let the connection go."""
        self._let_go()
        super().close()

    def _take(self, view: memoryview, wanted: int) -> int:
        if self._body is None:
            self._body = self._ask(self._position)["Body"]
        data: bytes = self._body.read(wanted)
        if not data:  # the object is longer: the connection was cut as if it were at its end
            raise ConnectionClosedError(endpoint_url=f"S3 at byte {self._position}")
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _let_go(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None


class S3Objects:
    """`ObjectStore` on S3."""

    def __init__(self, s3: Any = None) -> None:  # noqa: ANN401 - a boto3 client has no static type
        """Take a boto3 S3 client, or this process's own one."""
        self._s3 = s3 or client("s3")

    def read(self, bucket: str, key: str, version: str = "") -> Found:
        """See ObjectStore."""
        answer = self._get(bucket, key, **({"VersionId": version} if version else {}))
        return Found(answer["Body"].read(), answer["ETag"])

    def read_range(self, bucket: str, key: str, start: int, length: int) -> bytes:
        """See ObjectStore."""
        if length <= 0:
            return b""
        try:
            answer = self._get(bucket, key, Range=f"bytes={start}-{start + length - 1}")
        except ClientError as error:
            if _code(error) in _BEYOND:
                return b""
            raise
        data: bytes = answer["Body"].read()
        return data

    def open(self, bucket: str, key: str, version: str = "", etag: str = "") -> IO[bytes]:
        """See ObjectStore."""
        which = {"VersionId": version} if version else {}
        if etag:
            which["IfMatch"] = _quoted(etag)
        first = self._get(bucket, key, **which)
        # Whatever is written over it while it is read, what is read is one object.
        which["IfMatch"] = first["ETag"]
        body = _RangedBody(lambda offset: self._get(bucket, key, Range=f"bytes={offset}-", **which), first)
        return io.BufferedReader(body, _BLOCK_BYTES)

    def facts(self, bucket: str, key: str, version: str = "") -> ObjectFacts:
        """See ObjectStore."""
        which = {"VersionId": version} if version else {}
        try:
            answer = self._s3.head_object(Bucket=bucket, Key=key, **which)
        except ClientError as error:
            if _code(error) in _MISSING:
                raise ObjectMissingError(f"s3://{bucket}/{key}") from error
            raise
        metadata = {name.lower(): value for name, value in answer.get("Metadata", {}).items()}
        return ObjectFacts(int(answer["ContentLength"]), answer["ETag"], metadata)

    def write(self, bucket: str, key: str, data: bytes, content_type: str = "application/octet-stream") -> str:
        """See ObjectStore."""
        answer = self._s3.put_object(Bucket=bucket, Key=key, Body=data, ContentType=content_type)
        return str(answer["ETag"])

    def write_file(self, bucket: str, key: str, path: Path, content_type: str = "application/octet-stream") -> None:
        """See ObjectStore."""
        self._s3.upload_file(str(path), bucket, key, ExtraArgs={"ContentType": content_type})

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

    def copy(self, source: tuple[str, str, str], bucket: str, key: str, etag: str = "") -> None:
        """See ObjectStore."""
        origin = {"Bucket": source[0], "Key": source[1]}
        if source[2]:
            origin["VersionId"] = source[2]
        extra = {"CopySourceIfMatch": _quoted(etag)} if etag else {}
        try:
            self._s3.copy(origin, bucket, key, ExtraArgs=extra)  # boto3's managed copy: multipart beyond 5 GB
        except ClientError as error:
            raise _translated(error, source[0], source[1]) from error

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        """See ObjectStore."""
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", ()):
                yield item["Key"]

    def _get(self, bucket: str, key: str, **which: str) -> Any:  # noqa: ANN401 - a boto3 answer
        try:
            return self._s3.get_object(Bucket=bucket, Key=key, **which)
        except ClientError as error:
            raise _translated(error, bucket, key) from error


def _quoted(etag: str) -> str:
    """Give an etag as HTTP wants it; S3's events carry it bare."""
    return etag if etag.startswith('"') else f'"{etag}"'


def _translated(error: ClientError, bucket: str, key: str) -> Exception:
    if _code(error) in _MISSING:
        return ObjectMissingError(f"s3://{bucket}/{key}")
    if _code(error) in _REFUSED:
        return ObjectReplacedError(f"s3://{bucket}/{key} is no longer the object that was meant")
    return cast("Exception", error)
