"""Tables of vectors shrink to eight bits with a scale for each vector; tables that anything else reads do not."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from infolens.ml.training.int8_lookups import int8_lookups

TABLE = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32) * np.float32(
    [[1], [1e3], [1e-3], [0], [1], [1]]
)


def graph_of(*nodes: onnx.NodeProto, outputs: int = 1) -> onnx.ModelProto:
    """A graph over `table` and the input `ids`, with the outputs a, b, ..."""
    return helper.make_model(
        helper.make_graph(
            list(nodes),
            "g",
            [helper.make_tensor_value_info("ids", TensorProto.INT64, ["n"])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "ab"[:outputs]],
            [numpy_helper.from_array(TABLE, "table")],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )


def test_each_vector_has_a_scale():
    """Every vector is good to half of a 127th of its own largest number, beside vectors a million times as large."""
    model = graph_of(
        helper.make_node("Gather", ["table", "ids"], ["a"]),
        helper.make_node("Gather", ["table", "ids"], ["b"]),
        outputs=2,
    )
    assert int8_lookups(model) == 1
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for found in session.run(None, {"ids": np.arange(6)}):
        assert (np.abs(found - TABLE) <= np.abs(TABLE).max(axis=1, keepdims=True) * 0.501 / 127).all()
    kinds = {weight.name: weight.data_type for weight in model.graph.initializer}
    assert kinds == {"table/int8": TensorProto.INT8, "table/scales": TensorProto.FLOAT}


@pytest.mark.parametrize(
    "other",
    [
        helper.make_node("Gather", ["table", "ids"], ["b"], axis=1),
        helper.make_node("Transpose", ["table"], ["b"]),
    ],
)
def test_other_readers(other):
    """A table that is read in another way too stays as it is."""
    model = graph_of(helper.make_node("Gather", ["table", "ids"], ["a"]), other, outputs=2)
    before = model.SerializeToString()
    assert int8_lookups(model) == 0
    assert model.SerializeToString() == before
