"""What news_summary learns from and is measured on: its rows as they are, with the upload that each came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.ml.training.parts import read_split

if TYPE_CHECKING:
    from pathlib import Path


def examples(dataset: Path, split: str) -> list[dict[str, object]]:
    """Read the rows of one split: "text", "summary", "source" and "upload_id", by which metrics are sliced.

    Raises:
        TrainingError: there is no dataset.
    """
    return read_split(dataset, split, ("text", "summary", "source", "upload_id"))
