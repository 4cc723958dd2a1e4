"""Unit tests of `infolens.ingest.dataset`."""

from __future__ import annotations

import json

from infolens.contracts.dataset import Part, UploadRef
from infolens.ingest.dataset import Addition, added_labels, append, channel_manifest, dataset_id_of

SOURCE = UploadRef("uploads", "labelled/pets/a.csv", "v1")
FIRST = Addition("up1", SOURCE, (Part("p1", 3, 1),), {"train": 3}, {"cat": 2, "dog": 1})
SECOND = Addition("up2", SOURCE, (Part("p2", 1, 1), Part("p3", 1, 9)), {"test": 2}, {"dog": 1, "bird": 1})


def test_first_dataset():
    """The first dataset has no parent and names all splits, empty ones too."""
    manifest = append(None, "pets", FIRST, "2026-05-01T12:00:00+00:00", "c0de")
    assert (manifest.parent, manifest.rows, manifest.created_at, manifest.code_version) == (
        "",
        3,
        "2026-05-01T12:00:00+00:00",
        "c0de",
    )
    assert manifest.split_counts == {"test": 0, "train": 3, "validation": 0}
    assert manifest.label_counts == {"cat": 2, "dog": 1}


def test_appended_dataset():
    """A part behind the parent's parts adds its counts."""
    parent = append(None, "pets", FIRST, "t1", "c0de")
    child = append(parent, "pets", SECOND, "t2", "c0de")
    assert child.parent == parent.dataset_id
    assert [(source.upload_id, source.rows, len(source.parts)) for source in child.sources] == [
        ("up1", 3, 1),
        ("up2", 2, 2),
    ]
    assert child.rows == 5
    assert child.split_counts == {"test": 2, "train": 3, "validation": 0}
    assert child.label_counts == {"bird": 1, "cat": 2, "dog": 2}
    assert added_labels(parent, child) == {"bird": 1, "dog": 1}


def test_identity_of_a_dataset():
    """Parts in their order, task and schema version make the id; time and code do not."""
    base = dataset_id_of("pets", ["p1", "p2", "p3"])
    assert base == append(append(None, "pets", FIRST, "x", "y"), "pets", SECOND, "t9", "other").dataset_id
    others = [
        dataset_id_of("pets", ["p2", "p1", "p3"]),
        dataset_id_of("pets", ["p1"]),
        dataset_id_of("plants", ["p1", "p2", "p3"]),
        dataset_id_of("pets", ["p1", "p2", "p3"], schema_version=99),
    ]
    assert len({base, *others}) == 5
    assert len(base) == 64


def test_channel_manifest():
    """Training jobs read the parts as one channel: a prefix and the names below it."""
    child = append(append(None, "pets", FIRST, "t", "c"), "pets", SECOND, "t", "c")
    assert json.loads(channel_manifest(child, "data")) == [
        {"prefix": "s3://data/parts/pets/"},
        "p1.parquet",
        "p2.parquet",
        "p3.parquet",
    ]
