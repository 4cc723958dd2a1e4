"""Makes the int8 file of a decoder graph, in which no token's numbers depend on another token of the same call.

Dynamic quantisation takes one scale for all activations of a call, so a token that is given beside seven proposals gets
other logits than alone, and lookup decoding would write something else than greedy decoding. MatMulNBits scales each
row of activations, and each block of weights, for itself. The embeddings and the layer that gives logits are one matrix
in a BART; here it is stored once, and where the vocabulary is large a step reads little of it (`shortlisted_head`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

from infolens.ml.training.shortlisted_head import SHORTLIST, pays, shortlist_head

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = 128
"""Weights that share a scale, where a layer is as wide."""

_MIDDLE = 128
"""What stands for zero in a matrix of unsigned bytes."""


def decoder_to_int8(
    model: onnx.ModelProto, path: Path, *, bits: int = 8, block: int = BLOCK, shortlist: int = SHORTLIST
) -> None:
    """Quantise all weights of a decoder graph but biases and norms.

    Args:
        model: the decoder graph in fp32, see `bart_graphs.write_decoder`; it is changed.
        path: where the int8 file goes.
        bits: 8, or 4 for trials: the embeddings are then stored beside the layer that gives logits.
        block: weights that share a scale, at most.
        shortlist: tokens whose logits are computed in eight bits, where that pays (`shortlisted_head.pays`).
    """
    logging.getLogger("onnxruntime.quantization.matmul_nbits_quantizer").setLevel(logging.WARNING)
    table = next(node for node in model.graph.node if node.op_type == "Gather" and "tokens" in node.input)
    weights = next(numpy_helper.to_array(one) for one in model.graph.initializer if one.name == table.input[0])
    vocabulary, width = weights.shape
    block = min(block, 1 << (width.bit_length() - 1))  # what is wider than the layer is filled up with nothing
    quantiser = MatMulNBitsQuantizer(model, block_size=block, is_symmetric=True, accuracy_level=4, bits=bits)
    quantiser.process()
    quantised = quantiser.model.model
    if bits == 8:
        graph = quantised.graph
        table = next(node for node in graph.node if node.name == table.name)
        head = next(
            node
            for node in graph.node
            if node.op_type == "MatMulNBits" and helper.get_node_attr_value(node, "N") == vocabulary
        )
        if pays(vocabulary, shortlist):
            shortlist_head(graph, table, head, weights.T, shortlist)
        else:
            _tie(graph, table, head)
    onnx.save(quantised, path)


def _tie(graph: onnx.GraphProto, table: onnx.NodeProto, head: onnx.NodeProto) -> None:
    """Look tokens up in the matrix that gives logits, instead of in a second one that holds the same."""
    vocabulary, width = next(list(one.dims) for one in graph.initializer if one.name == table.input[0])
    matrix, scales = head.input[1], head.input[2]
    stored = {one.name: one for one in graph.initializer}
    blocks = stored[matrix].dims[1]
    scale_rows = numpy_helper.from_array(numpy_helper.to_array(stored[scales]).reshape(vocabulary, blocks), scales)
    constants = {
        "embedding_middle": np.array(_MIDDLE, dtype=np.float32),
        "embedding_last": np.array([-1], dtype=np.int64),
        "embedding_shape": np.array([0, 0, -1], dtype=np.int64),
        "embedding_width": np.array([width], dtype=np.int64),
        "embedding_none": np.array([0], dtype=np.int64),
        "embedding_axis": np.array([2], dtype=np.int64),
    }
    nodes = [
        helper.make_node("Gather", [matrix, table.input[1]], ["embedding_bytes"]),
        helper.make_node("Cast", ["embedding_bytes"], ["embedding_cast"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["embedding_cast", "embedding_middle"], ["embedding_centred"]),
        helper.make_node("Gather", [scales, table.input[1]], ["embedding_scales"]),
        helper.make_node("Unsqueeze", ["embedding_scales", "embedding_last"], ["embedding_factors"]),
        helper.make_node("Mul", ["embedding_centred", "embedding_factors"], ["embedding_blocks"]),
        helper.make_node("Reshape", ["embedding_blocks", "embedding_shape"], ["embedding_rows"]),
        # A width that is no multiple of the block was filled up.
        helper.make_node(
            "Slice", ["embedding_rows", "embedding_none", "embedding_width", "embedding_axis"], list(table.output)
        ),
    ]
    place = list(graph.node).index(table)
    graph.node.remove(table)
    for offset, node in enumerate(nodes):
        graph.node.insert(place + offset, node)
    graph.initializer.remove(stored[table.input[0]])
    graph.initializer.remove(stored[scales])
    graph.initializer.append(scale_rows)
    graph.initializer.extend(numpy_helper.from_array(value, key) for key, value in constants.items())
