"""Reads and moves the head of a task's datasets: which dataset is the newest, and what is in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infolens import codec
from infolens.aws.objects import ObjectMissingError, WriteRefusedError
from infolens.contracts import keys
from infolens.contracts.dataset import DATASET_SCHEMA_VERSION, DatasetManifest
from infolens.ingest.dataset import Head, channel_manifest

if TYPE_CHECKING:
    from infolens.aws.objects import ObjectStore

_JSON = "application/json"


class OutdatedDatasetError(RuntimeError):
    """A dataset whose parts this code does not read; nothing is appended to it."""


@dataclass(frozen=True)
class Newest:
    """The newest dataset of a task, with what a conditional write over it needs."""

    manifest: DatasetManifest | None
    """None when the task has no dataset yet."""
    etag: str


@dataclass(frozen=True)
class Datasets:
    """The datasets of one task in the data bucket."""

    store: ObjectStore
    bucket: str
    task: str

    def newest(self) -> Newest:
        """Read head.json and the manifest that it names.

        Raises:
            OutdatedDatasetError: its parts have another schema.
        """
        try:
            found = self.store.read(self.bucket, keys.dataset_head(self.task))
        except ObjectMissingError:
            return Newest(None, "")
        dataset_id = codec.from_json(Head, found.data).dataset_id
        data = self._described(dataset_id)
        if (version := json.loads(data).get("schema_version")) != DATASET_SCHEMA_VERSION:
            raise OutdatedDatasetError(
                f"dataset {dataset_id} has schema version {version}, this code reads {DATASET_SCHEMA_VERSION}: remove "
                f"{keys.dataset_head(self.task)} and drop the files of {self.task} again"
            )
        return Newest(codec.from_json(DatasetManifest, data), found.etag)

    def manifest(self, dataset_id: str) -> DatasetManifest:
        """Read the description of one dataset.

        Raises:
            ObjectMissingError: there is no such dataset.
        """
        return codec.from_json(DatasetManifest, self._described(dataset_id))

    def _described(self, dataset_id: str) -> bytes:
        return self.store.read(self.bucket, keys.dataset_manifest(self.task, dataset_id)).data

    def first_with(self, upload_id: str, manifest: DatasetManifest) -> tuple[DatasetManifest | None, DatasetManifest]:
        """Walk back from `manifest`, which has the upload, to the first dataset that has it.

        Returns:
            Its parent (None for the very first dataset) and it.
        """
        while True:
            parent = self.manifest(manifest.parent) if manifest.parent else None
            if manifest.sources[-1].upload_id == upload_id or parent is None:
                return parent, manifest
            manifest = parent

    def describe(self, manifest: DatasetManifest) -> DatasetManifest:
        """Write a dataset's channel and its manifest, and give the manifest that stands.

        An attempt that broke off may have left a manifest of the same dataset: its time and its code version stand.
        """
        channel = channel_manifest(manifest, self.bucket)
        self.store.write(self.bucket, keys.dataset_channel(self.task, manifest.dataset_id), channel, _JSON)
        key = keys.dataset_manifest(self.task, manifest.dataset_id)
        if self.store.create(self.bucket, key, codec.to_json(manifest), _JSON):
            return manifest
        return self.manifest(manifest.dataset_id)

    def move_head(self, dataset_id: str, etag: str) -> bool:
        """Make a dataset the newest one; False when head.json is no longer the one with `etag` ("" for none)."""
        key, data = keys.dataset_head(self.task), codec.to_json(Head(self.task, dataset_id))
        if not etag:
            return self.store.create(self.bucket, key, data, _JSON)
        try:
            self.store.replace(self.bucket, key, data, etag)
        except WriteRefusedError:
            return False
        return True
