"""Turns texts into token ids for serving, with the `tokenizers` library alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class TextTokens:
    """A tokenizer.json with truncation set and padding off."""

    def __init__(self, path: Path, max_tokens: int) -> None:
        """Read tokenizer.json; a text gives at most `max_tokens` ids, special ones included."""
        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.enable_truncation(max_tokens)
        self._tokenizer.no_padding()
        # Characters cannot outnumber this and still matter: most tokens are shorter than 16 characters. Cutting first
        # keeps a text of 12,000 characters from being tokenised to its end for 128 tokens.
        self._max_characters = max_tokens * 16

    @property
    def vocabulary(self) -> int:
        """Number of tokens that have an id."""
        return int(self._tokenizer.get_vocab_size())

    def ids(self, text: str) -> NDArray[np.int64]:
        """Token ids of one text, shape (tokens,)."""
        return np.asarray(self._tokenizer.encode(text[: self._max_characters]).ids, dtype=np.int64)
