"""Unit tests of `infolens.ingest.identity`."""

from __future__ import annotations

import hashlib

from infolens.contracts.dataset import UploadRef
from infolens.ingest.identity import upload_id_of


def test_upload_id_is_bucket_key_and_version():
    """The id is 24 hex digits of the hash that the contract names."""
    expected = hashlib.sha256(b"uploads/labelled/pets/a b.csv/v1").hexdigest()[:24]
    assert upload_id_of(UploadRef("uploads", "labelled/pets/a b.csv", "v1")) == expected


def test_another_version_is_another_upload():
    """The same key written again is a new upload."""
    one, two = (upload_id_of(UploadRef("uploads", "labelled/pets/a.csv", version)) for version in ("v1", "v2"))
    assert one != two
