"""Bundles on disk: writes the manifest, and refuses a directory that is not, byte for byte, what its digest says."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from infolens import codec
from infolens.contracts.bundle import MANIFEST_NAME, BundleFile, BundleManifest

if TYPE_CHECKING:
    from collections.abc import Iterator


class DigestMismatchError(ValueError):
    """A bundle is not what its digest says; the message names the file."""

    def __init__(self, file: str, reason: str) -> None:
        """Keep the offending `file` and the `reason`."""
        super().__init__(f"{file}: {reason}")
        self.file = file
        self.reason = reason


def write_manifest(directory: Path, draft: BundleManifest) -> str:
    """Describe every file of `directory` in its manifest.json and return the bundle's digest.

    Args:
        directory: the finished bundle; equal files and an equal draft give an equal digest.
        draft: everything but `files`.
    """
    files = tuple(
        BundleFile(name, (directory / name).stat().st_size, _sha256(directory / name))
        for name in sorted(_names(directory))
    )
    data = codec.to_json(replace(draft, files=files))
    (directory / MANIFEST_NAME).write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def digest_of(directory: Path) -> str:
    """Return the digest that the manifest in `directory` has; `verify` says whether the files agree."""
    return hashlib.sha256((directory / MANIFEST_NAME).read_bytes()).hexdigest()


def read_manifest(data: bytes, digest: str) -> BundleManifest:
    """Parse the bytes of a manifest.json, for those who fetch a bundle file by file.

    Raises:
        DigestMismatchError: the bytes do not have the digest, are no manifest, or name a file outside the bundle.
    """
    actual = hashlib.sha256(data).hexdigest()
    if actual != digest:
        raise DigestMismatchError(MANIFEST_NAME, f"has digest {actual}, expected {digest}")
    try:
        manifest = codec.from_json(BundleManifest, data)
    except ValueError as error:  # pydantic's error is one
        raise DigestMismatchError(MANIFEST_NAME, f"is no bundle manifest: {error}") from error
    for file in manifest.files:
        _check_inside(file.name)
    return manifest


def verify(directory: Path, digest: str) -> BundleManifest:
    """Check that `directory` holds exactly the files of the bundle with `digest`, unaltered, and return its manifest.

    Raises:
        DigestMismatchError: the manifest or a file is missing, altered, beside the manifest, or outside the bundle.
    """
    path = directory / MANIFEST_NAME
    if not path.is_file():
        raise DigestMismatchError(MANIFEST_NAME, "is missing")
    manifest = read_manifest(path.read_bytes(), digest)
    present = set(_names(directory))
    for file in manifest.files:
        if file.name not in present:
            raise DigestMismatchError(file.name, "is missing")
        size = (directory / file.name).stat().st_size
        if size != file.size:
            raise DigestMismatchError(file.name, f"has {size} bytes, expected {file.size}")
        actual = _sha256(directory / file.name)
        if actual != file.sha256:
            raise DigestMismatchError(file.name, f"has sha256 {actual}, expected {file.sha256}")
    extra = present - {file.name for file in manifest.files}
    if extra:
        raise DigestMismatchError(min(extra), "is not part of the bundle")
    return manifest


def _check_inside(name: str) -> None:
    """Refuse names that would be written or read outside the bundle; they come from a bucket."""
    path = PurePosixPath(name)
    if not name or "\\" in name or "\0" in name or path.is_absolute() or ".." in path.parts or str(path) != name:
        raise DigestMismatchError(name, "lies outside the bundle")
    if name == MANIFEST_NAME:
        raise DigestMismatchError(name, "cannot describe itself")


def _names(directory: Path) -> Iterator[str]:
    """Names of all files but the manifest; a link is refused, what it points to can change."""
    for path in directory.rglob("*"):
        name = path.relative_to(directory).as_posix()
        if path.is_symlink():
            raise DigestMismatchError(name, "is a link")
        if path.is_file() and name != MANIFEST_NAME:
            yield name


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
