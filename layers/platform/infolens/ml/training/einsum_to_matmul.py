"""Rewrites Einsum nodes with a constant factor as MatMul, exactly, so that int8 quantisation reaches them.

XLNet multiplies by its weights through Einsum, which quantisation passes over: without the rewriting four fifths of its
products stay in fp32, and the file is twice as large.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import helper, numpy_helper

from infolens.ml.training.graph_rewriting import replace_nodes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx import ModelProto, NodeProto, TensorProto


def einsum_to_matmul(model: ModelProto) -> int:
    """Rewrite in place what can be rewritten and return how many nodes that was.

    It can where the constant is the second factor, the letters that are summed over end the first factor in order, and
    the constant's own letters end the answer: "ibh,hnd->ibnd", "ibnd,hnd->ibh". Others stay as they are.
    """
    constants = {weight.name: weight for weight in model.graph.initializer}
    nodes: list[NodeProto] = []
    made: dict[str, TensorProto] = {}
    rewritten = 0
    for node in model.graph.node:
        new = _rewritten(node, constants, made) if node.op_type == "Einsum" else None
        nodes += [node] if new is None else new
        rewritten += new is not None
    replace_nodes(model.graph, nodes, made.values())
    return rewritten


def _rewritten(
    node: NodeProto, constants: dict[str, TensorProto], made: dict[str, TensorProto]
) -> list[NodeProto] | None:
    """Give the nodes that stand for `node`, or None where it has to stay; constants they need go into `made`."""
    if len(node.input) != 2 or node.input[1] not in constants:
        return None
    equation = next(attribute.s.decode() for attribute in node.attribute if attribute.name == "equation")
    factors, _, answer = equation.replace(" ", "").partition("->")
    first, second = factors.split(",")
    summed = [letter for letter in first if letter in second]
    own = [letter for letter in answer if letter in second]
    outer = [letter for letter in first if letter not in second]
    if not summed or not own or list(first) != outer + summed or list(answer) != outer + own:
        return None
    if sorted(second) != sorted(summed + own):
        return None

    value = numpy_helper.to_array(constants[node.input[1]])
    sizes = dict(zip(second, value.shape, strict=True))
    matrix = value.transpose([second.index(letter) for letter in summed + own])
    matrix = matrix.reshape(int(np.prod([sizes[letter] for letter in summed])), -1)
    steps: list[NodeProto] = []
    given = node.input[0]

    def constant(part: str, array: np.ndarray) -> str:
        name = f"{node.name or node.output[0]}/{part}"
        made[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def step(kind: str, inputs: Sequence[str], output: str) -> str:
        steps.append(helper.make_node(kind, inputs, [output], name=f"{node.name or node.output[0]}/{kind}{len(steps)}"))
        return output

    if len(summed) > 1:  # a 0 in a shape copies the dimension
        shape = constant("flat", np.array([0] * len(outer) + [len(matrix)], dtype=np.int64))
        given = step("Reshape", [given, shape], f"{node.output[0]}/flat")
    plain = len(own) == 1
    product = node.output[0] if plain else f"{node.output[0]}/product"
    step("MatMul", [given, constant("matrix", matrix)], product)
    if not plain:
        shape = constant("shape", np.array([0] * len(outer) + [sizes[letter] for letter in own], dtype=np.int64))
        step("Reshape", [product, shape], node.output[0])
    return steps
