"""The two bad successors are real bundles that fail by themselves."""

import timeit

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from infolens.contracts.bundle import BundleManifest
from infolens.ml.bundle import digest_of, verify, write_manifest
from infolens_cli.demo import bad_bundles
from infolens_cli.trouble import Trouble

CLASSES = 3


def classifier(*, with_positions=True):
    """A tiny text classifier with the inputs and outputs of a real one: embeddings, positions, mean, head."""
    random = np.random.default_rng(1)
    tables = {"word_embeddings": (50, 4), "position_embeddings": (32, 4), "head": (4, CLASSES)}
    constants = [
        numpy_helper.from_array(random.standard_normal(shape, np.float32), name) for name, shape in tables.items()
    ]
    constants += [
        numpy_helper.from_array(np.asarray(value, np.int64), name) for name, value in {"zero": 0, "one": 1}.items()
    ]
    nodes = [
        helper.make_node("Gather", ["word_embeddings", "input_ids"], ["words"]),
        helper.make_node("Shape", ["input_ids"], ["shape"]),
        helper.make_node("Gather", ["shape", "one"], ["length"]),
        helper.make_node("Range", ["zero", "length", "one"], ["positions"]),
        helper.make_node("Gather", ["position_embeddings", "positions"], ["places"]),
        helper.make_node("Add", ["words", "places"] if with_positions else ["words", "words"], ["sum"]),
        helper.make_node("ReduceMean", ["sum"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["mean", "head"], ["logits"]),
    ]
    if not with_positions:
        nodes = [node for node in nodes if node.output[0] not in {"places", "positions"}]
        constants = [constant for constant in constants if constant.name != "position_embeddings"]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [
            helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"]),
            helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch", "tokens"]),
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def session_of(model):
    """Open a model with the one thread that a predict function has."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def ids_of(tokens):
    """Inputs of one text with so many tokens."""
    ids = np.arange(tokens, dtype=np.int64)[np.newaxis] % 50
    return {"input_ids": ids, "attention_mask": np.ones_like(ids)}


def run(model, tokens):
    """Logits of one text with so many tokens."""
    return session_of(model).run(["logits"], ids_of(tokens))[0]


def bundle(folder):
    """A champion's bundle on disk."""
    folder.mkdir()
    onnx.save(classifier(), str(folder / "model.onnx"))
    (folder / "tokenizer.json").write_text("{}")
    draft = BundleManifest(
        "news_category", "text_classifier", "run-1", "d1", "c1", {"labels": ["a"]}, {"accuracy": 0.8}, ()
    )
    write_manifest(folder, draft)
    return folder


def test_a_text_that_fits_the_short_table_is_answered_as_before():
    """16 tokens are the last that fit."""
    model = classifier()
    bad_bundles.shorten_positions(model)
    np.testing.assert_array_equal(run(model, 16), run(classifier(), 16))


def test_a_longer_text_fails_inside_onnxruntime():
    """17 tokens are the first that do not: nothing but the graph itself says so."""
    model = classifier()
    bad_bundles.shorten_positions(model)
    with pytest.raises(Exception, match="ONNXRuntimeError"):
        run(model, 17)


def test_a_graph_without_positions_cannot_be_spoiled_this_way():
    """It says so instead of making a bundle that is not bad."""
    with pytest.raises(Trouble, match="no table of positions"):
        bad_bundles.shorten_positions(classifier(with_positions=False))


def test_the_slow_tower_answers_as_the_champion_does():
    """No gate on quality would see the difference."""
    model = classifier()
    bad_bundles.add_slow_tower(model, layers=3, width=8)
    onnx.checker.check_model(model)
    np.testing.assert_allclose(run(model, 20), run(classifier(), 20), atol=1e-4)


def test_the_slow_tower_does_what_it_is_for():
    """The work is done on every request, and it is more with more layers."""

    def seconds(layers):
        model = classifier()
        bad_bundles.add_slow_tower(model, layers=layers, width=256)
        session = session_of(model)
        return min(timeit.repeat(lambda: session.run(None, ids_of(32)), number=1, repeat=3))

    assert seconds(200) > 3 * seconds(10)


def test_the_tower_is_as_deep_as_this_machine_needs():
    """Twice as fast a machine gets twice as many layers, within reason."""
    assert bad_bundles.layers_for(0.4, 0.02) == 320
    assert bad_bundles.layers_for(0.4, 0.04) == 160
    assert bad_bundles.layers_for(0.4, 10.0) == 24
    assert bad_bundles.layers_for(0.4, 0.0) == 1500


def test_both_are_valid_bundles_under_their_own_digest(tmp_path):
    """The registry and the function check them like any other, and the champion's bundle stays as it was."""
    champion = bundle(tmp_path / "champion")
    before = digest_of(champion)
    failing = bad_bundles.failing(champion, tmp_path / "failing")
    slow = bad_bundles.slow(champion, tmp_path / "slow")
    assert len({before, failing, slow}) == 3
    assert verify(tmp_path / "failing", failing).run_id == "hand-made-short-positions"
    assert verify(tmp_path / "slow", slow).dataset_id == "d1"
    assert verify(champion, before).run_id == "run-1"
