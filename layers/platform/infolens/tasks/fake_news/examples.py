"""What fake_news learns from and is measured on: its rows as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.ml.training.parts import read_split

if TYPE_CHECKING:
    from pathlib import Path


def examples(dataset: Path, split: str) -> list[dict[str, object]]:
    """Give the clean rows of one split in order."""
    return read_split(dataset, split, ("text", "label"))
