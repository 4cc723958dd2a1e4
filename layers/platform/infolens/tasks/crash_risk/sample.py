"""Makes seeded rows for crash_risk in the project's own words, with planted dirt."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from infolens.rows.csv_files import write_csv
from infolens.tasks.crash_risk.schema import LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["refused_rows", "right_answer", "rows", "unlabelled", "write_csv"]

_WORDS = {
    "negative": ("late", "broken", "noisy", "cold", "rude", "slow", "dull", "stale"),
    "positive": ("early", "solid", "quiet", "warm", "kind", "quick", "lively", "fresh"),
}

_SENTENCES = (
    "The {thing} was {word}, and the {other} was {also}.",
    "I found the {thing} {word}; others called the {other} {also}.",
    "A {word} {thing} and a {also} {other}, as far as I can tell.",
)

_THINGS = ("room", "meal", "train", "lamp", "speech", "garden", "answer", "letter", "coat", "song", "river", "market")


def _text(source: random.Random, label: str) -> str:
    return source.choice(_SENTENCES).format(
        thing=source.choice(_THINGS),
        other=source.choice(_THINGS),
        word=source.choice(_WORDS[label]),
        # A word of any label: no model is right on every row.
        also=source.choice(_WORDS[source.choice(LABELS)]),
    )


def refused_rows() -> tuple[tuple[dict[str, str], str], ...]:
    """Rows that the schema must refuse, each with the field it must name."""
    text = "The room was quiet, and the meal was warm."
    return (
        ({"text": text, "label": ""}, "label"),
        ({"text": text, "label": "sideways"}, "label"),
        ({"text": "Oh", "label": LABELS[0]}, "text"),
        ({"text": "word " * 3_000, "label": LABELS[0]}, "text"),
    )


def rows(count: int, seed: int, *, dirt: float = 0.0) -> list[dict[str, str]]:
    """Make `count` labelled rows; equal arguments give equal rows.

    Args:
        count: rows in all.
        seed: start of the random numbers.
        dirt: share of rows that are planted dirt: half repeats an earlier row, half must be refused.
    """
    source = random.Random(f"crash_risk rows {seed}")  # noqa: S311 - sample data, no secret
    refused = refused_rows()
    made: list[dict[str, str]] = []
    for number in range(count):
        label = source.choice(LABELS)
        row = {"text": f"{_text(source, label)} {_text(source, label)} No. {number}.", "label": label}
        if number and source.random() < dirt:
            row = dict(source.choice(made)) if source.random() < 0.5 else dict(source.choice(refused)[0])
        made.append(row)
    return made


def unlabelled(count: int, seed: int) -> list[dict[str, str]]:
    """Make `count` rows without labels that the API's check takes."""
    return [{"text": row["text"]} for row in rows(count, seed + 1_000_000)]


def right_answer(row: Mapping[str, object]) -> dict[str, object]:
    """Give the answer of a predictor that is right, and sure, about a clean row."""
    label = str(row["label"])
    return {"label_id": LABELS.index(label), "label": label, "confidence": 1.0}
