"""Names what an int8 encoder computes over and over as functions, for which serving may have kernels of its own.

Between products with weights onnxruntime walks over the states once for each standard operator: to add, to normalise,
to quantise. layers/inference/kernels does each of these in one walk (ADR 0025). The graph calls functions of the domain
"infolens", and brings each with it, made of standard operators: whoever has no kernel for one runs the function, and
answers the same but for rounding. So the file stays plain ONNX.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from infolens.ml.training.graph_rewriting import import_domain, readers_of, replace_nodes, session_giving

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from onnx import FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto

DOMAIN = "infolens"

_MICROSOFT = "com.microsoft"
_LANES, _COLUMNS, _DEPTH = 16, 32, 64
"""Numbers at a time, columns and rows of weights at a time: a kernel takes multiples of these (kernels.h)."""

_MOST_OF_A_HEAD = 512

MOST_WEIGHTS = 64 << 20
"""Bytes of weights that kernels may hold a second time, in their own order: onnxruntime keeps what a model brings.
With those of DistilBERT-base (42 MB) a predict function stays far below 512 MB (S1-11), with XLNet-base (85 MB)
it would not."""

_ROOT_OF_TWO = 2**0.5


def fuse(model: ModelProto, example: Mapping[str, NDArray[np.int64]]) -> int:
    """Rewrite in place what has a function, and return how many calls of functions the graph has then.

    Args:
        model: as `static_int8` writes it, its tokens in the first dimension of states.
        example: inputs for which each dimension has another size, and none is 1: one run says which shapes are equal.
    """
    graph = model.graph
    _put(graph, _norms(model, example))
    for find in (_gelus, _attentions, _products):
        _put(graph, find(_Graph(graph)))
    called = [node.op_type for node in graph.node if node.domain == DOMAIN]
    if called:
        _bring(model, called)
    return len(called)


@dataclass(frozen=True)
class _Found:
    """Nodes in the graph's order, and the call in their place: where the last of them stood, or the first."""

    nodes: Sequence[NodeProto]
    call: NodeProto
    weights: Sequence[TensorProto] = field(default=())
    last: bool = True


def _put(graph: GraphProto, found: Sequence[_Found]) -> None:
    """Put calls in place of what was found."""
    gone = {id(node) for one in found for node in one.nodes}
    calls = {id(one.nodes[-1 if one.last else 0]): one.call for one in found}
    nodes = [calls.get(id(node), node) for node in graph.node if id(node) in calls or id(node) not in gone]
    read = {name for node in nodes for name in node.input}
    nodes = [node for node in nodes if node.op_type != "Constant" or node.output[0] in read]
    replace_nodes(graph, nodes, {weight.name: weight for one in found for weight in one.weights}.values())


class _Graph:
    """A graph, to be walked against its direction."""

    def __init__(self, graph: GraphProto) -> None:
        self.nodes = list(graph.node)
        self.outputs = {value.name for value in graph.output}
        self.maker = {name: node for node in self.nodes for name in node.output}
        self.readers = readers_of(graph)
        self.weights = {weight.name: weight for weight in graph.initializer}

    def made_by(self, name: str, operator: str) -> NodeProto | None:
        """Give the node that makes a value, if it is of that kind and one other node alone reads what it makes."""
        node = self.maker.get(name)
        alone = node is not None and len(self.readers.get(name, ())) == 1 and name not in self.outputs
        return node if node is not None and alone and node.op_type == operator else None

    def constant(self, name: str) -> NDArray[np.generic] | None:
        """Give the numbers of a weight or of a Constant node; None for what depends on the input."""
        node = self.maker.get(name)
        held = _attribute(node, "value") if node is not None and node.op_type == "Constant" else self.weights.get(name)
        return None if held is None else cast("NDArray[np.generic]", numpy_helper.to_array(held))

    def is_number(self, name: str, value: float) -> bool:
        """Say whether a value is that one number."""
        held = self.constant(name)
        return held is not None and held.size == 1 and bool(np.isclose(held.reshape(()), value, rtol=1e-5))

    def in_order(self, nodes: Iterable[NodeProto]) -> list[NodeProto]:
        """Put nodes in the order that the graph has them in."""
        wanted = {id(node) for node in nodes}
        return [node for node in self.nodes if id(node) in wanted]

    def quantisers(self) -> list[NodeProto]:
        """Give the nodes that quantise something by a scale and a zero point that are weights."""
        return [
            node
            for node in self.nodes
            if node.op_type == "QuantizeLinear" and len(node.input) == 3 and self.weights.keys() >= set(node.input[1:])
        ]


def _gelus(graph: _Graph) -> list[_Found]:
    """Gelu in eight bits, as torch writes it: x / sqrt(2), erf, 1 more, times x, half of it."""
    found = []
    for quantise in graph.quantisers():
        half = graph.made_by(quantise.input[0], "Mul")
        times = graph.made_by(half.input[0], "Mul") if half and graph.is_number(half.input[1], 0.5) else None
        plus = graph.made_by(times.input[1], "Add") if times else None
        erf = graph.made_by(plus.input[0], "Erf") if plus and graph.is_number(plus.input[1], 1.0) else None
        less = graph.made_by(erf.input[0], "Div") if erf else None
        if not (half and times and plus and erf and less):
            continue
        if times.input[0] == less.input[0] and graph.is_number(less.input[1], _ROOT_OF_TWO):
            inputs = [less.input[0], *quantise.input[1:]]
            found.append(_Found([less, erf, plus, times, half, quantise], _call("GeluQuantize", inputs, quantise)))
    return found


def _norms(model: ModelProto, example: Mapping[str, NDArray[np.int64]]) -> list[_Found]:
    """A sum of two states, normalised, in 32 bits and in eight."""
    graph = _Graph(model.graph)
    found, summands = [], []
    for quantise in graph.quantisers():
        norm = graph.maker.get(quantise.input[0])
        if norm is None or norm.op_type != "LayerNormalization" or norm.input[0] in graph.outputs:
            continue
        add = graph.made_by(norm.input[0], "Add")
        factor, last = graph.weights.get(norm.input[1]), _attribute(norm, "axis") in (None, -1)
        if add is None or factor is None or not last or factor.dims[0] % _LANES or len(norm.input) < 3:
            continue
        if graph.weights.keys() & set(add.input):
            continue
        epsilon = _attribute(norm, "epsilon")
        inputs = [*add.input, *norm.input[1:3], *quantise.input[1:]]
        call = _call("AddNormQuantize", inputs, quantise, [norm.output[0]])
        call.attribute.append(helper.make_attribute("epsilon", 1e-5 if epsilon is None else float(epsilon)))
        # Others may read the states before they are quantised.
        found.append(_Found([add, norm, quantise], call, last=False))
        summands.append(tuple(add.input))
    same = _of_one_shape(model, summands, example)
    return [one for one, alike in zip(found, same, strict=True) if alike]


def _attentions(graph: _Graph) -> list[_Found]:
    """Scores of all queries by all keys, softmax, and values by it, in eight bits: tokens first, nothing masked."""
    found = []
    for quantise in graph.quantisers():
        joined = graph.made_by(quantise.input[0], "Reshape")
        turned = _turned(graph, joined.input[0], [2, 0, 1, 3]) if joined else None
        weighted = graph.made_by(turned.input[0], "MatMul") if turned else None
        shares = graph.made_by(weighted.input[0], "Softmax") if weighted else None
        scores = graph.made_by(shares.input[0], "MatMul") if shares else None
        if not (joined and turned and weighted and shares and scores) or _attribute(shares, "axis") not in (None, -1):
            continue
        parts = [
            _heads(graph, name, order)
            for name, order in (
                (scores.input[0], [1, 2, 0, 3]),
                (scores.input[1], [1, 2, 3, 0]),
                (weighted.input[1], [1, 2, 0, 3]),
            )
        ]
        if any(part is None for part in parts):
            continue
        splits = {tuple(part[2]) for part in parts if part}
        if len(splits) != 1:
            continue
        (split,) = splits
        name = f"{quantise.output[0]}/split"
        inputs = [*(part[1].input[0] for part in parts if part), *quantise.input[1:], name]
        nodes = [node for part in parts if part for node in part[:2]]
        nodes = graph.in_order([*nodes, scores, shares, weighted, turned, joined, quantise])
        weight = numpy_helper.from_array(np.array(split, dtype=np.int64), name)
        found.append(_Found(nodes, _call("AttentionQuantize", inputs, quantise), [weight]))
    return found


def _turned(graph: _Graph, name: str, order: Sequence[int]) -> NodeProto | None:
    node = graph.made_by(name, "Transpose")
    return node if node is not None and list(_attribute(node, "perm") or ()) == list(order) else None


def _heads(graph: _Graph, name: str, order: Sequence[int]) -> tuple[NodeProto, NodeProto, list[int]] | None:
    """Find what puts states (tokens, texts, width) in that order of heads -> (Transpose, Reshape, its shape)."""
    turned = _turned(graph, name, order)
    split = graph.made_by(turned.input[0], "Reshape") if turned else None
    shape = graph.constant(split.input[1]) if split else None
    if turned is None or split is None or shape is None or shape.size != 4:
        return None
    keeps, parts = [int(size) for size in shape], graph.maker.get(split.input[0])
    width = _width(graph, parts) if parts else 0
    if keeps[:2] != [0, 0] or keeps[2] < 1 or keeps[3] != -1 or width % keeps[2]:
        return None
    size = width // keeps[2]
    return None if size % _LANES or not 0 < size <= _MOST_OF_A_HEAD else (turned, split, keeps)


def _width(graph: _Graph, node: NodeProto) -> int:
    """Columns of a product with constant weights; 0 if it is none."""
    weights = graph.weights.get(node.input[1]) if node.op_type == "MatMulIntegerToFloat" else None
    return int(weights.dims[1]) if weights is not None else 0


def _products(graph: _Graph) -> list[_Found]:
    """Products with weights by fixed scales, and the Gelu behind them."""
    found = []
    for node in graph.nodes:
        if node.op_type != "MatMulIntegerToFloat" or node.output[0] in graph.outputs:
            continue
        given, weights, scale, scales, zero, *behind = node.input
        matrix = graph.weights.get(weights)
        if matrix is None or matrix.data_type != TensorProto.INT8 or behind[:1] not in ([], [""]):
            continue
        depth, width = matrix.dims
        if depth % _DEPTH or width % _COLUMNS or graph.weights[scales].dims != [width]:
            continue
        bias = behind[1] if len(behind) > 1 else f"{DOMAIN}/no_bias/{width}"
        inputs = [given, weights, scale, scales, zero, bias]
        added = [] if len(behind) > 1 else [numpy_helper.from_array(np.zeros(width, dtype=np.float32), bias)]
        readers = graph.readers.get(node.output[0], [])
        if len(readers) == 1 and readers[0].op_type == "GeluQuantize":
            gelu = readers[0]
            found.append(_Found([node, gelu], _call("ProductGeluQuantize", [*inputs, *gelu.input[1:]], gelu), added))
        else:
            found.append(_Found([node], _call("Product", inputs, node), added))
    held = {one.call.input[1] for one in found}
    return found if sum(math.prod(graph.weights[name].dims) for name in held) <= MOST_WEIGHTS else []


def _of_one_shape(
    model: ModelProto, pairs: Sequence[tuple[str, ...]], example: Mapping[str, NDArray[np.int64]]
) -> list[bool]:
    """Say of pairs of values whether both have one shape: a kernel that adds does not spread one over the other."""
    names = sorted({name for pair in pairs for name in pair})
    values = session_giving(model, names).run(names, dict(example)) if names else []
    shapes = {name: value.shape for name, value in zip(names, values, strict=True)}
    return [shapes[one] == shapes[other] for one, other in pairs]


def _call(operator: str, inputs: Sequence[str], last: NodeProto, before: Sequence[str] = ()) -> NodeProto:
    return helper.make_node(operator, list(inputs), [*before, last.output[0]], name=last.name, domain=DOMAIN)


def _attribute(node: NodeProto, name: str) -> Any:  # noqa: ANN401 - of whatever type the operator says
    """What an attribute holds; None without it."""
    return next((helper.get_attribute_value(one) for one in node.attribute if one.name == name), None)


def _bring(model: ModelProto, called: Iterable[str]) -> None:
    """Add the functions that are called, those that they call, and the operator sets of both."""
    wanted = set(called)
    if "ProductGeluQuantize" in wanted:
        wanted.add("GeluQuantize")
    del model.functions[:]
    standard = next(one for one in model.opset_import if not one.domain)
    model.functions.extend(one for one in _functions(standard) if one.name in wanted)
    for domain in (_MICROSOFT, DOMAIN):
        import_domain(model, domain)
    model.ir_version = max(model.ir_version, 8)  # the first with functions


def _functions(standard: OperatorSetIdProto) -> list[FunctionProto]:
    """What each operator computes, in standard operators; the same that the graphs had before `fuse`."""
    sets = [standard, helper.make_opsetid(_MICROSOFT, 1), helper.make_opsetid(DOMAIN, 1)]
    node = helper.make_node
    norm = node("LayerNormalization", ["sum", "factor", "bias"], ["states"], axis=-1)
    norm.attribute.append(AttributeProto(name="epsilon", ref_attr_name="epsilon", type=AttributeProto.FLOAT))
    product = ["given", "weights", "scale", "scales", "zero", "bias"]
    multiply = [*product[:5], "", "bias"]
    quantise = ["result_scale", "result_zero"]
    return [
        helper.make_function(
            DOMAIN,
            "GeluQuantize",
            ["x", *quantise],
            ["quantised"],
            [
                node("Gelu", ["x"], ["y"], domain=_MICROSOFT),
                node("QuantizeLinear", ["y", *quantise], ["quantised"]),
            ],
            sets,
        ),
        helper.make_function(
            DOMAIN,
            "AddNormQuantize",
            ["a", "b", "factor", "bias", *quantise],
            ["states", "quantised"],
            [node("Add", ["a", "b"], ["sum"]), norm, node("QuantizeLinear", ["states", *quantise], ["quantised"])],
            sets,
            ["epsilon"],
        ),
        helper.make_function(
            DOMAIN,
            "AttentionQuantize",
            ["queries", "keys", "values", *quantise, "split"],
            ["quantised"],
            [
                *(node("Reshape", [name, "split"], [f"{name}/heads"]) for name in ("queries", "keys", "values")),
                node("Transpose", ["queries/heads"], ["asking"], perm=[1, 2, 0, 3]),
                node("Transpose", ["values/heads"], ["told"], perm=[1, 2, 0, 3]),
                node("Transpose", ["keys/heads"], ["asked"], perm=[1, 2, 3, 0]),
                node("MatMul", ["asking", "asked"], ["scores"]),
                node("Softmax", ["scores"], ["shares"], axis=-1),
                node("MatMul", ["shares", "told"], ["by_head"]),
                node("Transpose", ["by_head"], ["by_token"], perm=[2, 0, 1, 3]),
                node("Constant", [], ["joined"], value_ints=[0, 0, -1]),
                node("Reshape", ["by_token", "joined"], ["states"]),
                node("QuantizeLinear", ["states", *quantise], ["quantised"]),
            ],
            sets,
        ),
        helper.make_function(
            DOMAIN,
            "Product",
            product,
            ["result"],
            [node("MatMulIntegerToFloat", multiply, ["result"], domain=_MICROSOFT)],
            sets,
        ),
        helper.make_function(
            DOMAIN,
            "ProductGeluQuantize",
            [*product, *quantise],
            ["quantised"],
            [
                node("MatMulIntegerToFloat", multiply, ["x"], domain=_MICROSOFT),
                node("GeluQuantize", ["x", *quantise], ["quantised"], domain=DOMAIN),
            ],
            sets,
        ),
    ]
