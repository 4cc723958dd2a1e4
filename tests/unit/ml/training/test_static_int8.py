"""Fixed scales give nearly the exact answers, the same in company as alone, and come from the given rows only."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from infolens.ml.training.onnx_export import quantise, trace
from infolens.ml.training.static_int8 import activation_ranges, spread, static_int8

WIDTH = 24


class Small(nn.Module):
    """A table of vectors, two products with a bias, one that two read, one without, and a small one at the end."""

    def __init__(self):
        """Random weights; one is used twice."""
        super().__init__()
        torch.manual_seed(5)
        self.words = nn.Embedding(50, WIDTH)
        self.one, self.two, self.bare = nn.Linear(WIDTH, 40), nn.Linear(40, WIDTH), nn.Linear(WIDTH, 8, bias=False)
        self.phrases, self.head = nn.Linear(WIDTH, 8, bias=False), nn.Linear(8, 3)

    def forward(self, input_ids):
        """Logits of ids."""
        states = self.words(input_ids)
        states = self.two(torch.relu(self.one(states))) + states
        return self.head((self.bare(states) + self.phrases(states)).mean(dim=1))


def rows(count, length=9, most=50):
    """Ids of texts, one text in each."""
    numbers = np.random.default_rng(count)
    return [{"input_ids": numbers.integers(0, most, (1, length))} for _ in range(count)]


@pytest.fixture(scope="module")
def exact(tmp_path_factory):
    """The model's graph in 32 bits."""
    path = tmp_path_factory.mktemp("exact") / "exact.onnx"
    free = {"input_ids": {0: "texts", 1: "tokens"}, "logits": {0: "texts"}}
    trace(Small(), (torch.ones((2, 4), dtype=torch.int64),), path, inputs=["input_ids"], outputs=["logits"], free=free)
    return path


def answers(path, ids):
    """What a graph gives."""
    return onnxruntime.InferenceSession(str(path)).run(None, {"input_ids": ids})[0]


def test_close_to_exact(exact, tmp_path):
    """All products but those left out are int8 with a bias inside, and the logits hardly move."""
    assert static_int8(exact, tmp_path / "int8.onnx", rows(40), exclude="/phrases/") == 3
    graph = onnx.load(tmp_path / "int8.onnx").graph
    kinds = [node.op_type for node in graph.node]
    assert (kinds.count("MatMulIntegerToFloat"), kinds.count("QuantizeLinear"), kinds.count("MatMul")) == (3, 3, 1)
    assert [len(node.input) for node in graph.node if node.op_type == "MatMulIntegerToFloat"] == [7, 7, 5]
    ids = rows(1)[0]["input_ids"]
    expected = answers(exact, ids)
    assert 0 < np.abs(answers(tmp_path / "int8.onnx", ids) - expected).max() < 0.05 * np.abs(expected).max()


def test_company_changes_nothing(exact, tmp_path):
    """A text gets the same numbers alone and in company, which scales that are found with each answer do not give."""
    static_int8(exact, tmp_path / "static.onnx", rows(40))
    quantise(exact, tmp_path / "dynamic.onnx", ["MatMul"])
    ids = np.concatenate([row["input_ids"] for row in rows(16)])

    def moved(name):
        alone = np.concatenate([answers(tmp_path / name, one[np.newaxis]) for one in ids])
        return np.abs(answers(tmp_path / name, ids) - alone).max()

    assert moved("static.onnx") < 1e-6  # the last 32-bit sums alone may be added up in another order
    assert moved("dynamic.onnx") > 1e-4


def test_a_bad_scale_is_seen(exact, tmp_path):
    """A range found on rows that say nothing cuts activations off, and the logits are no longer the exact ones."""
    told = np.concatenate([row["input_ids"] for row in rows(40)])
    quiet = int(np.abs(Small().words.weight.detach().numpy()).max(axis=1).argmin())
    static_int8(exact, tmp_path / "good.onnx", rows(40))
    static_int8(exact, tmp_path / "bad.onnx", [{"input_ids": np.full((1, 9), quiet)}])
    good, bad = (
        np.abs(answers(tmp_path / name, told) - answers(exact, told)).max() for name in ("good.onnx", "bad.onnx")
    )
    assert bad > 5 * good


def test_ranges_hold_what_the_rows_show(exact):
    """A range reaches from the smallest to the largest number of all rows, and holds zero."""
    name = next(node.input[0] for node in onnx.load(exact).graph.node if node.op_type == "MatMul")
    few, more = ([{"input_ids": np.full((1, 2), at)} for at in range(count)] for count in (2, 50))
    table = Small().words.weight.detach().numpy()
    assert activation_ranges(onnx.load(exact), [name], more)[name] == pytest.approx((table.min(), table.max()))
    narrow = activation_ranges(onnx.load(exact), [name], few)[name]
    assert narrow == pytest.approx((min(0.0, table[:2].min()), max(0.0, table[:2].max())))
    assert narrow != activation_ranges(onnx.load(exact), [name], more)[name]


def test_weights_are_seven_bits(exact, tmp_path):
    """Two products of weights and activations fit into the 16 bits that CPUs without VNNI add them in."""
    static_int8(exact, tmp_path / "int8.onnx", rows(4))
    int8 = [w for w in onnx.load(tmp_path / "int8.onnx").graph.initializer if w.name.endswith("/int8")]
    assert {int(np.abs(numpy_helper.to_array(w).astype(int)).max()) for w in int8} == {64}
    assert 2 * 255 * 64 <= np.iinfo(np.int16).max < 2 * 255 * 65


def test_no_rows(exact, tmp_path):
    """Scales come from nowhere: no rows are refused."""
    with pytest.raises(ValueError, match="rows"):
        static_int8(exact, tmp_path / "int8.onnx", [])


@pytest.mark.parametrize(("count", "most", "kept"), [(0, 3, []), (3, 3, [0, 1, 2]), (7, 3, [0, 2, 4])])
def test_spread(count, most, kept):
    """Some of many rows come from everywhere; few are all taken."""
    assert spread(range(count), most) == kept
