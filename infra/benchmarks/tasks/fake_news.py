"""How fake_news is measured: public news articles, and TF-IDF with logistic regression beside the model.

The baseline sees the texts as the model does, without the marks that tell where they were taken from; it reads all of
each text. Its F1 on the marker slices is that of the model's own metrics, so the two can be compared there too.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from infolens.rows.source_marks import without_source_marks
from infolens.tasks.fake_news.metrics import evaluate

if TYPE_CHECKING:
    from collections.abc import Sequence

FILES = ("fake_news/news_articles.csv.gz",)
HEADLINE = "f1"
BASELINE = "TF-IDF + logistic regression"

WORDS = r"(?u)\b\w\w+\b"  # the library's own
WORDS_AND_MARKS = r"(?u)\w+|[^\w\s]"  # exclamation and question marks tell


def baseline(train: list[dict[str, object]], test: list[dict[str, object]]) -> dict[str, float]:
    """Metrics on `test` of the setting that does best on every eighth row of `train`, fitted again on all of it."""
    chosen_on, rest = train[::8], [row for number, row in enumerate(train) if number % 8]
    settings = [Setting(*one) for one in itertools.product((WORDS, WORDS_AND_MARKS), (1, 2), (10.0, 50.0))]
    best = max(settings, key=lambda setting: fitted(setting, rest).score(texts(chosen_on), labels(chosen_on)))
    answers = fitted(best, train).predict(texts(test))
    metrics, slices = evaluate(test, [{"label": str(answer)} for answer in answers])
    return metrics | {
        f"{name} {where}": slices[where][name]
        for where in ("marker=removed", "marker=planted")
        if where in slices
        for name in ("f1", "macro_f1")
    }


class Setting(NamedTuple):
    """What is tried."""

    tokens: str
    """Expression of what counts as a word."""
    longest: int
    """Words of the longest phrase."""
    strength: float
    """Inverse penalty."""


def fitted(setting: Setting, rows: Sequence[dict[str, object]]) -> Pipeline:
    """Fit one setting."""
    words = TfidfVectorizer(ngram_range=(1, setting.longest), sublinear_tf=True, token_pattern=setting.tokens)
    return make_pipeline(words, LogisticRegression(C=setting.strength, max_iter=1_000)).fit(texts(rows), labels(rows))


def texts(rows: Sequence[dict[str, object]]) -> list[str]:
    """Give the rows' texts as the model sees them."""
    return [without_source_marks(str(row["text"])) for row in rows]


def labels(rows: Sequence[dict[str, object]]) -> list[str]:
    """Give the rows' labels."""
    return [str(row["label"]) for row in rows]
