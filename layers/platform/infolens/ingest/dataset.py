"""Grows datasets by appending parts: ids from content, manifests, and the channel that training jobs read."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infolens.contracts import keys
from infolens.contracts.dataset import DATASET_SCHEMA_VERSION, DatasetManifest, DatasetSource
from infolens.rows import text_lengths
from infolens.rows.split import SPLITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infolens.contracts.dataset import Part, UploadRef


@dataclass(frozen=True)
class Head:
    """Content of head.json: the newest dataset of a task."""

    task: str
    dataset_id: str


@dataclass(frozen=True)
class Addition:
    """The kept rows of one upload, counted."""

    upload_id: str
    source: UploadRef
    parts: tuple[Part, ...]
    split_counts: Mapping[str, int]
    label_counts: Mapping[str, int]
    length_bins: Mapping[str, int] = field(default_factory=dict)
    """Histogram of text lengths, see `infolens.rows.text_lengths`."""


def dataset_id_of(task: str, part_ids: Sequence[str], schema_version: int = DATASET_SCHEMA_VERSION) -> str:
    """Hash what a dataset is: schema version, task and its parts in order. When and by whom it was made is no part."""
    text = json.dumps({"parts": list(part_ids), "schema_version": schema_version, "task": task}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def append(
    parent: DatasetManifest | None, task: str, new: Addition, created_at: str, code_version: str
) -> DatasetManifest:
    """Describe the dataset that has the parent's parts and an upload's behind them."""
    added = DatasetSource(new.upload_id, new.source, sum(part.rows for part in new.parts), new.parts)
    sources = (*(parent.sources if parent else ()), added)
    length_bins = text_lengths.merged([parent.length_bins if parent else {}, new.length_bins])
    return DatasetManifest(
        dataset_id=dataset_id_of(task, [part.part_id for source in sources for part in source.parts]),
        task=task,
        schema_version=DATASET_SCHEMA_VERSION,
        parent=parent.dataset_id if parent else "",
        sources=sources,
        rows=sum(source.rows for source in sources),
        split_counts=_sum(parent.split_counts if parent else {}, new.split_counts, SPLITS),
        label_counts=_sum(parent.label_counts if parent else {}, new.label_counts),
        created_at=created_at,
        code_version=code_version,
        length_bins=length_bins,
        text_lengths=text_lengths.quantiles(length_bins),
    )


def added_labels(parent: DatasetManifest | None, child: DatasetManifest) -> dict[str, int]:
    """Count the labels that the child's last upload brought."""
    before = parent.label_counts if parent else {}
    gained = {label: count - before.get(label, 0) for label, count in child.label_counts.items()}
    return {label: count for label, count in gained.items() if count}


def channel_manifest(manifest: DatasetManifest, data_bucket: str) -> bytes:
    """Write the parts as a SageMaker `ManifestFile`: a prefix, then the keys below it.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html
    """
    paths = [keys.part(manifest.task, part.part_id).rpartition("/") for part in manifest.parts]
    names = [name for _, _, name in paths]
    return json.dumps([{"prefix": f"s3://{data_bucket}/{paths[0][0]}/"}, *names]).encode()


def _sum(one: Mapping[str, int], other: Mapping[str, int], always: Sequence[str] = ()) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in sorted({*one, *other, *always})}
