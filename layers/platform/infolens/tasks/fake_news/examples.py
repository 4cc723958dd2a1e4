"""What fake_news learns from and is measured on; the test split also holds each article under another agency mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.ml.training.parts import read_split
from infolens.rows.agency_mark import carries_agency_mark, with_agency_mark, without_agency_mark

if TYPE_CHECKING:
    from pathlib import Path


def examples(dataset: Path, split: str) -> list[dict[str, object]]:
    """Give the rows of a split, {"text", "label"}; those of the test split are followed by their variants.

    A variant is an article again, of the same label: `variant` "removed" for one that carries an agency's mark near
    its start, and has lost it; "planted" for one that carries none, and was given one. `metrics.evaluate` leaves
    variants out of the metrics and makes the slices marker=... of them. `article` numbers the articles, `marked` says
    whether the article as it came carries a mark.

    Raises:
        TrainingError: there is no dataset.
    """
    rows = read_split(dataset, split, ("text", "label"))
    return [*rows, *variants(rows)] if split == "test" else rows


def variants(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Number `rows` in place and give their variants."""
    made: list[dict[str, object]] = []
    for number, row in enumerate(rows):
        text = str(row["text"])
        row |= {"variant": "", "marked": carries_agency_mark(text), "article": number}
        kind, changed = ("removed", without_agency_mark) if row["marked"] else ("planted", with_agency_mark)
        made.append(row | {"variant": kind, "text": changed(text)})
    return made
