"""Rewrites look-ups of vectors so that the table is kept in eight bits, with a scale for each vector.

A table of word vectors is most of a small encoder's file and memory and none of its time. The quantiser knows one scale
for the whole table, which a single large number spoils for all others; a scale for each row costs four bytes a row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from infolens.ml.training.graph_rewriting import readers_of, replace_nodes

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_LARGEST = 127


def int8_lookups(model: ModelProto) -> int:
    """Rewrite in place each table of 32-bit vectors that is only looked up, and return how many tables that was."""
    weights = {weight.name: weight for weight in model.graph.initializer}
    readers = readers_of(model.graph)
    tables = {
        name
        for name, weight in weights.items()
        if weight.data_type == TensorProto.FLOAT
        and len(weight.dims) == 2
        and readers.get(name)
        and all(_looks_up(node, name) for node in readers[name])
    }
    made = []
    for name in tables:
        values = numpy_helper.to_array(weights[name])
        scales = np.maximum(np.abs(values).max(axis=1, keepdims=True), np.finfo(np.float32).tiny) / _LARGEST
        rounded = np.rint(values / scales).astype(np.int8)
        made.append(numpy_helper.from_array(rounded, f"{name}/int8"))
        made.append(numpy_helper.from_array(scales.astype(np.float32), f"{name}/scales"))
    nodes = [
        new
        for node in model.graph.node
        for new in (_steps(node) if node.input[:1] and node.input[0] in tables else [node])
    ]
    replace_nodes(model.graph, nodes, made)
    return len(tables)


def _looks_up(node: NodeProto, name: str) -> bool:
    axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)
    return node.op_type == "Gather" and node.input[0] == name and node.input[1] != name and axis == 0


def _steps(node: NodeProto) -> list[NodeProto]:
    table, places = node.input
    answer, called = node.output[0], node.name or node.output[0]
    rows, scales, numbers = (f"{answer}/{part}" for part in ("int8", "scales", "numbers"))
    return [
        helper.make_node("Gather", [f"{table}/int8", places], [rows], name=f"{called}/rows"),
        helper.make_node("Gather", [f"{table}/scales", places], [scales], name=f"{called}/scales"),
        helper.make_node("Cast", [rows], [numbers], name=f"{called}/cast", to=TensorProto.FLOAT),
        helper.make_node("Mul", [numbers, scales], [answer], name=f"{called}/scaled"),
    ]
