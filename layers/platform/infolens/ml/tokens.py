"""Turns texts into token ids and back, in training and serving alike, with the `tokenizers` library alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer

from infolens.ml.sentences import last_sentence_end

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


class TextTokens:
    """A tokenizer.json with truncation set and padding off."""

    def __init__(self, path: Path, max_tokens: int, *, sentence_ends: bool = False) -> None:
        """Read tokenizer.json; a text gives at most `max_tokens` ids, special ones included.

        Args:
            path: tokenizer.json.
            max_tokens: what is longer is cut.
            sentence_ends: cut behind the last whole sentence, where that keeps half of the ids; else at the last id.
                Half a sentence at the end would be copied into a summary as it is.
        """
        self._sentence_ends = sentence_ends
        self._least = max_tokens // 2
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
        given = text[: self._max_characters]
        encoded = self._tokenizer.encode(given)
        ids = np.asarray(encoded.ids, dtype=np.int64)
        if not self._sentence_ends or not encoded.overflowing:
            return ids
        ends = np.asarray(encoded.offsets)[:, 1]
        # Special tokens stand for no characters and stay; so do both marks around a shortened text.
        kept = ids[ends <= last_sentence_end(given, int(ends.max()))]
        return kept if len(kept) >= self._least else ids

    def text(self, ids: Sequence[int]) -> str:
        """Text of token ids, special ones left out."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))
