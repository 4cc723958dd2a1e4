"""OpenVINO with its latency hint: the plain graph in the precision it takes by itself, or int8 by NNCF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import openvino
from texts import Tokens, softmax, versions

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class Engine:
    """Text in, probabilities out; the variant is the file."""

    def __init__(self, variant: str, model: str, folder: Path, threads: int) -> None:
        """Compile the graph."""
        source = folder / model / "openvino"
        how = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
        compiled = openvino.Core().compile_model(source / f"{variant}.xml", "CPU", how)
        self._request = compiled.create_infer_request()
        self._tokens = Tokens(source)
        self.files = [source / f"{variant}.bin"]
        precision = str(compiled.get_property("INFERENCE_PRECISION_HINT")).strip("<>").split("'")[-2]
        self.versions = versions("openvino", "nncf") | {"precision of its choice": precision}

    def answer(self, item: dict[str, Any]) -> NDArray[np.float32]:
        """Answer one text."""
        ids = self._tokens.ids(item["text"])
        self._request.infer({"input_ids": ids, "attention_mask": np.ones_like(ids)})
        return softmax(self._request.get_output_tensor(0).data)

    def outcome(self, item: dict[str, Any]) -> list[float]:
        """Probabilities of one text."""
        return [float(value) for value in self.answer(item)[0]]
