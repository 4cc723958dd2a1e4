"""Fakes for ingest and batch tests: a store that dies at its k-th write, a small task, training starts by name."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from infolens import codec
from infolens.aws.objects import Found, ObjectFacts, ObjectMissingError, ObjectReplacedError, WriteRefusedError
from infolens.contracts.dataset import UploadRef
from infolens.contracts.ingest import IngestOrder, IngestSection
from infolens.ingest.arrivals import Arrival
from infolens.ingest.sections import SECTION_BYTES
from infolens.tasks import UnknownTaskError
from infolens.usecases.identity_indexes import IdentityIndexes
from infolens.usecases.ingest_ports import DISTRIBUTE_FROM, IngestPorts
from infolens.usecases.ingest_steps import commit_upload, plan_ingest, stage_one
from pets import PetSchema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


UPLOADS = "uploads"
DATA = "data"
NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
UPLOADED = "2026-05-01T11:59:57.500000+00:00"


class DiedError(RuntimeError):
    """The process was killed."""


class MemoryStore:
    """`ObjectStore` in a dict. `die_at=k` kills the process before its k-th effect, `die_after=k` just after it."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.metadata: dict[tuple[str, str], dict[str, str]] = {}
        self.reads: list[str] = []
        """Keys that were read, whole, as a stream or by a range; not what the store itself copied."""
        self.effects = 0
        self.die_at = 0
        self.die_after = 0
        self.before_replace = None
        """Called once before the next conditional write, as another process would come in between."""

    def _etag(self, bucket: str, key: str) -> str:
        return hashlib.md5(self.objects[bucket, key]).hexdigest()

    def _effect(self, bucket: str, key: str, data: bytes) -> None:
        self.effects += 1
        if self.effects == self.die_at:
            raise DiedError(f"before write {self.effects}: {key}")
        self.objects[bucket, key] = data
        if self.effects == self.die_after:
            raise DiedError(f"after write {self.effects}: {key}")

    def _interfere(self) -> None:
        if self.before_replace is not None:
            action, self.before_replace = self.before_replace, None
            action()

    def read(self, bucket: str, key: str, version: str = "") -> Found:
        """See ObjectStore."""
        self.reads.append(key)
        return self._found(bucket, key)

    def _found(self, bucket: str, key: str) -> Found:
        if (bucket, key) not in self.objects:
            raise ObjectMissingError(f"s3://{bucket}/{key}")
        return Found(self.objects[bucket, key], self._etag(bucket, key))

    def read_range(self, bucket: str, key: str, start: int, length: int) -> bytes:
        """See ObjectStore."""
        return self.read(bucket, key).data[start : start + length]

    def open(self, bucket: str, key: str, version: str = "", etag: str = "") -> io.BytesIO:
        """See ObjectStore."""
        if etag and etag != self.read(bucket, key).etag:
            raise ObjectReplacedError(key)
        return io.BytesIO(self.read(bucket, key, version).data)

    def facts(self, bucket: str, key: str, version: str = "") -> ObjectFacts:
        """See ObjectStore."""
        found = self._found(bucket, key)
        return ObjectFacts(len(found.data), found.etag, self.metadata.get((bucket, key), {}))

    def write_file(self, bucket: str, key: str, path: Path, content_type: str = "") -> None:
        """See ObjectStore."""
        self._effect(bucket, key, Path(path).read_bytes())

    def write(self, bucket: str, key: str, data: bytes, content_type: str = "") -> str:
        """See ObjectStore."""
        self._effect(bucket, key, data)
        return self._etag(bucket, key)

    def create(self, bucket: str, key: str, data: bytes, content_type: str = "") -> bool:
        """See ObjectStore."""
        if key.endswith("head.json"):
            self._interfere()
        if (bucket, key) in self.objects:
            return False
        self._effect(bucket, key, data)
        return True

    def replace(self, bucket: str, key: str, data: bytes, etag: str) -> str:
        """See ObjectStore."""
        self._interfere()
        if (bucket, key) not in self.objects or self._etag(bucket, key) != etag:
            raise WriteRefusedError(key)
        self._effect(bucket, key, data)
        return self._etag(bucket, key)

    def copy(self, source: tuple[str, str, str], bucket: str, key: str, etag: str = "") -> None:
        """See ObjectStore."""
        found = self._found(*source[:2])
        if etag and etag != found.etag:
            raise ObjectReplacedError(source[1])
        self._effect(bucket, key, found.data)

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        """See ObjectStore."""
        return iter(sorted(key for held, key in self.objects if held == bucket and key.startswith(prefix)))


class TrainingStarts:
    """Starts by name, as Step Functions does; dies like the store."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.names: list[tuple[str, str, str]] = []

    def __call__(self, task: str, dataset_id: str, code_version: str) -> bool:
        """Start once by name."""
        name = (task, dataset_id, code_version)
        self.store.effects += 1
        if self.store.effects == self.store.die_at:
            raise DiedError("before the start of training")
        new = name not in self.names
        if new:
            self.names.append(name)
        if self.store.effects == self.store.die_after:
            raise DiedError("after the start of training")
        return new


class Machine:
    """The ingest state machine: starts by name, and runs its steps when asked to."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.orders: dict[str, IngestOrder] = {}

    def __call__(self, order: IngestOrder) -> bool:
        """Start once by name; dies like the store."""
        self.store.effects += 1
        if self.store.effects == self.store.die_at:
            raise DiedError("before the start of the state machine")
        new = order.upload_id not in self.orders
        self.orders[order.upload_id] = order
        if self.store.effects == self.store.die_after:
            raise DiedError("after the start of the state machine")
        return new


@dataclass
class World:
    """A store, training starts, and one task `pets` whose datasets train from 2 rows on."""

    store: MemoryStore = field(default_factory=MemoryStore)
    min_rows: int = 2
    code_version: str = "c0de"
    schema: PetSchema = field(default_factory=PetSchema)
    section_bytes: int = SECTION_BYTES
    distribute_from: int = DISTRIBUTE_FROM
    workers: int = 1
    writers: int = 1
    seconds_left: Callable[[], float] = lambda: 900.0

    def __post_init__(self) -> None:
        self.training = TrainingStarts(self.store)
        self.machine = Machine(self.store)
        self.indexes = IdentityIndexes()

    def schema_of(self, task: str) -> PetSchema:
        """Know one task."""
        if task != "pets":
            raise UnknownTaskError(f"unknown task {task!r}; known tasks: pets")
        return self.schema

    def ports(self) -> IngestPorts:
        """Give the ports as they are now."""
        return IngestPorts(
            store=self.store,
            data_bucket=DATA,
            schema_of=self.schema_of,
            min_rows_of=lambda task: self.min_rows,
            start_training=self.training,
            hand_over=self.machine,
            now=lambda: NOON,
            seconds_left=self.seconds_left,
            code_version=self.code_version,
            section_bytes=self.section_bytes,
            distribute_from=self.distribute_from,
            workers=self.workers,
            writers=self.writers,
            indexes=self.indexes,
        )

    def put(self, key: str, data: bytes, version: str = "v1") -> Arrival:
        """Put a file into the uploads bucket, as an editor does; that is none of our effects."""
        self.store.objects[UPLOADS, key] = data
        return Arrival(UploadRef(UPLOADS, key, version), version, len(data), UPLOADED)

    def put_unversioned(self, key: str, data: bytes) -> Arrival:
        """Put a file into a bucket that keeps no versions."""
        self.store.objects[UPLOADS, key] = data
        return Arrival(UploadRef(UPLOADS, key, hashlib.md5(data).hexdigest()), "", len(data), UPLOADED)

    def run(self, order: IngestOrder, *, most: int = 100) -> str:
        """Do what `ingest.asl.json` does and give the status at its end; steps that go on for ever fail."""
        step = "plan"
        for _ in range(most):
            if step == "plan":
                planned = plan_ingest(order, self.ports())
                if planned.status == "planned":
                    listed = json.loads(self.store.objects[planned.sections_bucket, planned.sections_key])
                    for item in reversed(listed):  # a map keeps no order
                        stage_one(codec.from_dict(IngestSection, item), self.ports())
                step = "plan" if planned.status == "unfinished" else "commit"
                continue
            done, _ = commit_upload(order, self.ports())
            if done.status not in ("unfinished", "unplanned"):
                return done.status
            step = "plan" if done.status == "unplanned" else "commit"
        raise AssertionError("the state machine goes round in circles")

    def of(self, prefix: str) -> dict[str, bytes]:
        """Give the objects of the data bucket under a prefix."""
        return {
            key: data
            for (bucket, key), data in sorted(self.store.objects.items())
            if bucket == DATA and key.startswith(prefix)
        }
