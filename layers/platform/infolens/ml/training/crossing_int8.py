"""Keeps what a decoder reads of the article in every step, its keys and values, in eight bits.

For an article of 1024 tokens and bart-base they are 38 MB in 32 bits, as much as the matrix that gives logits, and each
step reads all of it. In eight bits onnxruntime's GroupQueryAttention reads them as they are, multiplied with queries in
32 bits. Each channel has a fixed scale, found on rows of the training split as in `static_int8`: looking for the
largest number of each in every article would take as long as the whole encoder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from infolens.ml.decoder_steps import KEPT
from infolens.ml.training.graph_rewriting import counting, hand_back, read_weights_directly, replace_nodes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from onnx import ModelProto, NodeProto

CALIBRATION_ROWS = 64
"""Rows that scales are found on; a long one takes half a second, and each has hundreds of tokens."""

_LARGEST = 127
_DOMAIN = "com.microsoft"
_EIGHT = 8

Scales = dict[str, "NDArray[np.float32]"]
"""Output of the encoder graph -> the scale of each channel, shape (heads * head size,)."""


def crossing_scales(encoder: Path, rows: Sequence[NDArray[np.int64]]) -> Scales:
    """Find the scales of keys and values.

    Args:
        encoder: the encoder graph in 32 bits, see `bart_graphs.write_encoder`.
        rows: token ids, shape (tokens,), of texts that the model learned from.

    Returns:
        Nothing where there are no rows, and where heads have a size that GroupQueryAttention does not take.
    """
    session = onnxruntime.InferenceSession(str(encoder), providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    if not rows or any(one.shape[-1] % _EIGHT for one in session.get_outputs()):
        return {}
    largest = dict.fromkeys(names, np.array(np.finfo(np.float32).tiny))
    for ids in rows:
        for name, values in zip(names, session.run(names, {"input_ids": ids[np.newaxis]}), strict=True):
            largest[name] = np.maximum(largest[name], np.abs(values).max(axis=(0, 2)))
    return {name: (found / _LARGEST).astype(np.float32).ravel() for name, found in largest.items()}


def give_int8(model: ModelProto, scales: Mapping[str, NDArray[np.float32]]) -> None:
    """Let an encoder graph in 32 bits give whole numbers from -127 to 127; what is larger than any row had is cut off.

    The scales become part of the weights of the product that all keys and values are, so that rounding is all that is
    added, and what is put in order by head are bytes.
    """
    graph = model.graph
    read_weights_directly(graph)
    makers = {name: node for node in graph.node for name in node.output}
    weights = {weight.name: weight for weight in graph.initializer}
    by_part = {makers[makers[name].input[0]].input[0]: found for name, found in scales.items()}
    split = makers[next(iter(by_part))]
    add = makers[split.input[0]]
    product = next(makers[name] for name in add.input if name in makers)
    factors = np.concatenate([by_part[name] for name in split.output])
    bias = next(name for name in add.input if name != product.output[0])
    new = {
        "crossing/weights": numpy_helper.to_array(weights[product.input[1]]) / factors,
        "crossing/bias": numpy_helper.to_array(weights[bias]) / factors,
        "crossing/one": np.array(1, dtype=np.float32),
        "crossing/zero": np.array(0, dtype=np.int8),
    }
    product.input[1] = "crossing/weights"
    del add.input[:]
    add.input.extend((product.output[0], "crossing/bias"))
    rounded = helper.make_node("QuantizeLinear", [split.input[0], "crossing/one", "crossing/zero"], ["crossing/int8"])
    nodes = [one for node in graph.node for one in ((rounded, node) if node == split else (node,))]
    split.input[0] = rounded.output[0]
    replace_nodes(graph, nodes, [numpy_helper.from_array(values, name) for name, values in new.items()])
    bytes_now = {*split.output, *(makers[name].input[0] for name in scales)}
    kept = [one for one in graph.value_info if one.name not in bytes_now]
    del graph.value_info[:]
    graph.value_info.extend(kept)
    for output in graph.output:
        output.type.tensor_type.elem_type = TensorProto.INT8


def take_int8(model: ModelProto, scales: Mapping[str, NDArray[np.float32]]) -> None:
    """Let a decoder graph take the keys and values that `give_int8` makes an encoder give.

    It gives them back unchanged, as outputs named KEPT and their name: GroupQueryAttention copies what it is given, and
    does not where output and input are the same memory.
    """
    graph = model.graph
    first = next(iter(scales))
    new: dict[str, NDArray[Any]] = {
        "crossing/one": np.array([1], dtype=np.float32),
        "crossing/none": np.zeros((1, 0, len(scales[first])), dtype=np.float32),
        **{f"{name}/scales": values for name, values in scales.items()},
    }
    nodes, weights = counting(first, 2, "crossing")
    for node in graph.node:
        if node.op_type == "MultiHeadAttention" and node.input[1] in scales:
            nodes += _reading(node)
        else:
            nodes.append(node)
    weights += [numpy_helper.from_array(values, name) for name, values in new.items()]
    replace_nodes(graph, nodes, weights)
    for given in graph.input:
        if given.name in scales:
            given.type.tensor_type.elem_type = TensorProto.INT8
            hand_back(graph, given)


def _reading(node: NodeProto) -> list[NodeProto]:
    """Nodes in place of an attention: queries take the scales of keys with them, and what is read those of values."""
    queries, keys, values = node.input[:3]
    answer, heads = node.output[0], helper.get_node_attr_value(node, "num_heads")
    inputs = [f"{answer}/queries", "crossing/none", "crossing/none", keys, values, "crossing/last", "crossing/total"]
    return [
        helper.make_node("Mul", [queries, f"{keys}/scales"], [f"{answer}/queries"]),
        helper.make_node(
            "GroupQueryAttention",
            [*inputs, *[""] * 5, "crossing/one", "crossing/one"],
            [f"{answer}/read", KEPT + keys, KEPT + values],
            domain=_DOMAIN,
            num_heads=heads,
            kv_num_heads=heads,
            causal=0,
            k_quant_type="PER_TENSOR",
            v_quant_type="PER_TENSOR",
            kv_cache_bit_width=_EIGHT,
        ),
        helper.make_node("Mul", [f"{answer}/read", f"{values}/scales"], [answer]),
    ]
