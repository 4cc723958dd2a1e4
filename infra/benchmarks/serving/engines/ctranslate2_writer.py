"""CTranslate2's encoder-decoder, int8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ctranslate2
from texts import Tokens, versions

if TYPE_CHECKING:
    from pathlib import Path


class Engine:
    """Text in, tokens out."""

    def __init__(self, variant: str, model: str, folder: Path, threads: int) -> None:
        """Load the model."""
        source = folder / model / "ctranslate2"
        self._translator = ctranslate2.Translator(
            str(source), device="cpu", compute_type=variant, inter_threads=1, intra_threads=threads
        )
        self._tokens = Tokens(source)
        self.files = [source / "model.bin"]
        self.versions = versions("ctranslate2")

    def answer(self, item: dict[str, Any]) -> list[str]:
        """Write."""
        found = self._translator.translate_batch(
            [self._tokens.words(item["text"])],
            beam_size=item["beams"],
            no_repeat_ngram_size=item["no_repeat"],
            min_decoding_length=item["written"],
            max_decoding_length=item["written"],
        )
        return list(found[0].hypotheses[0])

    def outcome(self, item: dict[str, Any]) -> list[int]:
        """Give the tokens."""
        return [self._tokens.id_of(token) for token in self.answer(item)]
