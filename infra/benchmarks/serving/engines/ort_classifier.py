"""onnxruntime as its documentation has it: plain export, quantize_dynamic, a session with default options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
from texts import Tokens, softmax, versions

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class Engine:
    """Text in, probabilities out; the variant is the file."""

    def __init__(self, variant: str, model: str, folder: Path, threads: int) -> None:
        """Open the graph."""
        file = folder / model / "plain" / f"{variant}.onnx"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        self._tokens = Tokens(folder / model / "hf")
        self.files = [file]
        self.versions = versions("onnxruntime")

    def answer(self, item: dict[str, Any]) -> NDArray[np.float32]:
        """Answer one text."""
        ids = self._tokens.ids(item["text"])
        return softmax(self._session.run(["logits"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0])

    def outcome(self, item: dict[str, Any]) -> list[float]:
        """Probabilities of one text."""
        return [float(value) for value in self.answer(item)[0]]
