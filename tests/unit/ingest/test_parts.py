"""Unit tests of `infolens.ingest.parts`."""

from __future__ import annotations

import hashlib
import io

import pyarrow.parquet as pq

from infolens.ingest.identity import row_digest
from infolens.ingest.labelled import CleanRow
from infolens.ingest.parts import identities, part_bytes, part_id_of

COLUMNS = {"text": "string", "age": "int64", "score": "double", "items": "list<int64>"}
ROWS = [
    CleanRow(2, row_digest("purrs"), "train", ("purrs", 3, 0.5, [1, 2])),
    CleanRow(7, row_digest("barks"), "test", ("barks", None, None, [])),
]


def test_columns_and_types():
    """A part holds the schema's columns in order and then identity, split, line and upload."""
    table = pq.read_table(io.BytesIO(part_bytes(COLUMNS, ROWS, "up1")))
    assert {field.name: str(field.type) for field in table.schema} == {
        "text": "string",
        "age": "int64",
        "score": "double",
        "items": "list<element: int64>",
        "identity": "string",
        "split": "string",
        "line": "int64",
        "upload_id": "string",
    }
    assert table.to_pylist()[1] == {
        "text": "barks",
        "age": None,
        "score": None,
        "items": [],
        "identity": hashlib.sha256(b"barks").hexdigest(),
        "split": "test",
        "line": 7,
        "upload_id": "up1",
    }


def test_same_rows_same_bytes():
    """A part's name is its content, so that the same rows must give the same bytes, and other rows others."""
    one, two = part_bytes(COLUMNS, ROWS, "up1"), part_bytes(COLUMNS, list(ROWS), "up1")
    assert one == two
    assert part_id_of(one) == hashlib.sha256(one).hexdigest() != part_id_of(part_bytes(COLUMNS, ROWS, "up2"))


def test_identities_read_back():
    """Later uploads are compared with the digests that a part holds."""
    assert identities(part_bytes(COLUMNS, ROWS, "up1")) == {row_digest("purrs"), row_digest("barks")}
