"""What the machine gives at best, measured as the engines are: products of matrices and reading of memory.

Rates are named "<kind>: <how>"; the best of a kind is the roof. The int8 and fp32 products are those of onnxruntime,
torch and numpy, square and in the shape of DistilBERT's inner layer at 128 tokens; what is read is as large as the
weights and caches that a token of BART streams, so that what the cache keeps between two reads counts as it does there.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from texts import versions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SQUARE, INNER = (2048, 2048, 2048), (128, 768, 3072)
STREAMED = 128_000_000
"""Bytes."""


class Engine:
    """Asked for nothing, it measures everything once."""

    def __init__(self, variant: str, model: str, folder: Path, threads: int) -> None:
        """Make the matrices."""
        del variant, model, folder
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        self.files: list[Path] = []
        self.versions = versions("torch", "onnxruntime", "numpy")
        self._runs: dict[str, tuple[Callable[[], object], float]] = {}
        self._rates: dict[str, float] = {}
        random = np.random.default_rng(0)
        for shape in (SQUARE, INNER):
            self._products(shape, threads, random)
        streamed = torch.ones(STREAMED // 4)
        self._runs["read: torch sum of 128 MB"] = (streamed.sum, STREAMED)
        rows = streamed[: 4096 * 7808].view(7808, 4096)
        vector = torch.ones(4096)
        self._runs["read: torch matrix (128 MB) times vector"] = (lambda: rows @ vector, rows.numel() * 4)

    def answer(self, item: dict[str, Any]) -> dict[str, float]:
        """Measure each once, after one turn that is not counted."""
        del item
        for name, (run, amount) in self._runs.items():
            run()
            began = time.perf_counter()
            run()
            self._rates[name] = amount / (time.perf_counter() - began)
        return self._rates

    def measured(self) -> dict[str, object]:
        """Give the rates of the last turn."""
        return {"rates": self._rates}

    def outcome(self, item: dict[str, Any]) -> list[float]:
        """Say nothing."""
        del item
        return []

    def _products(self, shape: tuple[int, int, int], threads: int, random: np.random.Generator) -> None:
        rows, inner, columns = shape
        amount, sizes = 2.0 * rows * inner * columns, f"{rows}x{inner}x{columns}"
        left = random.standard_normal((rows, inner), dtype=np.float32)
        right = random.standard_normal((inner, columns), dtype=np.float32)
        a, b = torch.from_numpy(left), torch.from_numpy(right)
        exact = _session("MatMul", right, threads)
        self._runs[f"fp32: onnxruntime {sizes}"] = (lambda: exact.run(None, {"left": left}), amount)
        self._runs[f"fp32: numpy {sizes}"] = (lambda: left @ right, amount)
        self._runs[f"fp32: torch {sizes}"] = (lambda: a @ b, amount)
        low_a, low_b = a.to(torch.bfloat16), b.to(torch.bfloat16)
        self._runs[f"bf16: torch {sizes}"] = (lambda: low_a @ low_b, amount)
        given = random.integers(0, 255, (rows, inner), dtype=np.uint8)
        weights = random.integers(-64, 64, (inner, columns), dtype=np.int8)
        quantised = _session("MatMulInteger", weights, threads)
        self._runs[f"int8: onnxruntime {sizes}"] = (lambda: quantised.run(None, {"left": given}), amount)
        whole, other = torch.from_numpy(given.view(np.int8)), torch.from_numpy(weights)
        self._runs[f"int8: torch {sizes}"] = (lambda: torch._int_mm(whole, other), amount)  # noqa: SLF001 - its only one


def _session(kind: str, weights: np.ndarray, threads: int) -> onnxruntime.InferenceSession:
    """Open a graph of one product with constant weights, which onnxruntime packs beforehand as it does a model's."""
    integer = kind == "MatMulInteger"
    graph = helper.make_graph(
        [helper.make_node(kind, ["left", "right"], ["product"])],
        kind,
        [
            helper.make_tensor_value_info(
                "left", TensorProto.UINT8 if integer else TensorProto.FLOAT, ["n", len(weights)]
            )
        ],
        [helper.make_tensor_value_info("product", TensorProto.INT32 if integer else TensorProto.FLOAT, ["n", "m"])],
        [numpy_helper.from_array(weights, "right")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
