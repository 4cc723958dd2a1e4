"""How news_category is measured: the HuffPost articles, and TF-IDF with logistic regression beside the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from infolens.ml.classification_metrics import classification_metrics
from infolens.tasks.news_category.schema import LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

FILES = ("news_category/huffpost_articles.csv.gz",)
HEADLINE = "accuracy"
BASELINE = "TF-IDF + logistic regression"


STRENGTH = 50.0
"""Inverse penalty. Of phrases of up to 1 and 2 words with 1, 10 and 50, single words with 50 validate best (0.775)."""


def baseline(train: list[dict[str, object]], test: list[dict[str, object]]) -> dict[str, float]:
    """Metrics on `test` of the linear model with the settings that did best on the validation split."""
    model = make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=STRENGTH, max_iter=1_000))
    answers = model.fit(_texts(train), _labels(train)).predict(_texts(test))
    metrics, _ = classification_metrics(_labels(test), [str(answer) for answer in answers], LABELS)
    return metrics


def _texts(rows: Sequence[dict[str, object]]) -> list[str]:
    return [str(row["text"]) for row in rows]


def _labels(rows: Sequence[dict[str, object]]) -> list[str]:
    return [str(row["label"]) for row in rows]
