"""What toxicity learns from and is measured on: the comments of a dataset's parts as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.ml.training.parts import read_split

if TYPE_CHECKING:
    from pathlib import Path


def examples(dataset: Path, split: str) -> list[dict[str, object]]:
    """Give "text" and "label" of each row of one split.

    Args:
        dataset: directory with the Parquet parts.
        split: "train", "validation" or "test".

    Raises:
        TrainingError: there is no part.
    """
    return read_split(dataset, split, ("text", "label"))
