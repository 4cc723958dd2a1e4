"""Unit tests of `infolens.ml.training.onnx_export`."""

import numpy as np
import onnx
import onnxruntime
import torch

from infolens.ml.training.onnx_export import quantise, trace


def _linear(columns):
    # Without a bias: with one the quantiser makes nodes of other names, which an exclusion does not meet.
    return torch.nn.Linear(8, columns, bias=False)


def graph(tmp_path):
    """A model with dropout that was left in training, traced; and the file."""
    torch.manual_seed(1)
    model = torch.nn.Sequential(_linear(8), torch.nn.Dropout(0.5), _linear(2)).train()
    path = tmp_path / "exact.onnx"
    trace(model, (torch.zeros(2, 8),), path, inputs=["x"], outputs=["y"], free={"x": {0: "rows"}, "y": {0: "rows"}})
    return model, path


def test_a_traced_model_answers_as_the_model_does(tmp_path):
    """Without dropout, and for any number of rows."""
    model, path = graph(tmp_path)
    rows = np.random.default_rng(1).normal(size=(5, 8)).astype(np.float32)
    (answer,) = onnxruntime.InferenceSession(path).run(["y"], {"x": rows})
    assert np.allclose(answer, model.eval()(torch.from_numpy(rows)).detach().numpy(), atol=1e-6)
    assert "Dropout" not in {node.op_type for node in onnx.load(path).graph.node}


def test_what_is_excluded_stays_exact(tmp_path):
    """The other products are int8."""
    _, path = graph(tmp_path)
    first = next(node.name for node in onnx.load(path).graph.node if node.op_type in {"Gemm", "MatMul"})
    for exclude, exact in (((), 0), ((first,), 1)):
        quantise(path, tmp_path / "int8.onnx", ["MatMul", "Gemm"], exclude)
        nodes = onnx.load(tmp_path / "int8.onnx").graph.node
        assert sum(node.op_type in {"Gemm", "MatMul"} for node in nodes) == exact
        assert sum(node.op_type == "MatMulInteger" for node in nodes) == 2 - exact
