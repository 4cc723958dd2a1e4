"""CTranslate2's encoder, int8, with pooling and class head behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ctranslate2
import numpy as np
from texts import Head, Tokens, versions

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class Engine:
    """Text in, probabilities out."""

    def __init__(self, variant: str, model: str, folder: Path, threads: int) -> None:
        """Load the encoder."""
        source = folder / model / "ctranslate2"
        self._encoder = ctranslate2.Encoder(
            str(source), device="cpu", compute_type=variant, inter_threads=1, intra_threads=threads
        )
        self._tokens, self._head = Tokens(source), Head(source)
        self.files = [source / "model.bin"]
        self.versions = versions("ctranslate2")

    def answer(self, item: dict[str, Any]) -> NDArray[np.float32]:
        """Answer one text."""
        states = self._encoder.forward_batch(self._tokens.ids(item["text"]).tolist()).last_hidden_state
        return self._head(np.array(states))

    def outcome(self, item: dict[str, Any]) -> list[float]:
        """Probabilities of one text."""
        return [float(value) for value in self.answer(item)[0]]
