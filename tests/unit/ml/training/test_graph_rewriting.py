"""Nodes of a graph are exchanged, and weights go with those that read them."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from infolens.ml.training.graph_rewriting import readers_of, replace_nodes


def graph():
    """Two sums over three weights, of which one is read twice and one by nobody."""
    weights = [numpy_helper.from_array(np.ones(1, np.float32), name) for name in ("a", "b", "idle")]
    nodes = [helper.make_node("Add", ["a", "a"], ["c"]), helper.make_node("Add", ["c", "b"], ["d"])]
    output = helper.make_tensor_value_info("d", TensorProto.FLOAT, [1])
    return helper.make_graph(nodes, "sums", [], [output], weights)


def test_readers():
    """A node that reads a value twice is there twice; what nobody reads is not there."""
    readers = {name: [node.output[0] for node in nodes] for name, nodes in readers_of(graph()).items()}
    assert readers == {"a": ["c", "c"], "c": ["d"], "b": ["d"]}


def test_nodes_are_replaced_and_weights_follow():
    """The graph's own nodes may stay among new ones; new weights come, and what no node reads any more goes."""
    given = graph()
    new = helper.make_node("Mul", ["c", "e"], ["d"])
    replace_nodes(given, [given.node[0], new], [numpy_helper.from_array(np.ones(1, np.float32), "e")])
    assert [node.op_type for node in given.node] == ["Add", "Mul"]
    assert [weight.name for weight in given.initializer] == ["a", "e"]
