"""optimum-intel's encoder-decoder over OpenVINO, weights int8, written by `generate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from optimum.intel import OVModelForSeq2SeqLM
from texts import Tokens, versions
from torch_writer import generated

if TYPE_CHECKING:
    from pathlib import Path


class Engine:
    """Text in, tokens out."""

    def __init__(self, variant: str, model: str, folder: Path, threads: int) -> None:
        """Compile the graphs."""
        source = folder / model / "openvino" / variant
        how = {"INFERENCE_NUM_THREADS": str(threads), "PERFORMANCE_HINT": "LATENCY"}
        torch.set_num_threads(threads)
        self._model = OVModelForSeq2SeqLM.from_pretrained(source, ov_config=how)
        self._tokens = Tokens(source)
        self.files = sorted(source.glob("*.bin"))
        self.versions = versions("openvino", "optimum-intel", "transformers")

    def answer(self, item: dict[str, Any]) -> list[int]:
        """Write."""
        return generated(self._model, torch.from_numpy(self._tokens.ids(item["text"])), item)

    def outcome(self, item: dict[str, Any]) -> list[int]:
        """Give the tokens."""
        return self.answer(item)
