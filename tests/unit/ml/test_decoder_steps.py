"""Whatever is given, followed and forgotten, a step's logits are those of its beam's tokens given afresh."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from infolens.ml import decoder_steps
from infolens.ml.decoder_steps import KEPT, CachedSteps, DecoderShape, TreeSteps, steps_over
from infolens.ml.onnx_session import open_session
from infolens.ml.training.bart_graphs import decoder_shape, write_decoder
from infolens.ml.training.in_place_caches import caches_in_place
from random_bart import Graphs, random_bart

VOCABULARY = 90


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    """A random BART's decoder in 32 bits: with caches that it gives anew, and with such as it writes in place."""
    directory = tmp_path_factory.mktemp("decoder")
    model = random_bart(VOCABULARY, 64)
    write_decoder(model, directory / "longer.onnx")
    graph = onnx.load(directory / "longer.onnx")
    caches_in_place(graph)
    onnx.save(graph, directory / "in_place.onnx")
    return Graphs(directory, decoder_shape(model))


def afresh(graphs, beams):
    """Logits after the last token of each of some sequences."""
    return np.array([graphs.steps("longer").next_logits(np.array([beam]))[0, -1] for beam in beams])


@pytest.mark.parametrize("name", ["longer", "in_place"])
@pytest.mark.parametrize("seed", range(6))
def test_any_course(graphs, name, seed, monkeypatch):
    """Beams that split, end, change places and are taken back, over caches that outgrow their room."""
    monkeypatch.setattr(decoder_steps, "_ROOM", 4)
    monkeypatch.setattr(decoder_steps, "_DEAD", 3)
    draw = np.random.default_rng(seed)
    steps = graphs.steps(name)
    assert isinstance(steps, TreeSteps)
    beams = [[]]
    for _ in range(12):
        new = draw.integers(3, VOCABULARY, (len(beams), 1 if len(beams) > 1 else draw.integers(1, 5)))
        beams = [[*beam, *tokens] for beam, tokens in zip(beams, new.tolist(), strict=True)]
        assert np.abs(steps.next_logits(new)[:, -1] - afresh(graphs, beams)).max() < 1e-4
        if draw.random() < 0.4:
            count = int(draw.integers(1, len(beams[0]))) if len(beams[0]) > 1 else 0
            steps.forget(count)
            beams = [beam[: len(beam) - count] for beam in beams]
        if draw.random() < 0.6:
            origins = draw.integers(0, len(beams), draw.integers(1, 5)).tolist()
            steps.follow(origins)
            beams = [beams[origin] for origin in origins]


def test_what_is_forgotten_is_written_over(graphs):
    """Proposals that were wrong take no room for long."""
    steps = graphs.steps("in_place")
    for _ in range(30):
        steps.next_logits(np.array([[5, 6, 7, 8, 9]]))
        steps.forget(4)
    assert steps._held == 30


def test_tokens_of_ended_beams_go(graphs):
    """Four beams that always go on from the last one hold little more than its tokens."""
    steps = graphs.steps("in_place")
    steps.next_logits(np.array([[5]]))
    for _ in range(50):
        steps.follow([-1] * 4)
        steps.next_logits(np.array([[5], [6], [7], [8]]))
    assert steps._held < 51 + decoder_steps._DEAD + 4
    assert max(values.shape[2] for values in steps._graph._memory.values()) == 2 * decoder_steps._ROOM


def test_caches_stay_where_they_are(graphs):
    """After a step the decoder has handed back the very memory that it was given."""
    steps = graphs.steps("in_place")
    steps.next_logits(np.array([[5, 6]]))
    graph = steps._graph
    assert {name.removeprefix("past_") for name in graph._memory} == set(graphs.shape.caches)
    for values, memory in zip(graph._memory.values(), graph._binding.get_outputs(), strict=False):
        assert np.shares_memory(values, memory.numpy())
        assert values[0, 0, 1].any()
        assert not values[0, 0, 2:].any()


def test_heads_of_an_odd_size(tmp_path):
    """What the operator does not take is left as it is, and is served all the same."""
    model = random_bart(VOCABULARY, 48)
    write_decoder(model, tmp_path / "longer.onnx")
    graph = onnx.load(tmp_path / "longer.onnx")
    before = graph.SerializeToString()
    caches_in_place(graph)
    assert graph.SerializeToString() == before
    assert np.isfinite(Graphs(tmp_path, decoder_shape(model)).steps("longer").next_logits(np.array([[5, 6]]))).all()


@pytest.fixture(scope="module")
def rows_session(tmp_path_factory):
    """A decoder as it was exported before tokens of all beams lay in one cache: it adds up what its beam was given."""
    tokens = helper.make_tensor_value_info("tokens", TensorProto.INT64, ["beams", "count"])
    cache = ["beams", 1, "past", 1]
    inputs = [tokens, *(helper.make_tensor_value_info(f"past_{part}_0", 1, cache) for part in ("key", "value"))]
    inputs.append(helper.make_tensor_value_info("cross_key_0", TensorProto.INT8, [1, 1, "tokens", 1]))
    longer = ["beams", 1, "longer", 1]
    outputs = [helper.make_tensor_value_info(f"{part}_0", 1, longer) for part in ("key", "value")]
    outputs.insert(0, helper.make_tensor_value_info("logits", 1, ["beams", "all", 1]))
    outputs.append(helper.make_tensor_value_info(f"{KEPT}cross_key_0", TensorProto.INT8, [1, 1, "tokens", 1]))
    nodes = [
        helper.make_node("Cast", ["tokens"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["numbers", "places"], ["new"]),
        *(helper.make_node("Concat", [f"past_{part}_0", "new"], [f"{part}_0"], axis=2) for part in ("key", "value")),
        helper.make_node("CumSum", ["key_0", "axis"], ["sums"]),
        helper.make_node("Squeeze", ["sums", "head"], ["logits"]),
        helper.make_node("Identity", ["cross_key_0"], [f"{KEPT}cross_key_0"]),
    ]
    constants = {"places": [1, 3], "axis": [2], "head": [1]}
    weights = [helper.make_tensor(name, TensorProto.INT64, [len(v)], v) for name, v in constants.items()]
    graph = helper.make_graph(nodes, "rows", inputs, outputs, weights)
    path = tmp_path_factory.mktemp("rows") / "decoder.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return open_session(path, 1)


def test_decoders_with_a_row_for_each_beam(rows_session):
    """Bundles of before are served as they were."""
    steps = steps_over(rows_session, DecoderShape(1, 1, 1), {"cross_key_0": np.ones((1, 1, 1, 1), np.int8)})
    assert isinstance(steps, CachedSteps)
    assert steps.next_logits(np.array([[1, 2]]))[0, :, 0].tolist() == [1, 3]
    steps.follow([0, 0, 0])
    assert steps.next_logits(np.array([[3], [4], [5]]))[:, -1, 0].tolist() == [6, 7, 8]
    steps.follow([2, 0])
    assert steps.next_logits(np.array([[6], [7]]))[:, -1, 0].tolist() == [14, 13]
    steps.forget(2)
    assert steps.next_logits(np.array([[9], [8]]))[:, -1, 0].tolist() == [12, 11]
