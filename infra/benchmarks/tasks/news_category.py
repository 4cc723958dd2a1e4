"""How news_category is measured: the HuffPost articles, and TF-IDF with logistic regression beside the model."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from infolens.ml.classification_metrics import classification_metrics
from infolens.tasks.news_category.schema import LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

FILES = ("news_category/huffpost_articles.csv.gz",)
HEADLINE = "accuracy"
BASELINE = "TF-IDF + logistic regression"


def baseline(train: list[dict[str, object]], test: list[dict[str, object]]) -> dict[str, float]:
    """Metrics on `test` of the setting that does best on every eighth row of `train`, fitted again on all of it."""
    chosen_on, rest = train[::8], [row for number, row in enumerate(train) if number % 8]
    settings = itertools.product((1, 2), (1.0, 10.0, 50.0))
    best = max(settings, key=lambda setting: fitted(*setting, rest).score(_texts(chosen_on), _labels(chosen_on)))
    answers = fitted(*best, train).predict(_texts(test))
    metrics, _ = classification_metrics(_labels(test), [str(answer) for answer in answers], LABELS)
    return metrics


def fitted(longest: int, strength: float, rows: Sequence[dict[str, object]]) -> Pipeline:
    """Fit on phrases of up to `longest` words with the inverse penalty `strength`."""
    words = TfidfVectorizer(ngram_range=(1, longest), sublinear_tf=True)
    return make_pipeline(words, LogisticRegression(C=strength, max_iter=1_000)).fit(_texts(rows), _labels(rows))


def _texts(rows: Sequence[dict[str, object]]) -> list[str]:
    return [str(row["text"]) for row in rows]


def _labels(rows: Sequence[dict[str, object]]) -> list[str]:
    return [str(row["label"]) for row in rows]
