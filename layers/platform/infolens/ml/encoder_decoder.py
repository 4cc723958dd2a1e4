"""Predictor of encoder-decoders (BART): text -> written summary, from an encoder graph and a decoder graph with caches.

The encoder graph also gives the keys and values that the decoder's cross attention needs of each layer, so they are
computed once for a text, not once for a token; the decoder graph takes one token or several, what it kept of those
before, and gives the logits after each with what is to be kept. Nothing but numpy, onnxruntime and tokenizers (S0-23,
S0-31).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from onnxruntime import OrtValue

from infolens.ml.decoding import DecodingRules, write
from infolens.ml.onnx_session import open_session
from infolens.ml.sentences import sentences
from infolens.ml.text_classifier import BundleConfigError, softmax
from infolens.ml.tokens import TextTokens

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from onnxruntime import InferenceSession, IOBinding

    from infolens.contracts.bundle import BundleManifest

PREDICTOR = "encoder_decoder"
"""Name of this predictor in a manifest."""

ENCODER_FILE = "encoder.onnx"
DECODER_FILE = "decoder.onnx"
TOKENIZER_FILE = "tokenizer.json"

KEPT = "kept_"
"""Beginning of the names of a decoder's outputs that are its inputs of the rest of the name, in the same memory."""

PROBE_TOKENS = 16
PROBE_BUCKETS = 256
"""Scores for parity: what the decoder would write after the first 16 tokens of the text itself, probabilities summed
over 256 groups of token ids (id modulo 256). So they pass through the encoder, the cross attention and sixteen rounds
of the caches, do not depend on a word that int8 would choose differently, and stay small for a vocabulary of 50,000."""


@dataclass(frozen=True)
class DecoderShape:
    """What the caches look like before the first token."""

    layers: int
    heads: int
    head_size: int


class CachedSteps:
    """`infolens.ml.decoding.Steps` over the decoder graph."""

    def __init__(
        self, decoder: InferenceSession, shape: DecoderShape, crossing: Mapping[str, NDArray[np.float32 | np.int8]]
    ) -> None:
        """Take the open decoder graph and the encoder graph's outputs of one text."""
        self._decoder = decoder
        self._given: dict[str, NDArray[Any]] = dict(crossing)
        self._one_by_one = any(given.name == "token" for given in decoder.get_inputs())
        self._kept = [name for layer in range(shape.layers) for name in (f"key_{layer}", f"value_{layer}")]
        nothing = np.zeros((1, shape.heads, 0, shape.head_size), dtype=np.float32)
        self._given |= {f"past_{name}": nothing for name in self._kept}
        shared = [one.name.removeprefix(KEPT) for one in decoder.get_outputs() if one.name.startswith(KEPT)]
        self._shared = {name: self._given.pop(name) for name in shared}
        self._binding = self._bound() if shared else None

    def next_logits(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """See Steps. Decoders of before lookup decoding take one token a call and are told its position."""
        if self._one_by_one:
            return np.stack([self._step(self._position(tokens[:, at])) for at in range(tokens.shape[1])], axis=1)
        return self._step({"tokens": tokens})

    def _position(self, token: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        past = self._given[f"past_{self._kept[0]}"].shape[2]
        return {"token": token[:, np.newaxis], "position": np.array([past], dtype=np.int64)}

    def _step(self, given: Mapping[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        wanted = ["logits", *self._kept]
        inputs = {**self._given, **given}
        if self._binding is None:
            logits, *kept = self._decoder.run(wanted, inputs)
        else:
            logits, *kept = self._bound_step(self._binding, wanted, inputs, given["tokens"].size)
        self._given |= {f"past_{name}": value for name, value in zip(self._kept, kept, strict=True)}
        return cast("NDArray[np.float32]", logits)

    def _bound_step(
        self, binding: IOBinding, wanted: Sequence[str], inputs: Mapping[str, NDArray[Any]], queries: int
    ) -> list[NDArray[Any]]:
        tokens = next(iter(self._shared.values())).shape[2]
        if tokens < queries:
            # The attention wants as many tokens as queries. Looking at all of a text twice gives what once gives.
            again = -(-queries // tokens)
            self._shared = {name: np.concatenate([value] * again, axis=2) for name, value in self._shared.items()}
            binding = self._binding = self._bound()
        for name, value in inputs.items():
            binding.bind_cpu_input(name, value)
        for name in wanted:
            binding.bind_output(name)
        self._decoder.run_with_iobinding(binding)
        found = binding.get_outputs()[-len(wanted) :]
        return [value.numpy() for value in found]

    def _bound(self) -> IOBinding:
        """Give what the decoder hands back as both its input and its output, so that nothing of it is copied."""
        binding = self._decoder.io_binding()
        for name, value in self._shared.items():
            memory = OrtValue.ortvalue_from_numpy(value)
            binding.bind_ortvalue_input(name, memory)
            binding.bind_ortvalue_output(KEPT + name, memory)
        return binding

    def follow(self, origins: Sequence[int]) -> None:
        """See Steps. The encoder graph's outputs are one row for all beams, so they stay where they are."""
        self._change(lambda kept: kept[list(origins)])

    def forget(self, count: int) -> None:
        """See Steps."""
        self._change(lambda kept: np.ascontiguousarray(kept[:, :, : kept.shape[2] - count]))

    def _change(self, change: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> None:
        self._given |= {name: change(cast("Any", self._given[name])) for name in map("past_{}".format, self._kept)}


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

    def _steps(self, ids: NDArray[np.int64]) -> CachedSteps:
        crossing = self._encoder.run(self._crossing, {"input_ids": ids[np.newaxis]})
        return CachedSteps(self._decoder, self._shape, dict(zip(self._crossing, crossing, strict=True)))


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
