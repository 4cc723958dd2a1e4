"""Reads the rows of a dataset's Parquet parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.dataset

from infolens.ml.training.job import TrainingError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def read_split(directory: Path, split: str, columns: Sequence[str]) -> list[dict[str, object]]:
    """Give the rows of one split in the order of the parts' names, then of the rows.

    Args:
        directory: where a channel put the parts, at any depth; other files (the channel's manifest) are passed over.
        split: "train", "validation" or "test".
        columns: the fields that are wanted.

    Raises:
        TrainingError: there is no part.
    """
    parts = sorted(directory.rglob("*.parquet"))
    if not parts:
        raise TrainingError(f"dataset: no .parquet file under {directory}")
    table = pyarrow.dataset.dataset([str(part) for part in parts]).to_table(
        columns=list(columns), filter=pyarrow.dataset.field("split") == split
    )
    rows: list[dict[str, object]] = table.to_pylist()
    return rows
