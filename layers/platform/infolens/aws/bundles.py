"""Fetches a bundle from the models bucket and hands it over only when it is what its digest says."""

from __future__ import annotations

import hashlib
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError

from infolens.aws.clients import client
from infolens.aws.objects import ObjectMissingError, split_uri
from infolens.contracts.bundle import MANIFEST_NAME
from infolens.ml.bundle import DigestMismatchError, read_manifest, verify

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infolens.contracts.bundle import BundleFile, BundleManifest

PART_BYTES = 8 << 20
"""Bytes of one ranged GET. S3 gives one connection some 85 MB/s, and several connections more
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance-guidelines.html); it names 8 to 16 MB."""

_PARALLEL = 8
_CHUNK = 1 << 18
"""Bytes in memory at a time, per connection and while the digest is computed."""

_TRIES = 3
"""Times that a part is asked for; the SDK tries again when a request fails, and not when its body breaks off."""

_MISSING = frozenset({"NoSuchKey", "404", "NoSuchBucket"})
_CHANGED = frozenset({"PreconditionFailed", "412"})


class BundleChangedError(RuntimeError):
    """A file was replaced while its parts were being read; asking again reads one version or the other."""


class BundleCutOffError(RuntimeError):
    """The bytes of a part broke off again and again."""


def download(uri: str, digest: str, directory: Path, s3: Any = None) -> BundleManifest:  # noqa: ANN401 - a boto3 client
    """Fetch the bundle at `uri` into `directory` and return its manifest; every byte has been checked then.

    Large files come as parts side by side, each held against the etag of the first, and go straight to the disk. What
    is there is hashed in order meanwhile, out of the page cache: no file is ever whole in memory.

    A directory that holds the bundle already (the init phase ran twice in one sandbox) is verified and kept.

    Args:
        uri: `s3://bucket/prefix/`.
        digest: what the manifest's bytes must hash to; the manifest in turn vouches for the files.
        directory: created where it is missing; what a broken fetch left there is removed.
        s3: a boto3 client, or this process's own one.

    Raises:
        DigestMismatchError: the manifest or a file is not what the digest says.
        ObjectMissingError: the bundle, or one of its files, is not there.
        BundleChangedError, BundleCutOffError: see there.

    After each of them nothing is left in `directory`.
    """
    if directory.exists():
        try:
            return verify(directory, digest)
        except DigestMismatchError:
            shutil.rmtree(directory)
    fetch = _Fetch(s3 or client("s3"), *split_uri(uri))
    data = b"".join(_chunks(fetch.get(MANIFEST_NAME)))
    manifest = read_manifest(data, digest)
    directory.mkdir(parents=True)
    pool = ThreadPoolExecutor(_PARALLEL)
    try:
        # The largest file first: it decides when the last one is there.
        files = sorted(manifest.files, key=lambda file: -file.size)
        for file, parts in [(file, fetch.begin(file, directory, pool)) for file in files]:
            _check(file, directory, parts)
        (directory / MANIFEST_NAME).write_bytes(data)
    except BaseException:
        pool.shutdown(cancel_futures=True)
        shutil.rmtree(directory)
        raise
    pool.shutdown()
    return manifest


@dataclass(frozen=True)
class _Part:
    """A range of a file."""

    file: BundleFile
    start: int
    size: int


class _Fetch:
    """One bundle's GETs."""

    def __init__(self, s3: Any, bucket: str, prefix: str) -> None:  # noqa: ANN401 - a boto3 client
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix if prefix.endswith("/") else f"{prefix}/"

    def begin(self, file: BundleFile, directory: Path, pool: ThreadPoolExecutor) -> list[Future[int]]:
        """Ask for a file and return its parts in order: each gives its number of bytes once they are on the disk."""
        path = directory / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        parts = [
            _Part(file, start, min(PART_BYTES, file.size - start)) for start in range(0, max(file.size, 1), PART_BYTES)
        ]
        if len(parts) == 1:
            return [pool.submit(self._part, parts[0], path)]
        # Its header says which version this is; the body is read beside those of the other parts.
        first = self.get(file.name, Range=_range(parts[0]))
        ours = {"IfMatch": first["ETag"]}
        return [
            pool.submit(self._part, parts[0], path, first, **ours),
            *(pool.submit(self._part, part, path, **ours) for part in parts[1:]),
        ]

    def get(self, name: str, **which: str) -> dict[str, Any]:
        """Begin to read one of the bundle's objects, or of its ranges.

        Raises:
            ObjectMissingError: it is not there.
            BundleChangedError: it is another one than `IfMatch` asks for.
        """
        try:
            return dict(self._s3.get_object(Bucket=self._bucket, Key=f"{self._prefix}{name}", **which))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _MISSING:
                raise ObjectMissingError(f"s3://{self._bucket}/{self._prefix}{name}") from error
            if code in _CHANGED:
                raise BundleChangedError(f"{name}: was replaced while it was being read") from error
            raise

    def _part(self, part: _Part, path: Path, begun: dict[str, Any] | None = None, **ours: str) -> int:
        """Write a part into its place and return its size; `begun` is its answer, where it was asked for already."""
        asked = {**ours, "Range": _range(part)} if ours else {}
        for _ in range(_TRIES):
            answer = begun or self.get(part.file.name, **asked)
            begun = None
            _expect_size(part.file, answer)
            try:
                written = _write(part, path, answer)
            except (HTTPClientError, IncompleteReadError):
                continue
            if written == part.size:
                return written
        raise BundleCutOffError(
            f"{part.file.name}: {part.size} bytes at {part.start} broke off in each of {_TRIES} answers"
        )


def _check(file: BundleFile, directory: Path, parts: list[Future[int]]) -> None:
    """Hash a file part by part, as they come; raises DigestMismatchError, and whatever a part raises."""
    total = hashlib.sha256()
    with (directory / file.name).open("rb", buffering=0) as written:
        for part in parts:
            left = part.result()
            while left:
                chunk = written.read(min(_CHUNK, left))
                total.update(chunk)
                left -= len(chunk)
    if total.hexdigest() != file.sha256:
        raise DigestMismatchError(file.name, f"has sha256 {total.hexdigest()}, expected {file.sha256}")


def _write(part: _Part, path: Path, answer: dict[str, Any]) -> int:
    """Write at most the part's bytes to the part's place; return how many came."""
    written = 0
    with path.open("r+b", buffering=0) as out:
        out.seek(part.start)
        for chunk in _chunks(answer):
            written += out.write(chunk[: part.size - written])
    return written


def _expect_size(file: BundleFile, answer: dict[str, Any]) -> None:
    """Refuse an object of another size before its bytes are read."""
    ranged = answer.get("ContentRange", "")  # "bytes 0-8388607/67108864"
    size = int(ranged.rpartition("/")[2]) if ranged else int(answer["ContentLength"])
    if size != file.size:
        raise DigestMismatchError(file.name, f"has {size} bytes, expected {file.size}")


def _range(part: _Part) -> str:
    return f"bytes={part.start}-{part.start + part.size - 1}"


def _chunks(answer: dict[str, Any]) -> Iterator[bytes]:
    return iter(answer["Body"].iter_chunks(_CHUNK))
