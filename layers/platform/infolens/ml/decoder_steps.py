"""Steps of a BART's decoder graph, which remember what was given: the graph's caches, and whose tokens lie in them.

Tokens of all beams lie behind each other in one cache, and each sees those of its own beam (tree attention: Miao et
al., SpecInfer, 2023). When beams change places nothing moves; where the graph writes into the caches in place, nothing
is copied at all.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from onnxruntime import OrtValue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from onnxruntime import InferenceSession, IOBinding

    from infolens.ml.decoding import Steps

    Crossing = Mapping[str, NDArray[np.float32 | np.int8]]

KEPT = "kept_"
"""Beginning of the names of a decoder's outputs that are its inputs of the rest of the name, in the same memory."""

_PAST = "past_"
"""Beginning of the names of inputs that are caches."""

_ROOM = 64
"""Tokens that a cache which is written in place has room for at first; it doubles."""

_DEAD = 32
"""Tokens of beams that ended, from which on reading them at each step takes longer than to move the others once."""


@dataclass(frozen=True)
class DecoderShape:
    """What the caches look like before the first token."""

    layers: int
    heads: int
    head_size: int

    @property
    def caches(self) -> list[str]:
        """Names of the caches."""
        return [f"{part}_{layer}" for layer in range(self.layers) for part in ("key", "value")]


def steps_over(decoder: InferenceSession, shape: DecoderShape, crossing: Crossing) -> Steps:
    """Begin steps of an open decoder graph over the encoder graph's outputs of one text, whichever kind it is of."""
    kind = TreeSteps if any(given.name == "seen" for given in decoder.get_inputs()) else CachedSteps
    return kind(decoder, shape, crossing)


class _Graph:
    """An open decoder graph; inputs that it hands back lie in the same memory as what it hands back, never copied."""

    def __init__(self, session: InferenceSession, given: dict[str, NDArray[Any]]) -> None:
        """Take the graph, and out of its inputs those that it hands back."""
        back = [one.name.removeprefix(KEPT) for one in session.get_outputs() if one.name.startswith(KEPT)]
        self._session = session
        self._memory = {name: given.pop(name) for name in back}
        self._binding = self._bound() if back else None

    def run(
        self, wanted: Sequence[str], inputs: Mapping[str, NDArray[Any]], queries: int, tokens: int = 0
    ) -> list[NDArray[Any]]:
        """Give the other outputs for the other inputs.

        Args:
            wanted: names of the outputs.
            inputs: by name.
            queries: tokens that are given.
            tokens: those that a cache which is written in place will hold.
        """
        if self._binding is None:
            return cast("list[NDArray[Any]]", self._session.run(wanted, inputs))
        if tokens > self._room or queries > self._text:
            self._memory = {name: _with_room(name, values, queries, tokens) for name, values in self._memory.items()}
            self._binding = self._bound()
        for name, value in inputs.items():
            self._binding.bind_cpu_input(name, value)
        for name in wanted:
            self._binding.bind_output(name)
        self._session.run_with_iobinding(self._binding)
        return [value.numpy() for value in self._binding.get_outputs()[-len(wanted) :]]

    def move(self, tokens: NDArray[np.int64]) -> None:
        """Put some tokens of the caches that are written in place, ascending, where their first ones lie."""
        for name, values in self._memory.items():
            if name.startswith(_PAST):
                values[:, :, : len(tokens)] = values[:, :, tokens]

    def _bound(self) -> IOBinding:
        past = [values.shape[2] for name, values in self._memory.items() if name.startswith(_PAST)]
        text = [values.shape[2] for name, values in self._memory.items() if not name.startswith(_PAST)]
        self._room, self._text = (min(lengths, default=sys.maxsize) for lengths in (past, text))
        binding = self._session.io_binding()
        for name, values in self._memory.items():
            held = OrtValue.ortvalue_from_numpy(values)
            binding.bind_ortvalue_input(name, held)
            binding.bind_ortvalue_output(KEPT + name, held)
        return binding


def _with_room(name: str, values: NDArray[Any], queries: int, tokens: int) -> NDArray[Any]:
    room = values.shape[2]
    if name.startswith(_PAST) and room < tokens:
        longer = np.zeros((*values.shape[:2], max(tokens, 2 * room), values.shape[3]), dtype=values.dtype)
        longer[:, :, :room] = values
        return longer
    if not name.startswith(_PAST) and room < queries:
        # The attention wants as many tokens as queries. Looking at all of a text twice gives what once gives.
        return np.concatenate([values] * -(-queries // room), axis=2)
    return values


class TreeSteps:
    """`infolens.ml.decoding.Steps` over a decoder graph that is told which tokens each token sees."""

    def __init__(self, decoder: InferenceSession, shape: DecoderShape, crossing: Crossing) -> None:
        """Take the open decoder graph and the encoder graph's outputs of one text."""
        self._paths = np.zeros((1, 0), dtype=np.int64)
        """Where the tokens of each beam lie in the caches, shape (beams, tokens)."""
        self._held = 0
        """Tokens in the caches, up to the last that a beam still has."""
        self._given: dict[str, NDArray[Any]] = dict(crossing)
        for name in shape.caches:
            self._given[_PAST + name] = np.zeros((1, shape.heads, _ROOM, shape.head_size), dtype=np.float32)
        self._graph = _Graph(decoder, self._given)
        self._longer = [name for name in shape.caches if _PAST + name in self._given]
        """Caches that the graph gives anew, longer."""

    def next_logits(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """See Steps."""
        beams, count = tokens.shape
        past, size = self._paths.shape[1], beams * count
        places = np.arange(self._held, self._held + size).reshape(beams, count)
        seen = np.full((beams, count, self._held + size), -np.inf, dtype=np.float32)
        np.put_along_axis(seen, self._paths[:, np.newaxis], 0.0, axis=2)
        for at in range(count):
            np.put_along_axis(seen[:, at:], places[:, at, np.newaxis, np.newaxis], 0.0, axis=2)
        logits = self._run(
            {
                "tokens": tokens.reshape(1, size),
                "places": np.tile(np.arange(past, past + count), beams)[np.newaxis],
                "seen": seen.reshape(1, 1, size, -1),
            }
        )
        self._paths = np.concatenate([self._paths, places], axis=1)
        self._held += size
        return logits.reshape(beams, count, -1)

    def follow(self, origins: Sequence[int]) -> None:
        """See Steps. Beams have most of their tokens in common; those that none has any more go when they are many."""
        self._paths = self._paths[list(origins)]
        alive = np.unique(self._paths)
        if self._held - len(alive) >= _DEAD:
            self._graph.move(alive)
            self._given |= {_PAST + name: self._given[_PAST + name][:, :, alive] for name in self._longer}
            self._paths = np.searchsorted(alive, self._paths)
            self._held = len(alive)

    def forget(self, count: int) -> None:
        """See Steps. What lies behind the last token that is left is written over."""
        self._paths = self._paths[:, : self._paths.shape[1] - count]
        self._held = int(self._paths.max(initial=-1)) + 1

    def _run(self, given: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        past = {_PAST + name: self._given[_PAST + name][:, :, : self._held] for name in self._longer}
        inputs = {**self._given, **past, **given}
        queries, tokens = given["seen"].shape[2:]
        logits, *longer = self._graph.run(["logits", *self._longer], inputs, queries, tokens)
        self._given |= {_PAST + name: value for name, value in zip(self._longer, longer, strict=True)}
        return cast("NDArray[np.float32]", logits)


class CachedSteps:
    """`infolens.ml.decoding.Steps` over a decoder graph whose caches have a row for each beam, as of ADR 23 and before.

    The oldest of them take one token a call and are told its position.
    """

    def __init__(self, decoder: InferenceSession, shape: DecoderShape, crossing: Crossing) -> None:
        """Take the open decoder graph and the encoder graph's outputs of one text."""
        self._given: dict[str, NDArray[Any]] = dict(crossing)
        self._one_by_one = any(given.name == "token" for given in decoder.get_inputs())
        self._kept = shape.caches
        nothing = np.zeros((1, shape.heads, 0, shape.head_size), dtype=np.float32)
        self._given |= {_PAST + name: nothing for name in self._kept}
        self._graph = _Graph(decoder, self._given)

    def next_logits(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """See Steps."""
        if self._one_by_one:
            return np.stack([self._step(self._position(tokens[:, at])) for at in range(tokens.shape[1])], axis=1)
        return self._step({"tokens": tokens})

    def _position(self, token: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        past = self._given[_PAST + self._kept[0]].shape[2]
        return {"token": token[:, np.newaxis], "position": np.array([past], dtype=np.int64)}

    def _step(self, given: Mapping[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        queries = next(iter(given.values())).size
        logits, *kept = self._graph.run(["logits", *self._kept], {**self._given, **given}, queries)
        self._given |= {_PAST + name: value for name, value in zip(self._kept, kept, strict=True)}
        return cast("NDArray[np.float32]", logits)

    def follow(self, origins: Sequence[int]) -> None:
        """See Steps. The encoder graph's outputs are one row for all beams, so they stay where they are."""
        self._change(lambda kept: kept[list(origins)])

    def forget(self, count: int) -> None:
        """See Steps."""
        self._change(lambda kept: np.ascontiguousarray(kept[:, :, : kept.shape[2] - count]))

    def _change(self, change: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> None:
        self._given |= {name: change(cast("Any", self._given[name])) for name in map(_PAST.__add__, self._kept)}
