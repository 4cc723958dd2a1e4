"""What the peers share: the same tokenizer, and pooling with the class head for those that end at the encoder."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class Tokens:
    """Text -> ids; as the project's own, with the `tokenizers` library."""

    def __init__(self, folder: Path) -> None:
        """Read tokenizer.json."""
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))

    def ids(self, text: str) -> NDArray[np.int64]:
        """Ids of one text, shape (1, tokens)."""
        return np.array([self._tokenizer.encode(text).ids], dtype=np.int64)

    def words(self, text: str) -> list[str]:
        """Names of the tokens of one text."""
        return list(self._tokenizer.encode(text).tokens)

    def id_of(self, token: str) -> int:
        """Id of a token by its name."""
        return int(self._tokenizer.token_to_id(token))


class Head:
    """Mean over the tokens of one text, or the first one, then linear layer and softmax."""

    def __init__(self, folder: Path) -> None:
        """Read head.npz."""
        head = np.load(folder / "head.npz")
        self._weight, self._bias = head["weight"].T.copy(), head["bias"]
        self.first = bool(head["first"])

    def __call__(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities, shape (1, labels), of states of shape (1, tokens, width)."""
        pooled = states[:, 0] if self.first else states.mean(axis=1)
        return softmax(pooled @ self._weight + self._bias)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def versions(*names: str) -> dict[str, str]:
    """Versions of the libraries that answer."""
    return {name: importlib.metadata.version(name) for name in names}
