"""Fetches a bundle from the models bucket and hands it over only when it is what its digest says."""

from __future__ import annotations

import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infolens.aws.clients import client
from infolens.aws.objects import ObjectMissingError, split_uri
from infolens.contracts.bundle import MANIFEST_NAME
from infolens.ml.bundle import DigestMismatchError, read_manifest, verify

if TYPE_CHECKING:
    from pathlib import Path

    from infolens.contracts.bundle import BundleFile, BundleManifest

_PARALLEL = 8
_CHUNK = 1 << 20


def download(uri: str, digest: str, directory: Path, s3: Any = None) -> BundleManifest:  # noqa: ANN401 - a boto3 client
    """Fetch the bundle at `uri` into `directory` and return its manifest; every byte has been checked then.

    A directory that holds the bundle already (the init phase ran twice in one sandbox) is verified and kept.

    Args:
        uri: `s3://bucket/prefix/`.
        digest: what the manifest's bytes must hash to; the manifest in turn vouches for the files.
        directory: created where it is missing; what a broken fetch left there is removed.
        s3: a boto3 client, or this process's own one.

    Raises:
        DigestMismatchError: the manifest or a file is not what the digest says; nothing is left in `directory`.
        ObjectMissingError: the bundle, or one of its files, is not there.
    """
    if directory.exists():
        try:
            return verify(directory, digest)
        except DigestMismatchError:
            shutil.rmtree(directory)
    fetch = _Fetch(s3 or client("s3"), *split_uri(uri))
    data = b"".join(fetch.chunks(MANIFEST_NAME))
    manifest = read_manifest(data, digest)
    directory.mkdir(parents=True)
    try:
        with ThreadPoolExecutor(_PARALLEL) as pool:
            # The largest file first: it decides when the last one is there.
            files = sorted(manifest.files, key=lambda file: -file.size)
            list(pool.map(lambda file: fetch.file(file, directory), files))
        (directory / MANIFEST_NAME).write_bytes(data)
    except BaseException:
        shutil.rmtree(directory)
        raise
    return manifest


class _Fetch:
    """One bundle's GETs."""

    def __init__(self, s3: Any, bucket: str, prefix: str) -> None:  # noqa: ANN401 - a boto3 client
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix if prefix.endswith("/") else f"{prefix}/"

    def file(self, file: BundleFile, directory: Path) -> None:
        """Write one file while hashing it, so that no byte is read twice; raises DigestMismatchError."""
        path = directory / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        total, size = hashlib.sha256(), 0
        with path.open("wb") as out:
            for chunk in self.chunks(file.name):
                total.update(chunk)
                size += out.write(chunk)
        if size != file.size:
            raise DigestMismatchError(file.name, f"has {size} bytes, expected {file.size}")
        if total.hexdigest() != file.sha256:
            raise DigestMismatchError(file.name, f"has sha256 {total.hexdigest()}, expected {file.sha256}")

    def chunks(self, name: str) -> Any:  # noqa: ANN401 - an iterator of a boto3 stream
        try:
            body = self._s3.get_object(Bucket=self._bucket, Key=f"{self._prefix}{name}")["Body"]
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "404", "NoSuchBucket"}:
                raise ObjectMissingError(f"s3://{self._bucket}/{self._prefix}{name}") from error
            raise
        return body.iter_chunks(_CHUNK)
