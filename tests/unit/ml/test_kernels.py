"""Kernels answer as the functions of standard operators that they stand for, on whatever processor this is."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from infolens.ml.onnx_session import kernels, open_session
from infolens.ml.training.fused_operators import DOMAIN

pytestmark = pytest.mark.skipif(kernels() is None, reason="the kernels are built for Linux on x86_64 alone")

CASES = Path(__file__).parents[2] / "kernel_cases.py"
BEST_LAST = ["none", "avx2", "vnni", "amx"]


def answers(most):
    """What the cases print when at most those kernels may be used."""
    env = os.environ | {"INFOLENS_KERNELS": most}
    done = subprocess.run([sys.executable, CASES], env=env, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("most", ["avx2", "vnni", "amx"])
def test_same_answers(most):
    """Each operator gives what its function gives: rounding aside, and a step of the eight bits once in a hundred."""
    told = answers(most)
    if told["in_use"] != most:
        pytest.skip(f"this processor has no more than {told['in_use']}")
    assert len(told["apart"]) > 90
    for case, (floats, steps, share) in told["apart"].items():
        assert floats <= 1e-4, case
        assert steps <= 1, case
        assert share <= 0.01, case


def test_none():
    """With "none" not a bit differs from onnxruntime's own operators."""
    told = answers("none")
    assert told["in_use"] == "none"
    assert {tuple(values) for values in told["apart"].values()} == {(0.0, 0.0, 0.0)}


def test_processor():
    """The kernels in use are the best for which the system says that this processor has what they need.

    Tiles are an exception: a process has to ask for them, and where it runs may forbid it.
    """
    flags = set(Path("/proc/cpuinfo").read_text().partition("flags")[2].partition("\n")[0].split())
    tiles = {"amx_tile", "amx_int8", "amx_bf16"} <= flags
    wide = {"avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512_vnni"} <= flags
    best = "vnni" if wide else "avx2" if {"avx2", "fma"} <= flags else "none"
    assert infolens_kernels().in_use() in ([best, "amx"] if tiles else [best])


def infolens_kernels():
    """The package, which is there only where kernels are built."""
    return importlib.import_module("infolens_kernels")


def graph_of(path, operator, inputs, weights=None, **attributes):
    """Write a graph of one call; inputs have any shape, and q... are of eight bits."""
    held = {"s": np.float32(0.1), "z": np.uint8(0), **(weights or {})}
    outputs = ["y", "q"] if operator == "AddNormQuantize" else ["q"]
    node = helper.make_node(operator, inputs, outputs, domain=DOMAIN, **attributes)
    given = [
        helper.make_tensor_value_info(name, TensorProto.UINT8 if name[0] == "q" else TensorProto.FLOAT, None)
        for name in dict.fromkeys(inputs)
        if name not in held
    ]
    kind = TensorProto.FLOAT if operator == "Product" else TensorProto.UINT8
    result = [helper.make_tensor_value_info("q", kind, None)]
    initial = [numpy_helper.from_array(np.asarray(value), name) for name, value in held.items() if name in inputs]
    sets = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)]
    graph = helper.make_graph([node], "g", given, result, initial)
    path.write_bytes(helper.make_model(graph, opset_imports=sets, ir_version=8).SerializeToString())
    return path


REFUSED = onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument


def skip_without(kind):
    """Skip where the processor has no kernels of that kind."""
    if BEST_LAST.index(infolens_kernels().in_use()) < BEST_LAST.index(kind):
        pytest.skip(f"this processor has no {kind} kernels")


def test_width_that_no_kernel_takes(tmp_path):
    """A call whose rows no kernel can walk ends with what is wrong, not with numbers."""
    skip_without("avx2")
    session = open_session(graph_of(tmp_path / "g.onnx", "GeluQuantize", ["x", "s", "z"]), 1)
    with pytest.raises(REFUSED, match="GeluQuantize: the last dimension must be a multiple of 16"):
        session.run(None, {"x": np.ones((2, 24), np.float32)})


def test_sum_that_spreads(tmp_path):
    """Two summands of different shapes are refused: a kernel reads as many numbers of the one as of the other."""
    skip_without("avx2")
    weights = {"w": np.ones(16, np.float32), "h": np.ones(16, np.float32)}
    inputs = ["a", "b", "w", "h", "s", "z"]
    session = open_session(graph_of(tmp_path / "g.onnx", "AddNormQuantize", inputs, weights, epsilon=1e-5), 1)
    with pytest.raises(REFUSED, match="AddNormQuantize: both summands must have one shape"):
        session.run(None, {"a": np.ones((3, 16), np.float32), "b": np.ones((1, 16), np.float32)})


PRODUCT = ["qx", "w", "s", "ws", "z", "b"]


@pytest.mark.parametrize(("depth", "width"), [(63, 32), (64, 40)])
def test_weights_that_no_kernel_takes(depth, width, tmp_path):
    """A model with weights of another size does not open, and says so."""
    skip_without("vnni")
    weights = {"w": np.ones((depth, width), np.int8), "ws": np.ones(width, np.float32), "b": np.ones(width, np.float32)}
    path = graph_of(tmp_path / "g.onnx", "Product", PRODUCT, weights)
    with pytest.raises(Exception, match="Product: the weights must have a multiple of 64 rows and of 32 columns"):
        open_session(path, 1)


def test_activations_that_do_not_fit(tmp_path):
    """Activations of another width than the weights' depth are refused."""
    skip_without("vnni")
    weights = {"w": np.ones((64, 32), np.int8), "ws": np.ones(32, np.float32), "b": np.ones(32, np.float32)}
    session = open_session(graph_of(tmp_path / "g.onnx", "Product", PRODUCT, weights), 1)
    with pytest.raises(REFUSED, match="Product: activations, scales and bias must fit the weights"):
        session.run(None, {"qx": np.ones((2, 32), np.uint8)})
