"""What passes between the steps of the ingest state machine: a large file on its way into the dataset."""

from __future__ import annotations

from dataclasses import dataclass

from infolens.contracts.dataset import UploadRef  # noqa: TC001 - codec resolves it at run time


@dataclass(frozen=True)
class IngestOrder:
    """Input of the state machine; the execution is named by `upload_id`, so that one upload is taken once."""

    upload_id: str
    task: str
    source: UploadRef
    version_id: str
    """S3 version to read; "" in a bucket without versions (then `source.version` is the etag)."""
    size: int
    uploaded_at: str
    notification: dict[str, object]
    """The S3 notification that spoke of the file: it goes to the dead letters when the machine fails."""


@dataclass(frozen=True)
class PlannedIngest:
    """What became of the file when it was looked at."""

    status: str
    """"planned" (sections are to be staged by a map), "staged" (a file that cannot be cut was read here), "unfinished"
    (it was read in part: ask again) or "settled" (there is a report already, or the file was refused)."""
    sections_bucket: str
    sections_key: str
    """List of `IngestSection`, one for each call of the step that stages; "" unless planned."""


@dataclass(frozen=True)
class IngestSection:
    """Some records of the file, to be read by one call."""

    task: str
    upload_id: str
    code_version: str
    """Of the plan: other code would read the file in its own way, and plans anew."""
    number: int
    start: int
    """Where its first record is guessed to begin; a wrong guess costs time and no row."""


@dataclass(frozen=True)
class StagedIngest:
    """What became of one section."""

    status: str
    """"staged", "outdated" (another version of the code runs by now) or "refused" (the file has to be as a whole)."""
    number: int


@dataclass(frozen=True)
class CommittedIngest:
    """What became of the upload."""

    status: str
    """The report's status, "unfinished" (sections had to be staged anew: ask again) or "unplanned" (other code runs by
    now: plan again)."""
    reason: str
