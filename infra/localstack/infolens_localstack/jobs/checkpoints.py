"""The folder of checkpoints: what S3 has when a job starts, and in S3 again while the job writes."""

import threading
from pathlib import Path
from typing import Any, Final

from infolens_localstack.jobs.folder import download_prefix, split_uri

_SYNC_SECONDS: Final = 1.0


class CheckpointSync:
    """Copies what is new or changed below a folder to S3, from `start` to `finish`."""

    def __init__(self, s3: Any, folder: Path, uri: str) -> None:  # noqa: ANN401 (a boto3 client)
        """Fill ``folder`` with what lies under ``uri``: nothing on the first run."""
        self._s3, self._folder, self._uri = s3, folder, uri.rstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        download_prefix(s3, f"{self._uri}/", folder)
        self._seen = self._stamps()
        self._end = threading.Event()
        self._lost = False
        self._thread = threading.Thread(target=self._copy_until_the_end, name="checkpoints", daemon=True)

    def start(self) -> None:
        """Copy in the background."""
        self._thread.start()

    def finish(self, *, lost: bool = False) -> None:
        """Copy the rest, or leave it when the instance is ``lost`` with all that was on it."""
        self._lost = lost
        self._end.set()
        self._thread.join()

    def _copy_until_the_end(self) -> None:
        last = False
        while not last:
            last = self._end.wait(_SYNC_SECONDS)
            if not self._lost:
                self._copy()

    def _copy(self) -> None:
        bucket, prefix = split_uri(self._uri)
        now = self._stamps()
        for path, stamp in now.items():
            if self._seen.get(path) == stamp:
                continue  # jobs that share the prefix must not overwrite each other's with what they found there
            try:
                self._s3.upload_file(str(path), bucket, f"{prefix}/{path.relative_to(self._folder).as_posix()}")
            except FileNotFoundError:
                continue  # renamed or deleted meanwhile
            self._seen[path] = stamp

    def _stamps(self) -> dict[Path, tuple[int, int]]:
        found = {}
        for path in self._folder.rglob("*"):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            if path.is_file():
                found[path] = (status.st_mtime_ns, status.st_size)
        return found
