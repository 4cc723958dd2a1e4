"""What ingest says about an upload and about the dataset that grew from it."""

from __future__ import annotations

from dataclasses import dataclass, field

DATASET_SCHEMA_VERSION = 2
"""Raise it when the meaning of a Parquet column changes; a new number makes a new dataset id from the same rows."""

REFUSED_WITH_FILE = "the file as a whole was refused"
"""Reason of rows that were not wrong themselves; they are in no file of rejects."""


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
class UploadFormat:
    """How a file was written, as it was found out from its bytes."""

    packing: str
    """"" (plain), "gzip" or "zip"."""
    encoding: str
    """"utf-8", "utf-8-sig", "utf-16-le" or "utf-16-be"; bytes that are none of it are counted as repaired."""
    delimiter: str
    """",", ";", tab or "|"."""


@dataclass(frozen=True)
class Part:
    """The kept rows of one section of an upload; a small file is one section."""

    part_id: str
    """sha256 of the Parquet file."""
    rows: int
    lines_before: int
    """Physical line of a row in the uploaded file = the part's column `line` + this."""


@dataclass(frozen=True)
class Conflict:
    """The same text under two labels: the row of this upload and the row that has the text already."""

    line: int
    """Physical line of the row that was dropped as a duplicate."""
    label: str
    other_line: int
    """Physical line of the row that was kept; 0 when it is not known."""
    other_label: str
    """Label of the row that was kept; "" when it is not known."""
    other_upload_id: str
    """Upload of the row that was kept."""


@dataclass(frozen=True)
class NearDuplicate:
    """Two kept rows whose texts are almost the same."""

    line: int
    other_line: int
    """0 when it is not known."""
    other_upload_id: str
    similarity: float
    """Estimated Jaccard similarity of their word shingles, 0 to 1."""


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
    parts: tuple[Part, ...]
    """The Parquet parts with the kept rows, in the order of the file; none when no row was kept."""
    dataset_id: str
    """The dataset that first contains this upload; "" when no row was kept."""
    bytes_replaced: int = 0
    """Bytes that mean nothing in UTF-8 nor in Windows-1252 (or NUL) and became U+FFFD."""
    bytes_repaired: int = 0
    """Bytes that are no UTF-8 and were read as Windows-1252."""
    bytes_in: int = 0
    """Size of the file as uploaded."""
    format: UploadFormat | None = None
    """None when it could not be told: the file is gone, or is no CSV file."""
    conflicting_labels: int = 0
    """Rows whose text has another label in a row that was kept."""
    conflicts: tuple[Conflict, ...] = ()
    """The first ten of them."""
    near_duplicates: int = 0
    """Kept rows that are almost the same as another kept row."""
    near_duplicate_pairs: tuple[NearDuplicate, ...] = ()
    """The first ten of them."""
    text_lengths: dict[str, int] = field(default_factory=dict)
    """Quantiles "p05", "p50", "p95" and "max" of the kept texts' lengths in characters, to 2 %."""
    uploaded_at: str = ""
    """When the file arrived in the bucket, as its event says (ISO 8601, UTC)."""
    settled_at: str = ""
    """When the upload became part of the dataset, or was refused or found empty (ISO 8601, UTC)."""
    replay_of: str = ""
    """Upload whose quarantined bytes these are, when it was replayed."""
    rows_counted: bool = True
    """False when a large file was refused before its rows were read: all counts of rows are 0 then."""


@dataclass(frozen=True)
class DatasetSource:
    """One upload inside a dataset."""

    upload_id: str
    source: UploadRef
    rows: int
    parts: tuple[Part, ...]
    """In the order of the file."""


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
    length_bins: dict[str, int] = field(default_factory=dict)
    """Histogram of text lengths that adds up over uploads (see `infolens.rows.text_lengths`)."""
    text_lengths: dict[str, int] = field(default_factory=dict)
    """Quantiles of the histogram: "p05", "p50", "p95" and "max" in characters."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """All parts in order."""
        return tuple(part for source in self.sources for part in source.parts)


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
