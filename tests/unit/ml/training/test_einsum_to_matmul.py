"""Einsum with a constant becomes MatMul with the very same answers; what is not of that form stays."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from infolens.ml.training.einsum_to_matmul import einsum_to_matmul

SIZES = {"i": 3, "b": 2, "h": 8, "n": 2, "d": 4, "j": 5}


def model_of(equation, *, constant=True):
    """A graph of one Einsum, and the numbers that go into it."""
    first, second = equation.split("->")[0].split(",")
    source = np.random.default_rng(0)
    x, w = (source.normal(size=[SIZES[letter] for letter in part]).astype(np.float32) for part in (first, second))
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None] * len(first))]
    if not constant:
        inputs.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [None] * len(second)))
    graph = helper.make_graph(
        [helper.make_node("Einsum", ["x", "w"], ["y"], name="product", equation=equation)],
        "one",
        inputs,
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * len(equation.split("->")[1]))],
        [numpy_helper.from_array(w, "w")] if constant else [],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model, {"x": x} if constant else {"x": x, "w": w}


def answer(model, inputs):
    """What the runtime says."""
    onnx.checker.check_model(model)
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, inputs)[0]


@pytest.mark.parametrize("equation", ["ibh,hnd->ibnd", "ibnd,hnd->ibh", "ibh,hj->ibj", "ibh,jh->ibj", "bnd,ndh->bh"])
def test_rewritten(equation):
    """Every form in which XLNet multiplies by a weight, and its like, gives the same numbers without Einsum."""
    model, inputs = model_of(equation)
    before = answer(model, inputs)
    assert einsum_to_matmul(model) == 1
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("MatMul") == 1
    assert "Einsum" not in kinds
    np.testing.assert_allclose(answer(model, inputs), before, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("equation", "constant"),
    [
        ("ibnd,jbnd->bnij", True),  # b is in both and in the answer
        ("ihb,hj->ibj", True),  # what is summed over does not end the first factor
        ("ibh,hj->jib", True),  # the constant's letter does not end the answer
        ("ibh,hj->ijb", True),
        ("ibh,hnd->ibnd", False),  # no constant
        ("ibh,h->ib", True),  # the constant has no letter of its own
    ],
)
def test_left_as_it_is(equation, constant):
    """What is no product with a matrix at the end is not touched."""
    model, _ = model_of(equation, constant=constant)
    before = model.SerializeToString()
    assert einsum_to_matmul(model) == 0
    assert model.SerializeToString() == before
