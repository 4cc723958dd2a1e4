"""Unit tests of `infolens.ingest.parts`."""

from __future__ import annotations

import hashlib
import io
import itertools

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infolens.ingest import parts
from infolens.ingest.parts import (
    PartWriter,
    arrow_schema,
    part_bytes,
    part_id_of,
    read_part,
    rows_batch,
    text_buffers,
    without_lines,
)

COLUMNS = {"text": "string", "age": "int64", "score": "double", "items": "list<int64>"}
SCHEMA = arrow_schema(COLUMNS)


def digest(text) -> bytes:
    """Give any 32 bytes."""
    return hashlib.sha256(text.encode()).digest()


def batch(first: int, count: int, upload_id: str = "up1", words: int = 1):
    """Rows on the lines from `first` on."""
    texts = [" ".join([f"purrs{number}"] * words) for number in range(first, first + count)]
    values = {
        "text": texts,
        "age": [3] * count,
        "score": [0.5] * count,
        "items": [[1, line] for line in range(first, first + count)],
    }
    return rows_batch(
        SCHEMA, values, [digest(text) for text in texts], ["train"] * count, range(first, first + count), upload_id
    )


def test_columns_and_types():
    """A part holds the schema's columns in order and then identity, split, line and upload; nothing may be missing."""
    values = {"text": ["purrs", "barks"], "age": [3, None], "score": [0.5, None], "items": [[1, 2], []]}
    data = part_bytes(
        SCHEMA, [rows_batch(SCHEMA, values, [digest("a"), digest("b")], ["train", "test"], [2, 7], "up1")]
    )
    table = pq.read_table(io.BytesIO(data))
    assert {field.name: str(field.type) for field in table.schema} == {
        "text": "string",
        "age": "int64",
        "score": "double",
        "items": "list<element: int64>",
        "identity": "fixed_size_binary[32]",
        "split": "string",
        "line": "int64",
        "upload_id": "string",
    }
    assert table.to_pylist()[1] == {
        "text": "barks",
        "age": None,
        "score": None,
        "items": [],
        "identity": digest("b"),
        "split": "test",
        "line": 7,
        "upload_id": "up1",
    }


@pytest.mark.parametrize("group", [4, 10, 8192])
def test_same_rows_same_bytes(monkeypatch, group):
    """A part's name is its content: the same rows give the same bytes in any batches, other rows others."""
    monkeypatch.setattr(parts, "ROWS_PER_GROUP", group)
    whole = part_bytes(SCHEMA, [batch(0, 23)])
    assert whole == part_bytes(SCHEMA, [batch(0, 1), batch(1, 20), batch(21, 2)])
    assert part_id_of(whole) == hashlib.sha256(whole).hexdigest()
    assert whole != part_bytes(SCHEMA, [batch(0, 23, "up2")])
    assert pq.ParquetFile(io.BytesIO(whole)).num_row_groups == -(-23 // group)


@pytest.mark.parametrize("group", [4, 8192])
def test_part_without_some_rows_is_the_part_of_the_others(monkeypatch, group):
    """Taking rows out leaves no trace."""
    monkeypatch.setattr(parts, "ROWS_PER_GROUP", group)
    whole = part_bytes(SCHEMA, [batch(0, 30)])
    left, out = without_lines(read_part(whole), np.arange(10, 15, dtype=np.uint32))
    assert out.column("line").to_pylist() == [10, 11, 12, 13, 14]
    first, last = batch(0, 10), batch(0, 30).slice(15)
    assert part_bytes(SCHEMA, left.to_batches()) == part_bytes(SCHEMA, [first, last])


@pytest.mark.parametrize(("words", "encoded"), [(1, True), (40, False)])
def test_long_texts_have_no_dictionary(words, encoded):
    """A dictionary of texts that are all different costs time and finds nothing; short ones have one."""
    meta = pq.ParquetFile(io.BytesIO(part_bytes(SCHEMA, [batch(0, 50, words=words)]))).metadata.row_group(0)
    assert meta.column(0).has_dictionary_page is encoded


def test_a_part_is_held_in_pieces(monkeypatch):
    """No buffer grows with it, which would be copied each time; put together, they are the part, and name it."""
    monkeypatch.setattr(parts, "ROWS_PER_GROUP", 500)
    monkeypatch.setattr(parts, "_PIECE_BYTES", 32 << 10)
    writer = PartWriter(SCHEMA)
    writer.add(batch(0, 4000))
    pieces = writer.finish()
    assert len(pieces) > 5
    assert max(map(len, pieces)) <= 32 << 10
    assert b"".join(pieces) == part_bytes(SCHEMA, [batch(0, 4000)])
    assert part_id_of(*pieces) == part_id_of(b"".join(pieces))


@pytest.mark.parametrize(("text", "encoded"), [("\u00e9" * 50, True), ("\u00e9" * 70, False), ("\u6f22" * 90, False)])
def test_a_long_text_is_one_of_many_characters(text, encoded):
    """Its bytes say so only where they are very few or very many."""
    schema = arrow_schema({"text": "string"})
    rows = rows_batch(schema, {"text": [text]}, [digest(text)], ["train"], [1], "up1")
    meta = pq.ParquetFile(io.BytesIO(part_bytes(schema, [rows]))).metadata.row_group(0)
    assert meta.column(0).has_dictionary_page is encoded


def test_no_row_no_part():
    """A section may have no row that is kept."""
    assert part_bytes(SCHEMA, []) == part_bytes(SCHEMA, [batch(0, 0)]) == b""


def test_text_is_read_where_it_lies():
    """The column's bytes, and where each text begins in them, of a slice as well."""
    text, offsets = text_buffers(batch(5, 4).slice(1, 2), "text")
    assert [bytes(text[a:b]) for a, b in itertools.pairwise(offsets)] == [b"purrs6", b"purrs7"]


@pytest.mark.parametrize("gone", [[], [1], [40], [7, 8, 39], [1, 40], list(range(1, 30)), list(range(1, 41))])
def test_pieces_around_the_rows_that_go_are_what_a_filter_gives(gone):
    """Few or many, at the ends or beside each other: the same rows stay, the same go, and no piece is empty."""
    batch = pa.RecordBatch.from_arrays([pa.array([*map(str, range(40))]), pa.array(range(1, 41))], ["text", "line"])
    pieces, out = parts.cut_at_lines(batch, np.array(gone, np.uint32))
    stays, goes = parts.without_lines(pa.Table.from_batches([batch]), np.array(gone, np.uint32))
    assert pa.Table.from_batches(pieces, batch.schema).to_pylist() == stays.to_pylist()
    assert out.to_pylist() == goes.to_pylist()
    assert len(pieces) <= len(gone) + 1


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("first", [0, 1])
def test_lengths_count_characters(monkeypatch, first, compiled):
    """A character of two, three or four bytes counts once, and texts before a slice do not count."""
    if not compiled:
        monkeypatch.setattr(parts, "infolens_rows", None)
    texts = ["häst", "", "猫と犬", "a cat 🐈", "abc", *("häst 猫と犬 🐈 " * 9)[:100].split(" ", 7), "🐈" * 50, "x" * 64]
    rows = pa.RecordBatch.from_arrays([pa.array(texts)], ["text"]).slice(first)
    assert parts.text_lengths(*text_buffers(rows, "text")).tolist() == [*map(len, texts[first:])]


def test_rows_are_cut_from_a_batch_without_rows():
    """Nothing comes out of nothing."""
    empty = pa.RecordBatch.from_arrays([pa.array([], pa.int64())], ["line"])
    pieces, out = parts.cut_at_lines(empty, np.array([3], np.uint32))
    assert (sum(piece.num_rows for piece in pieces), out.num_rows) == (0, 0)
