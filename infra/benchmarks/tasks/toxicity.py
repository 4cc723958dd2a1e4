"""How toxicity is measured: Jigsaw's raw comments, and TF-IDF with logistic regression beside the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from infolens.tasks.toxicity.metrics import evaluate
from infolens.tasks.toxicity.schema import LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

FILES = ("toxic_comments/jigsaw_binary.csv.gz",)
HEADLINE = "roc_auc"
BASELINE = "TF-IDF + LR"


def baseline(train: Sequence[dict[str, object]], test: Sequence[dict[str, object]]) -> dict[str, float]:
    """Metrics of TF-IDF over words and pairs of words with a logistic regression, at its own threshold of a half."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    model = LogisticRegression(C=10.0, max_iter=1_000, class_weight="balanced")
    model.fit(words.fit_transform(str(one["text"]) for one in train), [str(one["label"]) for one in train])
    toxic = list(model.classes_).index(LABELS[1])
    scores = model.predict_proba(words.transform(str(one["text"]) for one in test))[:, toxic]
    metrics, _ = evaluate(test, [{"label": LABELS[int(score >= 0.5)], "toxicity": float(score)} for score in scores])
    return metrics
