"""Predictor of extractive summaries: text -> its own best sentences in their order, ranked by a small ONNX model."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, cast

import numpy as np

from infolens.ml.onnx_session import open_session
from infolens.ml.sentence_features import MAX_SENTENCES, describe, read_article
from infolens.ml.sentence_selection import SelectionRules, cut_to, select
from infolens.ml.text_classifier import BundleConfigError
from infolens.ml.tokens import TextTokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

    from infolens.contracts.bundle import BundleManifest
    from infolens.ml.sentence_features import Article

PREDICTOR = "sentence_ranker"
"""Name of this predictor in a manifest."""

MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"

MAX_PIECES = 160
"""Tokens of one sentence that are looked at, the two special ones included; 80 words have fewer."""

_WORD = re.compile(r"[^\W_]+")


def distinct_words(sentence: str) -> list[str]:
    """Words of a sentence as length and repetition are measured: letters and digits of any script, in lower case."""
    return [word.casefold() for word in _WORD.findall(sentence)]


class SentenceRanker:
    """`infolens.contracts.task.Predictor` of extractive summaries. Each text runs alone: none depends on another."""

    def __init__(self, session: InferenceSession, tokens: TextTokens, rules: SelectionRules) -> None:
        """Take an open session, the bundle's tokenizer and the rules of selection."""
        self._session = session
        self._tokens = tokens
        self._rules = rules

    def predict(self, inputs: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
        """See Predictor: `{"summary", "kind", "sentences"}` for each `{"text"}`.

        "sentences" are the places of the chosen ones among `infolens.ml.sentences.sentences` of the text, from 0. The
        summary is never empty: a text has a character, and what has a character has a sentence.
        """
        return [self._answer(str(item["text"])) for item in inputs]

    def scores(self, inputs: Sequence[Mapping[str, object]]) -> NDArray[np.float32]:
        """See Predictor: each sentence's share of the chances, shape (inputs, MAX_SENTENCES), zeros behind the last.

        Every row sums to one, and its largest share is the sentence that is chosen first, so that parity's
        label flips count texts whose best sentence changed.
        """
        rows = np.zeros((len(inputs), MAX_SENTENCES), dtype=np.float32)
        for row, item in zip(rows, inputs, strict=True):
            chances, _ = self._ranked(read_article(str(item["text"])))
            row[: len(chances)] = chances / chances.sum()
        return rows

    def _ranked(self, article: Article) -> tuple[NDArray[np.float32], float]:
        """Chance of each sentence, and the wanted number of words."""
        chances, length = self._session.run(["chances", "length"], model_inputs(article, self._tokens))
        return cast("NDArray[np.float32]", chances[0]), math.exp(float(length[0]))

    def _answer(self, text: str) -> dict[str, object]:
        article = read_article(text)
        chances, target = self._ranked(article)
        words = [distinct_words(sentence) for sentence in article.sentences]
        tokens = [self._count(sentence) for sentence in article.sentences]
        chosen = select(chances.tolist(), words, tokens, target, self._rules)
        summary = " ".join(article.sentences[at] for at in chosen)
        return {
            "summary": cut_to(summary, self._rules.max_tokens, self._count),
            "kind": "extracted",
            "sentences": [article.places[at] for at in chosen],
        }

    def _count(self, text: str) -> int:
        return len(self._tokens.ids(text)) - 2  # less the two special ones


def model_inputs(article: Article, tokens: TextTokens) -> dict[str, NDArray[np.float32] | NDArray[np.int64]]:
    """Give the model's inputs for one article: "features" (1, sentences, features), "pieces" (1, sentences, pieces)."""
    pieces = [tokens.ids(sentence)[1:-1] for sentence in article.sentences]
    padded = np.zeros((1, len(pieces), max(1, *(len(line) for line in pieces), 1)), dtype=np.int64)
    for row, line in zip(padded[0], pieces, strict=True):
        row[: len(line)] = line
    return {"features": describe(article)[np.newaxis], "pieces": padded}


def load(directory: Path, manifest: BundleManifest, threads: int) -> SentenceRanker:
    """Open a bundle whose digest has been checked.

    Args:
        directory: the bundle.
        manifest: its manifest; `config` holds "rules" (SelectionRules).
        threads: threads of the session, see `onnx_session.cpu_share`.

    Raises:
        BundleConfigError: it is another predictor's bundle, or its config lacks a key.
    """
    if manifest.predictor != PREDICTOR:
        raise BundleConfigError(f"bundle is for predictor {manifest.predictor!r}, not {PREDICTOR!r}")
    try:
        rules = SelectionRules(**cast("dict[str, dict[str, int]]", manifest.config)["rules"])
    except (KeyError, TypeError) as error:
        raise BundleConfigError(f"manifest.json: config must hold 'rules' ({error})") from error
    tokens = TextTokens(directory / TOKENIZER_FILE, MAX_PIECES)
    return SentenceRanker(open_session(directory / MODEL_FILE, threads), tokens, rules)
