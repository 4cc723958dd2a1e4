"""What ingest says about an upload and about the dataset that grew from it."""

from __future__ import annotations

from dataclasses import dataclass, field

DATASET_SCHEMA_VERSION = 1
"""Raise it when the meaning of a Parquet column changes; a new number makes a new dataset id from the same rows."""


@dataclass(frozen=True)
class UploadRef:
    """One uploaded object. Its identity is bucket, key and version (or etag where a bucket keeps no versions)."""

    bucket: str
    key: str
    version: str
    """S3 version id, or the etag where there is none."""


@dataclass(frozen=True)
class Reject:
    """A row that was not taken, kept as it was."""

    line: int
    """Physical line (1-based) at which the row starts in the file."""
    column: str
    """The offending column's name in the file, or "" when the row as a whole is wrong."""
    reason: str
    """What is wrong and what the limit is, in words an editor can act on."""
    raw: tuple[str, ...]
    """The fields of the row as read."""


@dataclass(frozen=True)
class UploadReport:
    """The counts of one upload: rows_in == rows_kept + rows_duplicate + rows_rejected, always."""

    upload_id: str
    task: str
    source: UploadRef
    status: str
    """"accepted", "refused" (the whole file lies in quarantine) or "empty" (no row was kept)."""
    reason: str
    """Why the file was refused or is empty; "" when accepted."""
    rows_in: int
    rows_kept: int
    rows_duplicate: int
    rows_rejected: int
    rejected_by_reason: dict[str, int]
    label_counts: dict[str, int]
    part_id: str
    """Name of the Parquet part with the kept rows; "" when none was kept."""
    dataset_id: str
    """The dataset that first contains this upload; "" when no row was kept."""
    bytes_replaced: int = 0
    """Bytes that are no UTF-8 (or NUL) and became U+FFFD: many of them mean that the file has another encoding."""


@dataclass(frozen=True)
class DatasetSource:
    """One upload inside a dataset."""

    upload_id: str
    source: UploadRef
    part_id: str
    rows: int


@dataclass(frozen=True)
class DatasetManifest:
    """One immutable dataset: the parts it is made of, in order, and what is in them."""

    dataset_id: str
    """sha256 over schema version, task and the ordered part ids (see `infolens.ingest.dataset`)."""
    task: str
    schema_version: int
    parent: str
    """The dataset this one was appended to; "" for the first."""
    sources: tuple[DatasetSource, ...]
    rows: int
    split_counts: dict[str, int]
    """Rows in each of "train", "validation" and "test"."""
    label_counts: dict[str, int]
    created_at: str
    """ISO 8601, UTC. Not part of the identity."""
    code_version: str


@dataclass(frozen=True)
class BatchReport:
    """The counts of one answered batch: rows_in == rows_answered + rows_failed, always."""

    upload_id: str
    task: str
    source: UploadRef
    status: str
    """"answered" or "refused"."""
    reason: str
    rows_in: int
    rows_answered: int
    rows_failed: int
    failed_by_reason: dict[str, int]
    results_key: str
    model_versions: dict[str, int] = field(default_factory=dict)
    """Answers given by each model version."""
