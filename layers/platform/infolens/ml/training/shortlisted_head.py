"""Rewrites the layer that gives logits: four bits find the likeliest tokens, and eight bits say what those are worth.

A decoder step reads all weights, and for bart-base two fifths of them are the matrix that gives logits, while a handful
of tokens can be written. So all tokens get the logits of a copy in four bits, and the best of those the ones of the
matrix in eight bits, of which their rows alone are read. That matrix is there anyhow: it holds the embeddings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

from infolens.ml.training.graph_rewriting import replace_nodes

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import GraphProto, NodeProto

SHORTLIST = 64
"""Tokens of a step whose logits are computed in eight bits (ADR 0023)."""

_LEAST = 32
"""Vocabularies of fewer than so many shortlists are computed in eight bits as a whole: there is little to save."""

_BITS = 4
_DOMAIN = "com.microsoft"


def pays(vocabulary: int, shortlist: int = SHORTLIST) -> bool:
    """Say whether a vocabulary is so much larger than the shortlist that it is worth one."""
    return vocabulary >= _LEAST * shortlist


def shortlist_head(
    graph: GraphProto, table: NodeProto, head: NodeProto, weights: NDArray[np.float32], shortlist: int = SHORTLIST
) -> None:
    """Put a shortlist in place of the product that gives logits, and look embeddings up in its matrix.

    Args:
        graph: a decoder whose products are MatMulNBits of eight bits.
        table: the node that looks embeddings up in 32 bits.
        head: the node that gives logits, of the same matrix.
        weights: that matrix, shape (width, vocabulary).
        shortlist: tokens that get logits of eight bits.
    """
    width, vocabulary = weights.shape
    block = int(helper.get_node_attr_value(head, "block_size"))
    stored = {one.name: numpy_helper.to_array(one) for one in graph.initializer if one.name in head.input}
    matrix, scales = (stored[name] for name in head.input[1:3])
    states, logits = head.input[0], head.output[0]
    coarse, coarse_weights = _coarse(weights, block, states)
    constants = {
        # What filled the last block of a row up is left off.
        "vocabulary_bytes": matrix.reshape(vocabulary, -1)[:, :width],
        "vocabulary_scales": scales.reshape(vocabulary, -1),
        "shortlist_length": np.array([shortlist], dtype=np.int64),
        "shortlist_last": np.array([-1], dtype=np.int64),
    }
    rows = [
        coarse,
        helper.make_node("TopK", ["coarse_logits", "shortlist_length"], ["shortlist_coarse", "shortlist"], sorted=0),
        _looked_up("shortlist", "shortlist_rows", block),
        helper.make_node("Unsqueeze", [states, "shortlist_last"], ["shortlist_states"]),
        helper.make_node("MatMul", ["shortlist_rows", "shortlist_states"], ["shortlist_columns"]),
        helper.make_node("Squeeze", ["shortlist_columns", "shortlist_last"], ["shortlist_logits"]),
        helper.make_node("ScatterElements", ["coarse_logits", "shortlist", "shortlist_logits"], [logits], axis=-1),
    ]
    nodes: list[NodeProto] = []
    for node in graph.node:
        if node == table:
            nodes.append(_looked_up(table.input[1], table.output[0], block))
        else:
            nodes += rows if node == head else [node]
    replace_nodes(
        graph, nodes, [*coarse_weights, *(numpy_helper.from_array(one, name) for name, one in constants.items())]
    )


def _looked_up(places: str, rows: str, block: int) -> NodeProto:
    return helper.make_node(
        "GatherBlockQuantized",
        ["vocabulary_bytes", places, "vocabulary_scales"],
        [rows],
        domain=_DOMAIN,
        bits=8,
        block_size=block,
        quantize_axis=1,
        gather_axis=0,
    )


def _coarse(weights: NDArray[np.float32], block: int, states: str) -> tuple[NodeProto, list[TensorProto]]:
    """Quantise the matrix to four bits -> the node that gives "coarse_logits", and its weights."""
    node = helper.make_node("MatMul", [states, "coarse"], ["coarse_logits"], name="coarse_logits")
    given, found = (helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in (states, "coarse_logits"))
    graph = helper.make_graph([node], "coarse", [given], [found], [numpy_helper.from_array(weights, "coarse")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    quantiser = MatMulNBitsQuantizer(model, block_size=block, is_symmetric=True, accuracy_level=4, bits=_BITS)
    quantiser.process()
    made = quantiser.model.model.graph
    return made.node[0], list(made.initializer)
