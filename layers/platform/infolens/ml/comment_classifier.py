"""Predictor of two-class texts with a threshold: comment -> label, confidence and score, whatever the comment's length.

Nothing of a long comment is cut off unseen: a model of words takes all of them, an encoder with a limit on its tokens
looks at overlapping windows, of which the most suspicious one decides.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from tokenizers import Tokenizer

from infolens.ml.comment_words import WordShape, encode_terms, encode_words, words_of
from infolens.ml.onnx_session import open_session
from infolens.ml.text_classifier import MODEL_FILE, TOKENIZER_FILE, BundleConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

    from infolens.contracts.bundle import BundleManifest

    Feed = dict[str, NDArray[np.int64] | NDArray[np.float32]]

PREDICTOR = "comment_classifier"
"""Name of this predictor in a manifest."""

WORDS, WINDOWS = "words", "windows"
"""Values of `config["input"]`: what the model is fed."""


class Encoding(Protocol):
    """Turns one text into what the model is run on, once or more often; the highest logit counts."""

    def feeds(self, text: str) -> list[Feed]:
        """Inputs of the model, one for each run; at least one."""


class WordPieces:
    """The text as words, each as its pieces, and as its terms (`comment_words`)."""

    def __init__(self, shape: WordShape) -> None:
        """Take the sizes that the model was trained with."""
        self._shape = shape

    def feeds(self, text: str) -> list[Feed]:
        """See Encoding: pieces, shape (words, pieces), marks, shape (words,), terms and weights, shape (terms,)."""
        words = words_of(text)
        pieces, marks = encode_words(words, self._shape)
        terms, weights = encode_terms(words, self._shape)
        return [{"pieces": pieces, "marks": marks, "terms": terms, "weights": weights}]


class TokenWindows:
    """The text as overlapping windows of tokens."""

    def __init__(self, path: Path, tokens: int, overlap: int) -> None:
        """Read tokenizer.json; a window has at most `tokens` ids, special ones included."""
        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.enable_truncation(tokens, stride=overlap)
        self._tokenizer.no_padding()

    @property
    def vocabulary(self) -> int:
        """Number of tokens that have an id."""
        return int(self._tokenizer.get_vocab_size())

    def ids(self, text: str) -> list[NDArray[np.int64]]:
        """Token ids of each window, shape (tokens,)."""
        first = self._tokenizer.encode(text)
        return [np.asarray(one.ids, dtype=np.int64) for one in (first, *first.overflowing)]

    def feeds(self, text: str) -> list[Feed]:
        """See Encoding: "input_ids" and "attention_mask", shape (1, tokens)."""
        return [
            {"input_ids": ids[np.newaxis], "attention_mask": np.ones((1, len(ids)), np.int64)} for ids in self.ids(text)
        ]


class CommentClassifier:
    """`infolens.contracts.task.Predictor` of comments; each text runs alone, so that no answer hangs on its company."""

    def __init__(
        self, session: InferenceSession, encoding: Encoding, labels: tuple[str, str], threshold: float, score: str
    ) -> None:
        """Put the parts together.

        Args:
            session: an open model with the output "logit".
            encoding: what the model is fed.
            labels: names of ids 0 and 1.
            threshold: probability from which a text is called `labels[1]`, above 0 and below 1.
            score: field of the answer that gets the probability.
        """
        self._session = session
        self._encoding = encoding
        self._labels = labels
        self._threshold = threshold
        self._score = score

    def predict(self, inputs: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
        """See Predictor: `{"label_id", "label", "confidence", <score>}` for each `{"text"}`.

        The score is the probability of labels[1] as trained, the confidence that of the label as against the
        threshold: a half at the threshold itself.
        """
        probabilities = self._probabilities(inputs)
        decided = against_threshold(probabilities, self._threshold)
        return [
            {
                "label_id": int(one[1] >= one[0]),
                "label": self._labels[int(one[1] >= one[0])],
                "confidence": round(float(one.max()), 6),
                self._score: round(float(probability), 6),
            }
            for one, probability in zip(decided, probabilities, strict=True)
        ]

    def scores(self, inputs: Sequence[Mapping[str, object]]) -> NDArray[np.float32]:
        """See Predictor: confidences of both labels, shape (inputs, 2); the greater one is the answer."""
        return against_threshold(self._probabilities(inputs), self._threshold)

    def _probabilities(self, inputs: Sequence[Mapping[str, object]]) -> NDArray[np.float64]:
        return np.array([probability(self._logit(cast("str", item["text"]))) for item in inputs], dtype=np.float64)

    def _logit(self, text: str) -> float:
        return max(float(self._session.run(["logit"], feed)[0].item()) for feed in self._encoding.feeds(text))


def probability(logit: float) -> float:
    """Give the logistic function without overflow."""
    return 0.5 * (1.0 + math.tanh(0.5 * logit))


def against_threshold(probabilities: NDArray[np.float64], threshold: float) -> NDArray[np.float32]:
    """Move the odds so that the threshold becomes a half -> confidences of both labels, shape (texts, 2)."""
    held = threshold * (1.0 - probabilities)
    passed = probabilities * (1.0 - threshold)
    return (np.stack([held, passed], axis=1) / (held + passed)[:, np.newaxis]).astype(np.float32)


def load(directory: Path, manifest: BundleManifest, threads: int, score: str) -> CommentClassifier:
    """Open a bundle whose digest has been checked.

    Args:
        directory: the bundle.
        manifest: its manifest; `config` holds "labels", "threshold", "input" and the sizes of that input.
        threads: threads of the session, see `onnx_session.cpu_share`.
        score: field of the answer that gets the probability.

    Raises:
        BundleConfigError: it is another predictor's bundle, or its config lacks something.
    """
    if manifest.predictor != PREDICTOR:
        raise BundleConfigError(f"bundle is for predictor {manifest.predictor!r}, not {PREDICTOR!r}")
    config = manifest.config
    labels, threshold = config.get("labels"), config.get("threshold")
    if not isinstance(labels, list) or len(labels) != 2:
        raise BundleConfigError("manifest.json: config must hold two 'labels'")
    if not isinstance(threshold, float) or not 0.0 < threshold < 1.0:
        raise BundleConfigError("manifest.json: config must hold a 'threshold' above 0 and below 1")
    encoding = encoding_of(config, directory)
    session = open_session(directory / MODEL_FILE, threads)
    return CommentClassifier(session, encoding, (str(labels[0]), str(labels[1])), threshold, score)


def encoding_of(config: Mapping[str, object], directory: Path) -> Encoding:
    """Make the encoding that a bundle's config names.

    Raises:
        BundleConfigError: it names none that is known, or a size is missing.
    """
    kind = config.get("input")
    if kind == WORDS:
        return WordPieces(WordShape(_size(config, "buckets"), _size(config, "pieces"), _size(config, "words")))
    if kind == WINDOWS:
        return TokenWindows(directory / TOKENIZER_FILE, _size(config, "tokens"), _size(config, "overlap"))
    raise BundleConfigError(f"manifest.json: config names the input {kind!r}; known: {WORDS}, {WINDOWS}")


def _size(config: Mapping[str, object], name: str) -> int:
    size = config.get(name)
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise BundleConfigError(f"manifest.json: config must hold a number {name!r}")
    return size
