"""Buckets as folders on local disk, for the ingest use case without S3: `ObjectStore` as far as ingest asks for it."""

from __future__ import annotations

import shutil
from typing import IO, TYPE_CHECKING

from infolens.aws.objects import Found, ObjectFacts, ObjectMissingError, WriteRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class FolderStore:
    """`infolens.aws.objects.ObjectStore`, one folder for each bucket. One process at a time."""

    def __init__(self, root: Path) -> None:
        """Keep everything below `root`."""
        self._root = root

    def path(self, bucket: str, key: str) -> Path:
        """Say where an object lies."""
        return self._root / bucket / key

    def read(self, bucket: str, key: str, version: str = "") -> Found:  # noqa: ARG002 - nothing is written over here
        """See ObjectStore."""
        path = self._there(bucket, key)
        return Found(path.read_bytes(), _etag(path))

    def read_range(self, bucket: str, key: str, start: int, length: int) -> bytes:
        """See ObjectStore."""
        with self._there(bucket, key).open("rb") as file:
            file.seek(start)
            return file.read(length)

    def open(self, bucket: str, key: str, version: str = "", etag: str = "") -> IO[bytes]:  # noqa: ARG002
        """See ObjectStore."""
        return self._there(bucket, key).open("rb")

    def facts(self, bucket: str, key: str, version: str = "") -> ObjectFacts:  # noqa: ARG002
        """See ObjectStore."""
        path = self._there(bucket, key)
        return ObjectFacts(path.stat().st_size, _etag(path), {})

    def write(self, bucket: str, key: str, data: bytes, content_type: str = "") -> str:  # noqa: ARG002
        """See ObjectStore."""
        path = self.path(bucket, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # what is written over may have a second name
        path.write_bytes(data)
        return _etag(path)

    def write_file(self, bucket: str, key: str, path: Path, content_type: str = "") -> None:  # noqa: ARG002
        """See ObjectStore."""
        target = self.path(bucket, key)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        shutil.copyfile(path, target)

    def create(self, bucket: str, key: str, data: bytes, content_type: str = "") -> bool:
        """See ObjectStore."""
        if self.path(bucket, key).exists():
            return False
        self.write(bucket, key, data, content_type)
        return True

    def replace(self, bucket: str, key: str, data: bytes, etag: str) -> str:
        """See ObjectStore."""
        if not self.path(bucket, key).exists() or _etag(self.path(bucket, key)) != etag:
            raise WriteRefusedError(key)
        return self.write(bucket, key, data)

    def copy(self, source: tuple[str, str, str], bucket: str, key: str, etag: str = "") -> None:  # noqa: ARG002
        """See ObjectStore. A store copies by itself, at no cost to who asks for it: here, by a second name."""
        if source[0] != bucket:
            self.write_file(bucket, key, self._there(*source[:2]))
            return
        target = self.path(bucket, key)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.hardlink_to(self._there(*source[:2]))

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        """See ObjectStore."""
        root = self._root / bucket
        folder = root / prefix.rpartition("/")[0]
        found = (str(path.relative_to(root)) for path in folder.rglob("*") if path.is_file())
        return iter(sorted(key for key in found if key.startswith(prefix)))

    def _there(self, bucket: str, key: str) -> Path:
        path = self.path(bucket, key)
        if not path.is_file():
            raise ObjectMissingError(f"{bucket}/{key}")
        return path


def _etag(path: Path) -> str:
    """Tell a version of a file by its time and size: a digest of hundreds of megabytes would be measured, too."""
    facts = path.stat()
    return f"{facts.st_mtime_ns}-{facts.st_size}"
