"""What taking labelled files into datasets needs of the world, and what it says it has done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from infolens.contracts.dataset import UploadReport  # noqa: TC001 - a record, resolved where it is read
from infolens.ingest.sections import SECTION_BYTES
from infolens.usecases.identity_indexes import IdentityIndexes

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from infolens.aws.objects import ObjectStore
    from infolens.contracts.ingest import IngestOrder
    from infolens.contracts.task import Schema

UNKNOWN_TASK = "unknown"
"""Reports of files that name no known task lie under this name."""

DISTRIBUTE_FROM = 1 << 30
"""Bytes from which on a file is read by many functions at once; one function reads so many in well under 15 minutes."""

LEAST_SECONDS = 120.0
"""With less time left no further section is begun, nor the commit of several: the state machine goes on with them."""


class StartTraining(Protocol):
    """Starts the training state machine under a name made of its arguments."""

    def __call__(self, task: str, dataset_id: str, code_version: str) -> bool:
        """Start once; False when this name has been started before."""


class HandOver(Protocol):
    """Starts the ingest state machine under the upload's id."""

    def __call__(self, order: IngestOrder) -> bool:
        """Start once; False when it runs already. One that has failed is started again."""


@dataclass(frozen=True)
class IngestPorts:
    """What ingest needs of the world."""

    store: ObjectStore
    data_bucket: str
    schema_of: Callable[[str], Schema]
    """Raises UnknownTaskError."""
    min_rows_of: Callable[[str], int]
    """Smallest dataset of a task that is worth training on."""
    start_training: StartTraining
    hand_over: HandOver
    now: Callable[[], datetime]
    seconds_left: Callable[[], float]
    """Time until this process may be ended."""
    code_version: str
    section_bytes: int = SECTION_BYTES
    distribute_from: int = DISTRIBUTE_FROM
    workers: int = 1
    """Processes that read sections of one file."""
    writers: int = 1
    """Writes of sections and parts that are under way at the same time."""
    indexes: IdentityIndexes = field(default_factory=IdentityIndexes)
    """Identities of the datasets' parts, kept as long as the process lives."""

    @property
    def in_time(self) -> bool:
        """Whether there is time for something long."""
        return self.seconds_left() >= LEAST_SECONDS


@dataclass(frozen=True)
class Ingested:
    """What became of an upload."""

    report: UploadReport
    repeated: bool
    """The upload had been dealt with before; it must not be counted again."""
    training_started: bool


@dataclass(frozen=True)
class HandedOver:
    """The ingest state machine takes the upload; its report comes later."""

    upload_id: str
    started: bool
    """False when the machine ran already."""


class HeadContestedError(RuntimeError):
    """head.json could not be written although it was tried often; the message will be delivered again."""
