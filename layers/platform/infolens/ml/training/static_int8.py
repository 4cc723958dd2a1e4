"""Quantises the products of a graph with scales for activations that are found once, on rows of the training split.

The usual int8 looks for the smallest and the largest number of each activation while it answers: one more pass, and a
scale that depends on which texts travel together. A fixed scale costs neither (ADR 0022).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import onnx
from onnx import helper, numpy_helper

from infolens.ml.training.graph_rewriting import (
    import_domain,
    read_weights_directly,
    readers_of,
    replace_nodes,
    session_giving,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from onnx import GraphProto, ModelProto, NodeProto

CALIBRATION_ROWS = 256
"""Rows that scales are found on. With 64 and 1,024 accuracy on public articles was the same within half a point."""

_LARGEST_WEIGHT = 64
"""Seven bits: CPUs without VNNI add pairs of products in 16 bits, and 2 * 255 * 64 is the most that these hold."""

_STEPS = 255
"""Activations have eight bits without a sign: processors with VNNI or AMX multiply those with signed weights alone."""


_Row = TypeVar("_Row")


@dataclass(frozen=True)
class _Product:
    """One product of an activation with a matrix of weights, and the bias behind it."""

    node: NodeProto
    add: NodeProto | None
    bias: str


def static_int8(exact: Path, path: Path, rows: Sequence[Mapping[str, NDArray[np.int64]]], exclude: str = "") -> int:
    """Write the graph with all products by weights in int8, and return how many those were.

    Weights get a scale per output channel. Small matrices at the end (Gemm) stay exact: they are no part of the time.

    Args:
        exact: the ONNX file in fp32.
        path: where the int8 file goes.
        rows: inputs of the graph, one text each, of rows that the model learned from; at least one.
        exclude: beginning of the names of nodes that stay exact; "" excludes none.

    Raises:
        ValueError: there are no rows.
    """
    if not rows:
        raise ValueError("static scales need rows to be found on")
    model = onnx.load(exact)
    graph = model.graph
    read_weights_directly(graph)
    products = _products(graph, exclude)
    ranges = activation_ranges(model, sorted({one.node.input[0] for one in products}), rows)
    _rewrite(graph, products, ranges)
    import_domain(model, "com.microsoft")
    onnx.save(model, path)
    return len(products)


def spread(rows: Sequence[_Row], most: int) -> list[_Row]:
    """At most so many rows, evenly from all of them: parts of a dataset may each be of one kind."""
    return [rows[at * len(rows) // most] for at in range(most)] if len(rows) > most else list(rows)


def activation_ranges(
    model: ModelProto, names: Sequence[str], rows: Sequence[Mapping[str, NDArray[np.int64]]]
) -> dict[str, tuple[float, float]]:
    """Find the smallest and the largest number that each named activation has in any of the rows; zero is within."""
    session = session_giving(model, names)
    found = dict.fromkeys(names, (0.0, 0.0))
    for row in rows:
        for name, values in zip(names, session.run(list(names), dict(row)), strict=True):
            low, high = found[name]
            found[name] = (min(low, float(values.min())), max(high, float(values.max())))
    return found


def _products(graph: GraphProto, exclude: str) -> list[_Product]:
    weights = {weight.name: weight for weight in graph.initializer}
    readers = readers_of(graph)
    found = []
    for node in graph.node:
        if node.op_type != "MatMul" or (exclude and node.name.startswith(exclude)):
            continue
        given, matrix = node.input
        if given in weights or len(weights[matrix].dims if matrix in weights else ()) != 2:
            continue
        after = readers.get(node.output[0], [])
        add = after[0] if len(after) == 1 and after[0].op_type == "Add" else None
        width = list(weights[matrix].dims[1:])
        biases = [one for one in (add.input if add else ()) if one in weights and list(weights[one].dims) == width]
        found.append(_Product(node, add, biases[0]) if biases else _Product(node, None, ""))
    return found


def _rewrite(graph: GraphProto, products: Sequence[_Product], ranges: Mapping[str, tuple[float, float]]) -> None:
    weights = {weight.name: weight for weight in graph.initializer}
    by_output = {one.node.output[0]: one for one in products}
    added = {one.add.output[0] for one in products if one.add is not None}
    nodes: list[NodeProto] = []
    quantised: set[str] = set()
    new: dict[str, NDArray[np.generic]] = {}
    for node in graph.node:
        one = by_output.get(node.output[0])
        if one is None:
            nodes += [] if node.output[0] in added else [node]
            continue
        given, matrix = node.input
        if given not in quantised:
            quantised.add(given)
            new[f"{given}/scale"], new[f"{given}/zero"] = _scale(*ranges[given])
            parts = [given, f"{given}/scale", f"{given}/zero"]
            nodes.append(helper.make_node("QuantizeLinear", parts, [f"{given}/uint8"], name=f"{given}/quantise"))
        if f"{matrix}/int8" not in new:
            new[f"{matrix}/int8"], new[f"{matrix}/scales"] = _rounded(numpy_helper.to_array(weights[matrix]))
        inputs = [f"{given}/uint8", f"{matrix}/int8", f"{given}/scale", f"{matrix}/scales", f"{given}/zero"]
        answer = one.node.output[0] if one.add is None else one.add.output[0]
        inputs += ["", one.bias] if one.bias else []
        name = f"{node.name}/int8"
        nodes.append(helper.make_node("MatMulIntegerToFloat", inputs, [answer], name=name, domain="com.microsoft"))
    replace_nodes(graph, nodes, [numpy_helper.from_array(values, name) for name, values in new.items()])
    del graph.value_info[:]


def _scale(low: float, high: float) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Scale and zero point that lay [low, high] on 0 to 255; zero itself is met exactly."""
    scale = np.float32(max(high - low, float(np.finfo(np.float32).tiny)) / _STEPS)
    return np.array(scale), np.array(np.clip(np.rint(-low / scale), 0, _STEPS), dtype=np.uint8)


def _rounded(matrix: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Int8 weights and the scale of each output channel."""
    scales = np.maximum(np.abs(matrix).max(axis=0), np.finfo(np.float32).tiny) / _LARGEST_WEIGHT
    return np.rint(matrix / scales).astype(np.int8), scales.astype(np.float32)
