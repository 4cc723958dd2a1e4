"""What passes between the steps of the batch state machine: a file of rows to answer on its way."""

from __future__ import annotations

from dataclasses import dataclass

from infolens.contracts.dataset import UploadRef  # noqa: TC001 - codec resolves it at run time


@dataclass(frozen=True)
class BatchOrder:
    """Input of the state machine; the execution is named by `upload_id`, so that one upload is answered once."""

    upload_id: str
    task: str
    """As the key names it; there may be no such task."""
    source: UploadRef
    version_id: str
    """S3 version to read; "" in a bucket without versions."""


@dataclass(frozen=True)
class SplitBatch:
    """What became of the file when it was read."""

    status: str
    """"split", or "refused" when nothing of it can be answered; its report is written then."""
    reason: str
    task: str
    upload_id: str
    chunks_bucket: str
    chunks_key: str
    """List of `BatchChunk`, one for each call of the step that answers."""


@dataclass(frozen=True)
class BatchChunk:
    """Some rows of the file."""

    task: str
    upload_id: str
    number: int


@dataclass(frozen=True)
class AnsweredChunk:
    """What became of some rows."""

    status: str
    """"answered", or "unanswered" when the model answered none of the rows that could be asked."""
    reason: str
    number: int
