"""Runs each operator of the domain "infolens" with the kernels and without, and prints how far apart the answers are.

In a process of its own, since the library looks once which kernels it may use (INFOLENS_KERNELS). Prints a JSON object:
"in_use", and "apart", case -> what `apart` says.
"""

import json
import sys

import infolens_kernels
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from infolens.ml.training import fused_operators

NUMBERS = np.random.default_rng(11)


def sessions(operator, constants, outputs, threads=2, **attributes):
    """Open a graph of one call -> (session with kernels, session without); what is None is an input of the graph."""
    inputs = [name for name, value in constants.items() if value is None]
    node = helper.make_node(operator, list(constants), outputs, domain=fused_operators.DOMAIN, **attributes)
    held = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items() if value is not None]
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info(name, kind_of(name), None) for name in inputs],
        [helper.make_tensor_value_info(name, kind_of(name), None) for name in outputs],
        held,
    )
    sets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=sets, ir_version=8)
    fused_operators._bring(model, [operator])
    opened = []
    for library in (True, False):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, 3
        if library:
            options.register_custom_ops_library(str(infolens_kernels.LIBRARY))
        opened.append(onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"]))
    return opened


def kind_of(name):
    """Names that begin with a q are of eight bits."""
    return TensorProto.UINT8 if name.startswith("q") else TensorProto.FLOAT


def apart(pair, given):
    """Greatest difference in 32 bits, in eight bits, and the share of numbers in eight bits that differ."""
    ours, theirs = (session.run(None, given) for session in pair)
    floats, steps = [np.zeros(1)], [np.zeros(1)]
    for one, other in zip(ours, theirs, strict=True):
        assert one.shape == other.shape
        (steps if one.dtype == np.uint8 else floats).append(np.abs(one.astype(np.float64) - other).ravel())
    return [float(max(each.max() for each in floats)), float(max(each.max() for each in steps)), share(steps[-1])]


def share(steps):
    """Share of numbers that differ."""
    return float((steps > 0).mean())


def normal(*shape, factor=1.0):
    """Random numbers."""
    return (NUMBERS.standard_normal(shape) * factor).astype(np.float32)


def cases():
    """Give every case's name and how far apart its two answers are."""
    scale, zero = np.float32(0.03), np.uint8(90)
    pair = sessions("GeluQuantize", {"x": None, "s": scale, "z": zero}, ["q"])
    for shape in ((16,), (3, 48), (2, 5, 768), (130, 3072)):
        yield f"gelu {shape}", apart(pair, {"x": normal(*shape, factor=3)})
    ends = np.array([1e30, -1e30, 0, -0.0, 1e-30, -4.5, 4.5, -5] * 2, dtype=np.float32)
    yield "gelu ends", apart(pair, {"x": ends})
    for width in (16, 48, 768):
        held = {"w": normal(width), "h": normal(width), "s": scale, "z": zero}
        pair = sessions("AddNormQuantize", {"a": None, "b": None, **held}, ["n", "q"], epsilon=1e-12)
        for rows in (1, 3, 129):
            given = {"a": normal(rows, 2, width) + np.float32(2), "b": normal(rows, 2, width)}
            yield f"norm {rows} x {width}", apart(pair, given)
    for heads, size in ((2, 16), (1, 48), (3, 64), (2, 32), (1, 512)):
        split = np.array([0, 0, heads, -1])
        held = {"s": np.float32(0.01), "z": np.uint8(128), "split": split}
        pair = sessions("AttentionQuantize", {"k0": None, "k1": None, "k2": None, **held}, ["q"])
        for asking, tokens, texts in (
            (1, 1, 1),
            (1, 7, 1),
            (5, 5, 3),
            (31, 31, 1),
            (33, 33, 2),
            (65, 65, 1),
            (2, 130, 1),
        ):
            given = {
                name: normal(rows, texts, heads * size)
                for name, rows in (("k0", asking), ("k1", tokens), ("k2", tokens))
            }
            given["k0"] *= np.float32(2 / size**0.5)
            yield f"attention {asking} of {tokens}, {texts} texts, {heads} x {size}", apart(pair, given)
    for depth, width in ((64, 32), (128, 96), (3072, 64)):
        weights = NUMBERS.integers(-64, 65, (depth, width)).astype(np.int8)
        held = {
            "w": weights,
            "s": np.float32(0.02),
            "ws": np.abs(normal(width, factor=0.01)),
            "z": np.uint8(120),
            "b": normal(width),
        }
        plain = sessions("Product", {"q": None, **held}, ["y"])
        gelu = sessions("ProductGeluQuantize", {"q": None, **held, "rs": np.float32(0.05), "rz": np.uint8(8)}, ["q8"])
        for rows in (1, 2, 11, 16, 17, 32, 33, 97):
            given = {"q": NUMBERS.integers(0, 256, (rows, 1, depth)).astype(np.uint8)}
            yield f"product {rows} x {depth} x {width}", apart(plain, given)
            yield f"product and gelu {rows} x {depth} x {width}", apart(gelu, given)


if __name__ == "__main__":
    json.dump({"in_use": infolens_kernels.in_use(), "apart": dict(cases())}, sys.stdout)
