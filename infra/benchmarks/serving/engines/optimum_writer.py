"""optimum's encoder-decoder over onnxruntime, quantised by its own AVX512-VNNI recipe, written by `generate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import onnxruntime
import torch
from optimum.onnxruntime import ORTModelForSeq2SeqLM
from texts import Tokens, versions
from torch_writer import generated

if TYPE_CHECKING:
    from pathlib import Path


class Engine:
    """Text in, tokens out."""

    def __init__(self, variant: str, model: str, folder: Path, threads: int) -> None:
        """Open the graphs."""
        del variant
        source = folder / model / "optimum"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        torch.set_num_threads(threads)
        self._model = ORTModelForSeq2SeqLM.from_pretrained(source, session_options=options)
        self._tokens = Tokens(source)
        self.files = sorted(source.glob("*.onnx"))
        self.versions = versions("optimum", "optimum-onnx", "onnxruntime", "transformers")

    def answer(self, item: dict[str, Any]) -> list[int]:
        """Write."""
        return generated(self._model, torch.from_numpy(self._tokens.ids(item["text"])), item)

    def outcome(self, item: dict[str, Any]) -> list[int]:
        """Give the tokens."""
        return self.answer(item)
