"""Metrics of fake_news on held-out rows: accuracy, F1 of fake and of both, and what an agency's mark changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.ml.classification_metrics import classification_metrics
from infolens.tasks.fake_news.schema import LABELS

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    Pairs = Sequence[tuple[Mapping[str, object], Mapping[str, object]]]

_LENGTHS = ((500, "under 500"), (2_000, "500 to 1,999"), (12_001, "2,000 and more"))
"""Upper limits in characters, and names."""


def evaluate(
    rows: Sequence[Mapping[str, object]], answers: Sequence[Mapping[str, object]]
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Compare rows with the predictor's answers -> (metrics, slices).

    `f1` is that of the fake class, which is what an editor looks for (S0-39 says no more than "F1"); `macro_f1` is the
    mean of both classes. Rows that are variants of others (see `examples`) count in these slices alone:

    - marker=carried: the articles that carry an agency's mark, as they are
    - marker=removed: all articles, and none carries a mark
    - marker=planted: all articles, and each carries one

    Raises:
        ValueError: there are not as many answers as rows.
    """
    pairs = list(zip(rows, answers, strict=True))
    plain = [pair for pair in pairs if not pair[0].get("variant")]
    metrics, slices = _measure(plain)
    carried = [pair for pair in plain if pair[0].get("marked")]
    bare = [pair for pair in plain if not pair[0].get("marked")]
    parts = {
        "marker=carried": carried,
        "marker=removed": bare + _of(pairs, "removed"),
        "marker=planted": carried + _of(pairs, "planted"),
    }
    least = 0
    for limit, name in _LENGTHS:
        parts[f"length={name}"] = [pair for pair in plain if least <= len(str(pair[0]["text"])) < limit]
        least = limit
    variants = len(plain) < len(pairs)
    for name, part in parts.items():
        if part and (variants or not name.startswith("marker=")):
            slices[name] = _measure(part)[0] | {"rows": float(len(part))}
    if carried_slice := slices.get("marker=carried"):  # one class alone, but for a stray row: an F1 would say nothing
        slices["marker=carried"] = {name: carried_slice[name] for name in ("accuracy", "rows")}
    return metrics, slices


def unit(row: Mapping[str, object]) -> Hashable:
    """Say which article a row is: its variants are drawn together with it."""
    return str(row.get("article", row["text"]))


def _of(pairs: Pairs, variant: str) -> list[tuple[Mapping[str, object], Mapping[str, object]]]:
    return [pair for pair in pairs if pair[0].get("variant") == variant]


def _measure(pairs: Pairs) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    truths, answered = [str(row["label"]) for row, _ in pairs], [str(answer["label"]) for _, answer in pairs]
    metrics, slices = classification_metrics(truths, answered, LABELS)
    known = truths.count("fake") + answered.count("fake")
    if known:  # a class that neither side knows says nothing about the model
        right = sum(1 for truth, answer in zip(truths, answered, strict=True) if truth == answer == "fake")
        metrics["f1"] = 2 * right / known
    return metrics, slices
