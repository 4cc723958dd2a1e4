"""Turns kept rows into one Parquet part and reads identities back; the same rows always give the same bytes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infolens.ingest.labelled import CleanRow

_ARROW_TYPES = {"string": pa.string(), "int64": pa.int64(), "double": pa.float64(), "list<int64>": pa.list_(pa.int64())}
_ROWS_PER_GROUP = 65_536


def part_bytes(columns: Mapping[str, str], rows: Sequence[CleanRow], upload_id: str) -> bytes:
    """Write rows as Parquet: the schema's columns, then `identity` (hex), `split`, `line` and `upload_id`.

    Args:
        columns: name -> Arrow type name, in order (`Schema.columns`).
        rows: in the order of the file.
        upload_id: the upload that they come from.
    """
    arrays = {
        name: pa.array([row.values[position] for row in rows], _ARROW_TYPES[kind])
        for position, (name, kind) in enumerate(columns.items())
    }
    arrays["identity"] = pa.array([row.digest.hex() for row in rows], pa.string())
    arrays["split"] = pa.array([row.split for row in rows], pa.string())
    arrays["line"] = pa.array([row.line for row in rows], pa.int64())
    arrays["upload_id"] = pa.array([upload_id] * len(rows), pa.string())
    out = pa.BufferOutputStream()
    pq.write_table(pa.table(arrays), out, compression="zstd", row_group_size=_ROWS_PER_GROUP)
    return bytes(out.getvalue().to_pybytes())


def part_id_of(data: bytes) -> str:
    """Name a part by its content."""
    return hashlib.sha256(data).hexdigest()


def identities(data: bytes) -> set[bytes]:
    """Read the identity digests of a part's rows."""
    # Neither a Python file object nor Arrow's own threads: together they abort the process when it ends at once after.
    file = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False)
    column = file.read(columns=["identity"], use_threads=False).column("identity")
    return {bytes.fromhex(text) for text in column.to_pylist()}
