"""Predictor of encoder-decoders (BART): text -> written summary, from an encoder graph and a decoder graph with caches.

The encoder graph also gives the keys and values that the decoder's cross attention needs of each layer, so they are
computed once for a text, not once for a token; the decoder graph takes one token or several, what it kept of those
before, and gives the logits after each with what is to be kept. Nothing but numpy, onnxruntime and tokenizers (S0-23,
S0-31).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from infolens.ml.decoder_steps import DecoderShape, steps_over
from infolens.ml.decoding import DecodingRules, write
from infolens.ml.onnx_session import open_session
from infolens.ml.sentences import sentences
from infolens.ml.text_classifier import BundleConfigError, softmax
from infolens.ml.tokens import TextTokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

    from infolens.contracts.bundle import BundleManifest
    from infolens.ml.decoding import Steps

PREDICTOR = "encoder_decoder"
"""Name of this predictor in a manifest."""

ENCODER_FILE = "encoder.onnx"
DECODER_FILE = "decoder.onnx"
TOKENIZER_FILE = "tokenizer.json"

PROBE_TOKENS = 16
PROBE_BUCKETS = 256
"""Scores for parity: what the decoder would write after the first 16 tokens of the text itself, probabilities summed
over 256 groups of token ids (id modulo 256). So they pass through the encoder, the cross attention and sixteen rounds
of the caches, do not depend on a word that int8 would choose differently, and stay small for a vocabulary of 50,000."""


class EncoderDecoder:
    """`infolens.contracts.task.Predictor` of written summaries. Each text runs alone: none depends on another."""

    def __init__(
        self,
        sessions: tuple[InferenceSession, InferenceSession],
        tokens: TextTokens,
        shape: DecoderShape,
        rules: DecodingRules,
    ) -> None:
        """Take the open encoder and decoder graphs, the bundle's tokens as `open_tokens` reads them, and the config."""
        self._encoder, self._decoder = sessions
        self._tokens = tokens
        self._shape = shape
        self._rules = rules
        self._crossing = [f"cross_{part}_{layer}" for layer in range(shape.layers) for part in ("key", "value")]

    def predict(self, inputs: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
        """See Predictor: `{"summary", "kind", "sentences"}` for each `{"text"}`.

        "sentences" are the places of the article's sentences that the summary is made of: none, since it was written.
        A model that ends before it wrote a word gives no empty summary: the first sentence stands in, as "kind" says.
        """
        return [self._answer(str(item["text"])) for item in inputs]

    def tokens(self, text: str) -> list[int]:
        """Token ids of the summary of one text, special ones included, start and end left out."""
        ids = self._tokens.ids(text)
        return write(self._steps(ids), self._rules, ids.tolist())

    def scores(self, inputs: Sequence[Mapping[str, object]]) -> NDArray[np.float32]:
        """See Predictor: shape (inputs, PROBE_BUCKETS); every row sums to one, see PROBE_TOKENS."""
        rows = np.zeros((len(inputs), PROBE_BUCKETS), dtype=np.float32)
        for at, item in enumerate(inputs):
            ids = self._tokens.ids(str(item["text"]))
            steps = self._steps(ids)
            for token in (self._rules.start_id, *ids[:PROBE_TOKENS].tolist()):
                logits = steps.next_logits(np.array([[token]], dtype=np.int64))
            rows[at] = folded(logits[0, -1])
        return rows

    def _answer(self, text: str) -> dict[str, object]:
        summary = " ".join(self._tokens.text(self.tokens(text)).split())
        if any(map(str.isalnum, summary)):
            return {"summary": summary, "kind": "written", "sentences": []}
        return {"summary": (sentences(text) or [text])[0], "kind": "first_sentence", "sentences": [0]}

    def _steps(self, ids: NDArray[np.int64]) -> Steps:
        crossing = self._encoder.run(self._crossing, {"input_ids": ids[np.newaxis]})
        return steps_over(self._decoder, self._shape, dict(zip(self._crossing, crossing, strict=True)))


def folded(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum the probabilities of logits, shape (vocabulary,), over PROBE_BUCKETS groups of ids."""
    probabilities = softmax(logits)
    groups = np.arange(len(probabilities)) % PROBE_BUCKETS
    return np.bincount(groups, probabilities, PROBE_BUCKETS).astype(np.float32)


def open_tokens(path: Path, max_input: int) -> TextTokens:
    """Read tokenizer.json for articles, which end with a whole sentence within `max_input` ids (S0-23: 1024)."""
    return TextTokens(path, max_input, sentence_ends=True)


def load(directory: Path, manifest: BundleManifest, threads: int) -> EncoderDecoder:
    """Open a bundle whose digest has been checked.

    Args:
        directory: the bundle.
        manifest: its manifest; `config` holds "max_input", "decoder" (DecoderShape) and "rules" (DecodingRules).
        threads: threads of a session, see `onnx_session.cpu_share`.

    Raises:
        BundleConfigError: it is another predictor's bundle, or its config lacks a key.
    """
    if manifest.predictor != PREDICTOR:
        raise BundleConfigError(f"bundle is for predictor {manifest.predictor!r}, not {PREDICTOR!r}")
    try:
        config = cast("dict[str, dict[str, Any]]", manifest.config)
        shape, rules = DecoderShape(**config["decoder"]), DecodingRules(**config["rules"])
        max_input = int(cast("int", manifest.config["max_input"]))
    except (KeyError, TypeError) as error:
        raise BundleConfigError(
            f"manifest.json: config must hold 'max_input', 'decoder' and 'rules' ({error})"
        ) from error
    sessions = tuple(open_session(directory / name, threads) for name in (ENCODER_FILE, DECODER_FILE))
    tokens = open_tokens(directory / TOKENIZER_FILE, max_input)
    return EncoderDecoder((sessions[0], sessions[1]), tokens, shape, rules)
