"""Cleans a block of rows one by one, which quicker ways must equal (`Schema.clean_block`), or by its columns. Pure."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from infolens.contracts.task import CleanBlock, RowRejected
from infolens.rows.split import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from infolens.contracts.task import Schema


def clean_each(schema: Schema, columns: Mapping[str, Sequence[str]]) -> CleanBlock:
    """Give what `schema` makes of each row of a block.

    Args:
        schema: the task's rows.
        columns: bound name -> cells, all of one length; no column is a block of no row.
    """
    values: dict[str, list[object]] = {name: [] for name in schema.columns}
    splits: list[str] = []
    block = CleanBlock(kept=[], values=values, digests=[], splits=splits, rejected=[])
    names = tuple(columns)
    for position, cells in enumerate(zip(*columns.values(), strict=True)):
        try:
            row = schema.clean(dict(zip(names, cells, strict=True)))
        except RowRejected as error:
            block.rejected.append((position, error.field, error.reason))
            continue
        block.kept.append(position)
        for name, column in values.items():
            column.append(row[name])
        block.digests.append(digest_of(schema.identity(row)))
        splits.append(schema.split(row))
    return block


def clean_columns(
    schema: Schema, columns: Mapping[str, Sequence[str]], read: Mapping[str, Callable[[str], object]]
) -> CleanBlock:
    """Clean a block of rows whose fields are read one by one, each distinct cell of a column once.

    Args:
        schema: a task whose `clean` gives `read[name](cell)` for each of its columns, in their order.
        columns: bound name -> cells, all of one length.
        read: name of each of the schema's columns -> what reads its cell; raises RowRejected.
    """
    size = len(next(iter(columns.values()), ()))
    values: dict[str, list[object]] = {}
    refused: dict[int, RowRejected] = {}
    for name, reader in read.items():
        cells = columns.get(name, [""] * size)
        found = {cell: _read(reader, cell) for cell in set(cells)}
        values[name] = [found[cell] for cell in cells]
        if any(isinstance(value, RowRejected) for value in found.values()):
            for position, value in enumerate(values[name]):
                if isinstance(value, RowRejected):
                    refused.setdefault(position, value)
    kept = list(range(size))
    if refused:
        taken = [position not in refused for position in kept]
        kept = list(itertools.compress(kept, taken))
        values = {name: list(itertools.compress(column, taken)) for name, column in values.items()}
    rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    return CleanBlock(
        kept,
        values,
        [digest_of(schema.identity(row)) for row in rows],
        [schema.split(row) for row in rows],
        [(position, refused[position].field, refused[position].reason) for position in sorted(refused)],
    )


def _read(reader: Callable[[str], object], cell: str) -> object:
    """Read a cell, or give its refusal."""
    try:
        return reader(cell)
    except RowRejected as error:
        return error
