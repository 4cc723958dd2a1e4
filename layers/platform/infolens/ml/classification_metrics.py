"""Accuracy, macro-F1 and per-class recall from true and answered labels; pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def classification_metrics(
    truths: Sequence[str], answers: Sequence[str], labels: Sequence[str]
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Give metrics and, for every label that occurs in `truths`, a slice "label=<name>" with recall and rows.

    macro_f1 is the mean F1 of the labels that occur among truths or answers (sklearn's default); a label that neither
    side knows says nothing about the model. Without rows there are no metrics: a missing one is not zero.

    Raises:
        ValueError: there are not as many answers as truths.
    """
    pairs = list(zip(truths, answers, strict=True))
    if not pairs:
        return {}, {}
    true, answered = Counter(truths), Counter(answers)
    right = Counter(truth for truth, answer in pairs if truth == answer)
    f1 = [2 * right[name] / (true[name] + answered[name]) for name in labels if true[name] + answered[name]]
    slices = {
        f"label={name}": {"recall": right[name] / true[name], "rows": float(true[name])}
        for name in labels
        if true[name]
    }
    return {"accuracy": right.total() / len(pairs), "macro_f1": sum(f1) / len(f1)}, slices
