"""Lets a decoder graph write what it keeps of each token into the caches that it is given, behind what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import helper

from infolens.ml.decoder_steps import KEPT
from infolens.ml.training.graph_rewriting import counting, hand_back, replace_nodes

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_DOMAIN = "com.microsoft"
_MULTIPLE = 8
"""onnxruntime's GroupQueryAttention wants the size of a head to be one of it."""


def caches_in_place(model: ModelProto) -> None:
    """Take caches of any length, and give them back as outputs named KEPT and their name, in place of longer ones.

    A graph whose heads have a size that the operator does not take stays as it is.

    Args:
        model: a decoder graph, see `bart_graphs.write_decoder`; it is changed.
    """
    graph = model.graph
    caches = {given.name: given for given in graph.input if given.name.startswith("past_")}
    if any(given.type.tensor_type.shape.dim[3].dim_value % _MULTIPLE for given in caches.values()):
        return
    nodes, weights = counting("seen", 3, "caches")
    longer = set()
    for node in graph.node:
        if node.op_type == "MultiHeadAttention" and set(node.input) & caches.keys():
            longer.update(node.output[1:])
            nodes.append(_writing(node))
        else:
            nodes.append(node)
    replace_nodes(graph, nodes, weights)
    outputs = [output for output in graph.output if output.name not in longer]
    del graph.output[:]
    graph.output.extend(outputs)
    for given in caches.values():
        hand_back(graph, given)


def _writing(node: NodeProto) -> NodeProto:
    """The same attention over caches with room behind what they hold; what each token sees is told, not its order."""
    queries, keys, values, _, _, seen, past_keys, past_values = node.input
    heads = helper.get_node_attr_value(node, "num_heads")
    return helper.make_node(
        "GroupQueryAttention",
        [queries, keys, values, past_keys, past_values, "caches/last", "caches/total", "", "", "", seen],
        [node.output[0], KEPT + past_keys, KEPT + past_values],
        domain=_DOMAIN,
        num_heads=heads,
        kv_num_heads=heads,
        causal=0,
    )
