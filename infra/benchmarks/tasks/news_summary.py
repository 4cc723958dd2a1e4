"""How news_summary is measured: three public sets of very different styles, against the first three sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from infolens.ml.sentence_features import read_article
from infolens.tasks.news_summary.metrics import LEAD, evaluate, lead

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FILES = (
    "summarisation/bbc_news_summary.csv.gz",
    "summarisation/cnn_dailymail.csv.gz",
    "summarisation/inshorts_news_summary.csv.gz",
)
HEADLINE = "rouge_l"
BASELINE = "lead-3"


def baseline(train: Sequence[Mapping[str, object]], test: Sequence[Mapping[str, object]]) -> dict[str, float]:
    """Measure lead-3, the usual baseline of news and the harder one, and beside it the classical ranking by words.

    centroid_rouge_l is of the three sentences that are nearest to the article's mean TF-IDF vector (Radev et al. 2004),
    in their order; document frequencies come from the train rows.
    """
    leads, _ = evaluate(test, [{"summary": lead(str(row["text"]))} for row in test])
    vectors = TfidfVectorizer(sublinear_tf=True, stop_words="english").fit([str(row["text"]) for row in train])
    central, _ = evaluate(test, [{"summary": _central(str(row["text"]), vectors)} for row in test])
    return leads | {"centroid_rouge_l": central["rouge_l"]}


def _central(text: str, vectors: TfidfVectorizer) -> str:
    sentences = read_article(text).sentences
    rows = vectors.transform(sentences)
    nearness = np.asarray(rows @ rows.mean(axis=0).T).ravel()
    return " ".join(sentences[at] for at in sorted(np.argsort(-nearness, kind="stable")[:LEAD]))
