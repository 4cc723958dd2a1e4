"""Encoders call functions that answer as the standard operators did, and only where a kernel could take them."""

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel, XLNetConfig, XLNetModel

from infolens.ml.training import fused_operators
from infolens.ml.training.fused_operators import DOMAIN, fuse
from infolens.ml.training.onnx_export import trace
from infolens.ml.training.served_encoders import served_encoder
from infolens.ml.training.static_int8 import static_int8

EXAMPLE = {"input_ids": np.arange(10, 16).reshape(2, 3)}
TEXTS = np.random.default_rng(3).integers(5, 90, (3, 11))


def encoder(family, width=64):
    """A random encoder of two layers and four heads."""
    torch.manual_seed(9)
    if family == "distilbert":
        sizes = {"dim": width, "n_layers": 2, "n_heads": 4, "hidden_dim": 2 * width}
        return DistilBertModel(DistilBertConfig(vocab_size=90, max_position_embeddings=32, **sizes)).eval()
    sizes = {"num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 2 * width}
    if family == "bert":
        return BertModel(BertConfig(vocab_size=90, hidden_size=width, max_position_embeddings=32, **sizes)).eval()
    return XLNetModel(XLNetConfig(vocab_size=90, d_model=width, n_layer=2, n_head=4, d_inner=2 * width)).eval()


def quantised(path, family, *, width=64, first=False):
    """Its graph in int8, before functions."""
    served = served_encoder(encoder(family, width), 32, first=first)
    free = {"input_ids": {0: "texts", 1: "tokens"}, "states": {0: "texts", 1: "tokens"}}
    given = torch.ones((2, 4), dtype=torch.int64)
    trace(served, (given,), path, inputs=["input_ids"], outputs=["states"], free=free)
    static_int8(path, path, [{"input_ids": TEXTS[:1]}])
    return onnx.load(path)


def answer(model, given=TEXTS):
    """What onnxruntime gives without our kernels."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: given})[0]


def calls(model):
    """How often each function is called."""
    return Counter(node.op_type for node in model.graph.node if node.domain == DOMAIN)


PARTS = {"Product": 10, "ProductGeluQuantize": 2, "AddNormQuantize": 3}


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize(
    ("family", "parts"),
    [
        ("distilbert", PARTS | {"AttentionQuantize": 2}),
        ("bert", PARTS | {"AttentionQuantize": 2}),
        ("xlnet", PARTS | {"AddNormQuantize": 3}),
    ],
)
def test_same_answers(family, parts, first, tmp_path):
    """All that has a function calls it, and onnxruntime, which has none of them, gives the very same states."""
    model = quantised(tmp_path / "model.onnx", family, first=first)
    before = answer(model)
    assert fuse(model, EXAMPLE) == sum(parts.values())
    assert calls(model) == parts
    assert np.array_equal(answer(model), before)
    onnx.checker.check_model(model)


def test_what_fits_no_kernel(tmp_path):
    """Weights and heads whose sizes no kernel takes stay with the standard operators."""
    model = quantised(tmp_path / "model.onnx", "distilbert", width=48)  # heads of 12, products of 48 by 48 and by 96
    before = answer(model)
    fuse(model, EXAMPLE)
    assert calls(model) == {"AddNormQuantize": 3, "GeluQuantize": 2}
    assert np.array_equal(answer(model), before)


def test_weights_that_would_lie_there_twice(tmp_path, monkeypatch):
    """Products whose weights are too many to be held a second time stay onnxruntime's; all else is fused."""
    model = quantised(tmp_path / "model.onnx", "distilbert")
    monkeypatch.setattr(fused_operators, "MOST_WEIGHTS", 2 * 8 * 64 * 64)  # 4 of a layer's, 2 and 2 of its feed-forward
    assert calls(fused(model)) == PARTS | {"AttentionQuantize": 2}
    monkeypatch.setattr(fused_operators, "MOST_WEIGHTS", 2 * 8 * 64 * 64 - 1)
    assert calls(fused(model)) == {"AddNormQuantize": 3, "AttentionQuantize": 2, "GeluQuantize": 2}


def fused(model):
    """A copy of a model, rewritten."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    fuse(made, EXAMPLE)
    return made


def graph_of(nodes, weights, width=16):
    """A graph from "x", shape (rows, texts, width), to "y"."""
    shape = ["rows", "texts", width]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    held = [numpy_helper.from_array(np.asarray(values), name) for name, values in weights.items()]
    graph = helper.make_graph(nodes, "g", [given], [result], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


SCALES = {"scale": np.float32(0.02), "zero": np.uint8(100)}
EXAMPLE_ROWS = {"x": np.ones((3, 2, 16), dtype=np.float32)}


def in_eight_bits(name):
    """Quantise and give back, as a reader of eight bits would."""
    return [
        helper.make_node("QuantizeLinear", [name, "scale", "zero"], [f"{name}8"]),
        helper.make_node("DequantizeLinear", [f"{name}8", "scale", "zero"], ["y"]),
    ]


@pytest.mark.parametrize(("shape", "fused"), [((3, 2, 16), 1), ((3, 1, 16), 0), ((16,), 0)])
def test_sum_that_spreads(shape, fused):
    """A sum of two shapes is left alone: a kernel adds numbers that lie at the same places."""
    weights = {"w": np.ones(16, np.float32), "b": np.zeros(16, np.float32), "other": np.ones(shape, np.float32)}
    nodes = [
        helper.make_node("Identity", ["other"], ["o"]),
        helper.make_node("Add", ["x", "o"], ["s"]),
        helper.make_node("LayerNormalization", ["s", "w", "b"], ["n"], epsilon=1e-6),
        *in_eight_bits("n"),
    ]
    model = graph_of(nodes, weights | SCALES)
    before = answer(model, EXAMPLE_ROWS["x"])
    assert fuse(model, EXAMPLE_ROWS) == fused
    assert np.array_equal(answer(model, EXAMPLE_ROWS["x"]), before)


def gelu(root=2**0.5, half=0.5, behind=()):
    """Gelu as torch writes it, or something else that looks like it."""
    weights = {"root": np.float32(root), "one": np.float32(1), "half": np.float32(half), **SCALES}
    nodes = [
        helper.make_node("Div", ["x", "root"], ["d"]),
        helper.make_node("Erf", ["d"], ["e"]),
        helper.make_node("Add", ["e", "one"], ["p"]),
        helper.make_node("Mul", ["x", "p"], ["t"]),
        helper.make_node("Mul", ["t", "half"], ["g"]),
        *in_eight_bits("g"),
        *behind,
    ]
    return graph_of(nodes, weights)


def test_gelu_alone():
    """Gelu becomes one call; with other constants, or where somebody reads its 32 bits, it is another function."""
    assert fuse(gelu(), EXAMPLE_ROWS) == 1
    assert fuse(gelu(root=2.0), EXAMPLE_ROWS) == 0
    assert fuse(gelu(half=1.0), EXAMPLE_ROWS) == 0
    assert fuse(gelu(behind=[helper.make_node("Neg", ["g"], ["also"])]), EXAMPLE_ROWS) == 0
