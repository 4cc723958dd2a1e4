"""Turns kept rows into a Parquet part; the same rows always give the same bytes, however they came together."""

from __future__ import annotations

import hashlib
import io
import itertools
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from infolens.rows.compiled import infolens_rows
from infolens.rows.few_texts import FewTexts
from infolens.rows.utf8_cells import Utf8Cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

Rows = TypeVar("Rows", pa.Table, pa.RecordBatch)

IDENTITY, SPLIT, LINE, UPLOAD_ID = "identity", "split", "line", "upload_id"
"""Columns behind those of the schema: the digest of the row's identity (32 bytes), its split, its physical line in the
section (1-based; `Part.lines_before` + this = line of the file), and the upload that it came with."""

_ARROW_TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "list<int64>": pa.list_(pa.field("element", pa.int64())),  # the name that Parquet gives back
}
ROWS_PER_GROUP = 2048
"""Some 1.3 MB of news: what a writer holds at a time stays in the processor's cache, and in memory that it has used
before. Larger groups make a part smaller by less than a thousandth."""

_INCOMPRESSIBLE = frozenset({IDENTITY, SPLIT, UPLOAD_ID})
"""Digests have nothing to compress, and a dictionary leaves nothing of the others."""

_PIECE_BYTES = 256 << 10
"""Bytes of a part that are held in one piece: few enough to find memory that has been used before. One buffer for all
of it is copied, to memory from the system, whenever it has to grow."""

_RUN = 16
"""Rows between two that go from which on a piece of a batch costs less than a copy of its rows."""

_LONG_TEXT = 64
"""Characters on average from which on a column of text gets no dictionary and no statistics: both cost and find
nothing where every value is another."""


def arrow_schema(columns: Mapping[str, str]) -> pa.Schema:
    """Give the columns of a part: those of `Schema.columns`, then the digest, the split, the line and the upload."""
    own = [(name, _ARROW_TYPES[kind]) for name, kind in columns.items()]
    rest = [(IDENTITY, pa.binary(32)), (SPLIT, pa.string()), (LINE, pa.int64()), (UPLOAD_ID, pa.string())]
    return pa.schema([*own, *rest])


def rows_batch(  # noqa: PLR0913, PLR0917 - the columns of a part
    schema: pa.Schema,
    values: Mapping[str, Sequence[object]],
    digests: Sequence[bytes],
    splits: Sequence[str],
    lines: Sequence[int] | NDArray[np.int64],
    upload_id: str,
) -> pa.RecordBatch:
    """Put rows into columns.

    Args:
        schema: of the part.
        values: of the schema's own columns.
        digests: 32 bytes a row.
        splits: as many.
        lines: in the section, 1-based.
        upload_id: of all rows.
    """
    whole: dict[str, Sequence[object] | NDArray[np.int64]] = {**values, SPLIT: splits, LINE: lines}
    kinds = dict(zip(schema.names, schema.types, strict=True))
    arrays = [_digests(digests) if name == IDENTITY else _array(whole[name], kinds[name]) for name in schema.names[:-1]]
    arrays.append(pa.repeat(pa.scalar(upload_id), len(digests)))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(column: Sequence[object] | NDArray[np.int64], kind: pa.DataType) -> pa.Array:
    if isinstance(column, FewTexts) and kind == pa.string():
        return column.arrow(kind)
    if not isinstance(column, Utf8Cells):
        return pa.array(column, kind)
    data, edges = column.packed()
    return pa.StringArray.from_buffers(len(column), pa.py_buffer(edges.astype(np.int32)), pa.py_buffer(data))


def _digests(digests: Sequence[bytes]) -> pa.Array:
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), len(digests), [None, pa.py_buffer(b"".join(digests))])


class _Pieces(io.RawIOBase):
    """Keeps what is written, in the pieces in which it came."""

    def __init__(self) -> None:
        self.held: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def write(self, data: bytes, /) -> int:  # type: ignore[override] # Arrow gives bytes
        self.held.append(data)
        self._size += len(data)
        return len(data)


class PartWriter:
    """Writes rows as Parquet while they come.

    The bytes follow from the rows and their order alone, not from the batches that they come in: a part from which
    rows were taken away is the part that would have been written without them.
    """

    def __init__(self, schema: pa.Schema) -> None:
        """Start with no row."""
        self._schema = schema
        self._pieces = _Pieces()
        self._sink: pa.NativeFile | None = None
        self._writer: pq.ParquetWriter | None = None
        self._pending: list[pa.RecordBatch] = []
        self._rows = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Put rows behind those before."""
        self._pending.append(batch)
        self._rows += batch.num_rows
        while self._rows >= ROWS_PER_GROUP:
            self._write(ROWS_PER_GROUP)

    def finish(self) -> list[bytes]:
        """Give the file, in pieces; nothing when no row came."""
        if self._rows:
            self._write(self._rows)
        if self._writer and self._sink:
            self._writer.close()
            self._sink.close()
        return self._pieces.held

    def _write(self, count: int) -> None:
        table = pa.Table.from_batches(self._pending, self._schema)
        group = table.slice(0, count).combine_chunks()
        self._pending = table.slice(count).to_batches()
        self._rows -= count
        if self._writer is None:
            self._writer = self._open(group)
        self._writer.write_table(group, row_group_size=count)

    def _open(self, first: pa.Table) -> pq.ParquetWriter:
        kinds = dict(zip(self._schema.names, self._schema.types, strict=True))
        paths = {name: f"{name}.list.element" if pa.types.is_list(kind) else name for name, kind in kinds.items()}
        texts = {name for name, kind in kinds.items() if kind == pa.string() and _is_long(first.column(name))}
        short = [paths[name] for name in kinds if name not in texts | {IDENTITY}]
        self._sink = pa.BufferedOutputStream(pa.PythonFile(self._pieces, "w"), _PIECE_BYTES)
        return pq.ParquetWriter(
            self._sink,
            self._schema,
            compression={path: "none" if name in _INCOMPRESSIBLE else "zstd" for name, path in paths.items()},
            use_dictionary=[path for path in short if path != LINE],
            column_encoding={LINE: "DELTA_BINARY_PACKED"},
            write_statistics=short,
        )


def part_bytes(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> bytes:
    """Write rows as Parquet; b"" when there is none."""
    writer = PartWriter(schema)
    for batch in batches:
        writer.add(batch)
    return b"".join(writer.finish())


def part_id_of(*data: bytes) -> str:
    """Name a part by its content, in one piece or several."""
    digest = hashlib.sha256()
    for piece in data:
        digest.update(piece)
    return digest.hexdigest()


def read_part(data: bytes) -> pa.Table:
    """Read all rows of a part."""
    # Neither a Python file object nor Arrow's own threads: together they abort the process when it ends at once after.
    file = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False)
    return file.read(use_threads=False)


def without_lines(table: Rows, lines: NDArray[np.uint32]) -> tuple[Rows, Rows]:
    """Tell the rows that do not stand on some lines of the section from those that do."""
    mine = table.column(LINE).to_numpy()
    dropped = np.isin(mine, lines)
    if not dropped.any():
        return table, table.slice(0, 0)
    return table.filter(pa.array(~dropped)), table.filter(pa.array(dropped))


def cut_at_lines(batch: pa.RecordBatch, lines: NDArray[np.uint32]) -> tuple[list[pa.RecordBatch], pa.RecordBatch]:
    """Do the same where few rows go and lines ascend: those that stay are given in pieces, as they lie in memory."""
    mine = batch.column(LINE).to_numpy()
    gone = np.searchsorted(mine, lines)
    gone = gone[(gone < len(mine)) & (mine.take(gone, mode="clip") == lines)] if len(mine) else gone[:0]
    if not len(gone):
        return [batch], batch.slice(0, 0)
    if len(gone) > batch.num_rows // _RUN:
        stay, out = without_lines(batch, lines)
        return [stay], out
    edges = [-1, *gone.tolist(), batch.num_rows]
    pieces = [batch.slice(before + 1, after - before - 1) for before, after in itertools.pairwise(edges)]
    return [piece for piece in pieces if piece.num_rows], batch.take(pa.array(gone))


def text_buffers(batch: pa.RecordBatch, name: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Give a column's bytes and where each text begins in them (and the last ends), as they lie in memory."""
    column = batch.column(name)
    _, offsets, data = column.buffers()
    begins = np.frombuffer(offsets, np.int32, len(column) + 1, column.offset * 4).astype(np.int64)
    return np.frombuffer(data or b"", np.uint8), begins


def text_lengths(text: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the number of characters of each text of a column, as `text_buffers` gives it."""
    if infolens_rows is None:
        data, edges = text.tobytes(), itertools.pairwise(offsets.tolist())
        return np.array([len(data[begin:end].decode()) for begin, end in edges], np.int64)
    lengths = np.empty(len(offsets) - 1, np.int64)
    infolens_rows.text_lengths(text.ctypes.data, offsets.ctypes.data, len(lengths), lengths.ctypes.data)
    return lengths


def _is_long(column: pa.ChunkedArray) -> bool:
    size = pc.mean(pc.binary_length(column)).as_py() or 0
    if not _LONG_TEXT < size <= 4 * _LONG_TEXT:  # a character has 1 to 4 bytes
        return bool(size > _LONG_TEXT)
    return bool(pc.mean(pc.utf8_length(column)).as_py() > _LONG_TEXT)
