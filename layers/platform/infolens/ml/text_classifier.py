"""Predictor of text classifiers: text -> label id, label and confidence, from an ONNX encoder with a class head."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from infolens.ml.onnx_session import open_session
from infolens.ml.tokens import TextTokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

    from infolens.contracts.bundle import BundleManifest

PREDICTOR = "text_classifier"
"""Name of this predictor in a manifest."""

MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"


class BundleConfigError(ValueError):
    """A bundle's manifest lacks what its predictor needs."""


class TextClassifier:
    """`infolens.contracts.task.Predictor` of text classifiers.

    Each text runs alone. Batches gain under a tenth on CPU (PERFORMANCE.md, A.3), pad the short texts to the longest,
    and, as dynamic int8 takes one scale per tensor, would make an answer depend on the texts that happen to travel
    with it.
    """

    def __init__(self, session: InferenceSession, tokens: TextTokens, labels: Sequence[str]) -> None:
        """Take an open session, the bundle's tokenizer and the labels in the order of their ids."""
        self._session = session
        self._tokens = tokens
        self._labels = tuple(labels)
        # Bundles of before ADR 0018 ask for a mask, of which nothing is ever masked.
        self._masked = any(given.name == "attention_mask" for given in session.get_inputs())

    def predict(self, inputs: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
        """See Predictor: `{"label_id", "label", "confidence"}` for each `{"text"}`."""
        probabilities = self.scores(inputs)
        ids = probabilities.argmax(axis=1)
        return [
            {"label_id": int(i), "label": self._labels[i], "confidence": round(float(row[i]), 6)}
            for i, row in zip(ids, probabilities, strict=True)
        ]

    def scores(self, inputs: Sequence[Mapping[str, object]]) -> NDArray[np.float32]:
        """See Predictor: probabilities, shape (inputs, labels); every row sums to one."""
        if not inputs:
            return np.empty((0, len(self._labels)), dtype=np.float32)
        return np.concatenate([self._probabilities(cast("str", item["text"])) for item in inputs])

    def _probabilities(self, text: str) -> NDArray[np.float32]:
        ids = self._tokens.ids(text)[np.newaxis]
        mask = {"attention_mask": np.ones_like(ids)} if self._masked else {}
        return softmax(self._session.run(["logits"], {"input_ids": ids} | mask)[0])


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of logits over the last axis, without overflow."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return cast("NDArray[np.float32]", (shifted / shifted.sum(axis=-1, keepdims=True)).astype(np.float32))


def load(directory: Path, manifest: BundleManifest, threads: int) -> TextClassifier:
    """Open a bundle whose digest has been checked.

    Args:
        directory: the bundle.
        manifest: its manifest; `config` holds "labels" and "max_tokens", and "sentence_ends" where texts are cut there.
        threads: threads of the session, see `onnx_session.cpu_share`.

    Raises:
        BundleConfigError: it is another predictor's bundle, or its config lacks a key.
    """
    if manifest.predictor != PREDICTOR:
        raise BundleConfigError(f"bundle is for predictor {manifest.predictor!r}, not {PREDICTOR!r}")
    labels, max_tokens = manifest.config.get("labels"), manifest.config.get("max_tokens")
    if not isinstance(labels, list) or not isinstance(max_tokens, int):
        raise BundleConfigError("manifest.json: config must hold a list 'labels' and a number 'max_tokens'")
    session = open_session(directory / MODEL_FILE, threads)
    ends = manifest.config.get("sentence_ends") is True
    tokens = TextTokens(directory / TOKENIZER_FILE, max_tokens, sentence_ends=ends)
    return TextClassifier(session, tokens, [str(name) for name in labels])
