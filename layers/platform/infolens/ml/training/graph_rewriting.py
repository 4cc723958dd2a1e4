"""What every rewriting of an ONNX graph needs: who reads a value, and other nodes in place of those that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from infolens.ml.decoder_steps import KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto


def readers_of(graph: GraphProto) -> dict[str, list[NodeProto]]:
    """Give the nodes that read each value; what nobody reads is not in it."""
    readers: dict[str, list[NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    return readers


def replace_nodes(graph: GraphProto, nodes: Sequence[NodeProto], weights: Iterable[TensorProto] = ()) -> None:
    """Put nodes in place of all that are there, add the weights that they bring, and drop those that none reads."""
    kept = list(nodes)  # they may be the graph's own, which are about to go
    del graph.node[:]
    graph.node.extend(kept)
    read = {name for node in kept for name in node.input}
    held = [weight for weight in (*graph.initializer, *weights) if weight.name in read]
    del graph.initializer[:]
    graph.initializer.extend(held)


def read_weights_directly(graph: GraphProto) -> None:
    """Drop the nodes by which equal weights go under several names."""
    weights = {weight.name for weight in graph.initializer}
    same = {
        node.output[0]: node.input[0] for node in graph.node if node.op_type == "Identity" and node.input[0] in weights
    }
    kept = [node for node in graph.node if node.output[0] not in same]
    for node in kept:
        for at, name in enumerate(node.input):
            node.input[at] = same.get(name, name)
    replace_nodes(graph, kept)


def import_domain(model: ModelProto, domain: str) -> None:
    """Let a model use a domain's operators in their first version, if it does not yet."""
    if all(one.domain != domain for one in model.opset_import):
        model.opset_import.append(helper.make_opsetid(domain, 1))


def session_giving(model: ModelProto, names: Sequence[str]) -> onnxruntime.InferenceSession:
    """Open a model, of which these values of its graph are to be had, too."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    given = {value.name for value in model.graph.output}
    watched.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names if name not in given
    )
    return onnxruntime.InferenceSession(watched.SerializeToString(), providers=["CPUExecutionProvider"])


def counting(values: str, axis: int, name: str) -> tuple[list[NodeProto], list[TensorProto]]:
    """Make nodes, and their weights, that count tokens as onnxruntime's GroupQueryAttention wants to be told.

    Args:
        values: what has as many tokens along an axis.
        axis: of them.
        name: `name`/total is the count, `name`/last one less; both int32, shape (1,).
    """
    nodes = [
        helper.make_node("Shape", [values], [f"{name}/shape"]),
        helper.make_node("Gather", [f"{name}/shape", f"{name}/axis"], [f"{name}/tokens"]),
        helper.make_node("Cast", [f"{name}/tokens"], [f"{name}/total"], to=TensorProto.INT32),
        helper.make_node("Sub", [f"{name}/total", f"{name}/less"], [f"{name}/last"]),
    ]
    weights = {f"{name}/axis": np.array([axis], dtype=np.int64), f"{name}/less": np.array([1], dtype=np.int32)}
    return nodes, [numpy_helper.from_array(numbers, weight) for weight, numbers in weights.items()]


def hand_back(graph: GraphProto, given: ValueInfoProto) -> None:
    """Add the output of KEPT and an input's name, which a node of the graph gives in the input's own memory."""
    kept = graph.output.add()
    kept.CopyFrom(given)
    kept.name = KEPT + given.name
