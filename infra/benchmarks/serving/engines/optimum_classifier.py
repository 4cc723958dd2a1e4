"""optimum's model over onnxruntime, quantised by its own AVX512-VNNI recipe, with pooling and class head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import onnxruntime
import torch
from optimum.onnxruntime import ORTModelForFeatureExtraction
from texts import Head, Tokens, versions

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


class Engine:
    """Text in, probabilities out."""

    def __init__(self, variant: str, model: str, folder: Path, threads: int) -> None:
        """Open the graph."""
        del variant
        source = folder / model / "optimum"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        torch.set_num_threads(threads)
        self._model = ORTModelForFeatureExtraction.from_pretrained(source, session_options=options)
        self._tokens, self._head = Tokens(source), Head(source)
        self.files = [source / "model.onnx"]
        self.versions = versions("optimum", "optimum-onnx", "onnxruntime", "transformers")

    def answer(self, item: dict[str, Any]) -> NDArray[np.float32]:
        """Answer one text."""
        ids = torch.from_numpy(self._tokens.ids(item["text"]))
        return self._head(self._model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.numpy())

    def outcome(self, item: dict[str, Any]) -> list[float]:
        """Probabilities of one text."""
        return [float(value) for value in self.answer(item)[0]]
