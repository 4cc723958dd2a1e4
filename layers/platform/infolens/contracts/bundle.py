"""The served model: an immutable directory of files described by its manifest."""

from __future__ import annotations

from dataclasses import dataclass

MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True)
class BundleFile:
    """One file of a bundle."""

    name: str
    """Path relative to the bundle, with forward slashes."""
    size: int
    """Bytes."""
    sha256: str


@dataclass(frozen=True)
class BundleManifest:
    """What a bundle is and where it came from.

    The digest of a bundle is the sha256 of its manifest.json bytes (canonical JSON); since the manifest holds the
    sha256 of every file, the digest covers every byte that is served.
    """

    task: str
    predictor: str
    """Which predictor of `infolens.ml` reads it, for example "text_classifier"."""
    run_id: str
    dataset_id: str
    code_version: str
    config: dict[str, object]
    """What the predictor needs: labels in order of their ids, maximal tokens, names of the files."""
    metrics: dict[str, float]
    """Validation metrics of the training run; the gates read the evaluation report instead."""
    files: tuple[BundleFile, ...]
