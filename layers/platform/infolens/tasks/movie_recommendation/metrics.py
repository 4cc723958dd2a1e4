"""Metrics of movie_recommendation on held-out rows: accuracy, macro-F1 and the recall of every label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.ml.classification_metrics import classification_metrics
from infolens.tasks.movie_recommendation.schema import LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def evaluate(
    rows: Sequence[Mapping[str, object]], answers: Sequence[Mapping[str, object]]
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Compare clean rows with the predictor's answers -> (metrics, slices by label).

    Raises:
        ValueError: there are not as many answers as rows.
    """
    return classification_metrics([str(r["label"]) for r in rows], [str(a["label"]) for a in answers], LABELS)
