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


TOKENS_TOGETHER = 512
"""Tokens that one run of the graph takes at most where it takes several texts: no more memory than one long text."""


class BundleConfigError(ValueError):
    """A bundle's manifest lacks what its predictor needs."""


class TextClassifier:
    """`infolens.contracts.task.Predictor` of text classifiers.

    Nothing is padded. Texts of one length run together where the bundle's scales are fixed, and get the answers that
    they get alone (ADR 0022). Of a bundle without, each text runs alone: dynamic int8 takes one scale per tensor, and
    would make an answer depend on the texts that happen to travel with it.
    """

    def __init__(
        self, session: InferenceSession, tokens: TextTokens, labels: Sequence[str], *, together: bool = False
    ) -> None:
        """Take an open session, the bundle's tokenizer and the labels in the order of their ids.

        Args:
            session: of the bundle's graph.
            tokens: of the bundle's tokenizer.
            labels: in the order of their ids.
            together: several texts may run at once.
        """
        self._session = session
        self._tokens = tokens
        self._labels = tuple(labels)
        self._together = together
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
        texts = [self._tokens.ids(cast("str", item["text"])) for item in inputs]
        scores = np.empty((len(texts), len(self._labels)), dtype=np.float32)
        for rows in runs([len(ids) for ids in texts], TOKENS_TOGETHER if self._together else 0):
            scores[rows] = self._probabilities(np.stack([texts[row] for row in rows]))
        return scores

    def _probabilities(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        mask = {"attention_mask": np.ones_like(ids)} if self._masked else {}
        return softmax(self._session.run(["logits"], {"input_ids": ids} | mask)[0])


def runs(lengths: Sequence[int], most: int) -> list[list[int]]:
    """Say which texts run together: of one length, and of at most `most` tokens in all, or one alone.

    Args:
        lengths: tokens of each text.
        most: tokens of one run.
    """
    open_runs: dict[int, list[int]] = {}
    made: list[list[int]] = []
    for row, length in enumerate(lengths):
        run = open_runs.get(length)
        if run is None or (len(run) + 1) * length > most:
            run = open_runs[length] = []
            made.append(run)
        run.append(row)
    return made


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of logits over the last axis, without overflow."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return cast("NDArray[np.float32]", (shifted / shifted.sum(axis=-1, keepdims=True)).astype(np.float32))


def load(directory: Path, manifest: BundleManifest, threads: int) -> TextClassifier:
    """Open a bundle whose digest has been checked.

    Args:
        directory: the bundle.
        manifest: its manifest; `config` holds "labels" and "max_tokens", "sentence_ends" where texts are cut there, and
            "together" where several texts may run at once.
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
    together = manifest.config.get("together") is True
    return TextClassifier(session, tokens, [str(name) for name in labels], together=together)
