"""The exported bundle answers as the trained model does, on texts of any length, and parity would tell if not."""

import importlib
import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper

from infolens import codec
from infolens.contracts.bundle import BundleManifest
from infolens.ml.bundle import digest_of, verify, write_manifest
from infolens.ml.parity import compare
from infolens.ml.text_classifier import load
from infolens.ml.training.job import ExportJob
from infolens.ml.training.quantisation import read_exact, rounded_graphs
from infolens.ml.training.text_classifier_export import export_text_classifier, to_onnx
from infolens.ml.training.text_classifier_model import load as load_trained
from ml_fakes import ROWS, TEXTS, tiny_bundle, tiny_model


@pytest.fixture
def exported(tmp_path):
    """(bundle, digest, reference) of the tiny model."""
    bundle, digest = tiny_bundle(tmp_path)
    return bundle, digest, json.loads((bundle.parent / "reference.json").read_text())


def test_bundle(exported):
    """The bundle holds model and tokenizer, and its manifest says where it comes from."""
    bundle, digest, _ = exported
    manifest = verify(bundle, digest)
    assert [file.name for file in manifest.files] == ["model.onnx", "tokenizer.json"]
    assert (manifest.task, manifest.run_id, manifest.dataset_id) == ("news_category", "run-1", "data-1")
    assert manifest.config == {"labels": ["Sports", "Travel"], "max_tokens": 16, "together": True}
    assert manifest.metrics == {"validation_accuracy": 0.5}


def test_parity(exported):
    """int8 moves no answer and hardly a probability."""
    bundle, digest, reference = exported
    assert [item["text"] for item in reference["inputs"]] == list(TEXTS)
    scores = load(bundle, verify(bundle, digest), threads=1).scores(reference["inputs"])
    report = compare(scores, reference["scores"], digest)
    assert report.mean_difference < 0.02
    assert report.label_flips == 0.0


def test_disturbed_weights_break_parity(exported):
    """A model whose weights were disturbed after export differs from the trained one by more than rounding."""
    bundle, _, reference = exported
    model = onnx.load(bundle / "model.onnx")
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype == np.int8 and values.ndim == 2:
            weight.CopyFrom(numpy_helper.from_array(np.flip(values, axis=0).copy(), weight.name))
    onnx.save(model, bundle / "model.onnx")
    manifest = verify(bundle, write_manifest(bundle, manifest_of(bundle)))
    report = compare(load(bundle, manifest, threads=1).scores(reference["inputs"]), reference["scores"], "d")
    assert report.mean_difference > 0.02


def manifest_of(bundle):
    """The manifest as it is, to be written anew over changed files."""
    return codec.from_json(BundleManifest, (bundle / "manifest.json").read_bytes())


def test_exact_onnx_is_the_model(tmp_path):
    """Before quantisation the ONNX file gives the model's logits, for other shapes than the traced one, no dropout."""
    model, _, _ = load_trained(tiny_model(tmp_path / "model"))
    model.train()  # as training leaves it: the export has to switch dropout off
    to_onnx(model, tmp_path / "exact.onnx")
    assert not model.training  # reference scores must not see dropout
    session = onnxruntime.InferenceSession(str(tmp_path / "exact.onnx"))
    for texts, length in ((1, 3), (3, 16)):
        ids = np.random.default_rng(0).integers(5, 60, (texts, length))
        mine = session.run(["logits"], {"input_ids": ids})[0]
        with torch.no_grad():
            theirs = model(torch.from_numpy(ids), torch.ones(ids.shape, dtype=torch.int64)).numpy()
        assert np.abs(mine - theirs).max() < 1e-4


def test_weights_are_seven_bits(exported):
    """Weights stay within 64: full-range products overflow on CPUs without VNNI, and answers would differ there."""
    model = onnx.load(exported[0] / "model.onnx")
    int8 = [w for w in model.graph.initializer if w.data_type == onnx.TensorProto.INT8]
    weights = [(w.name, numpy_helper.to_array(w)) for w in int8]
    matrices = [values for name, values in weights if values.ndim == 2 and not name.startswith("encoder.words")]
    assert len(matrices) == 6  # those that are multiplied: four of the attention, two behind it
    assert max(np.abs(values.astype(int)).max() for values in matrices) <= 64


def test_graphs_in_32_bits_lie_beside(exported):
    """What int8 costs can be measured: `exact/` opens like the bundle, and gives the trained model's very scores."""
    bundle, digest, reference = exported
    note, exact = read_exact(bundle.parent / "exact", bundle)
    assert note.quantised
    assert rounded_graphs(bundle) == ["model.onnx"]
    assert rounded_graphs(exact) == []
    scores = load(exact, verify(exact, digest_of(exact)), threads=1).scores(reference["inputs"])
    assert compare(scores, reference["scores"], digest).max_difference < 1e-5


def test_vectors_are_eight_bits(exported):
    """No table of vectors stays in 32 bits: it is most of a small model."""
    for weight in onnx.load(exported[0] / "model.onnx").graph.initializer:
        assert weight.data_type != onnx.TensorProto.FLOAT or np.prod(weight.dims) <= 16 * 16


def test_the_same_model_gives_the_same_bundle(tmp_path):
    """Exporting twice gives one digest, so that a repeated run registers nothing new."""
    assert tiny_bundle(tmp_path / "a")[1] == tiny_bundle(tmp_path / "b")[1]


def test_reference_is_bounded(tmp_path):
    """No more than 400 rows become the reference."""
    model = tiny_model(tmp_path / "model")
    export_text_classifier(ExportJob(model, tmp_path, tmp_path / "out"), [*ROWS] * 101)
    reference = json.loads((tmp_path / "out" / "reference.json").read_text())
    assert len(reference["inputs"]) == len(reference["scores"]) == 400


def test_scales_come_from_what_was_learned(tmp_path):
    """Held-out rows have no part in the graph; those that the model learned from do."""
    other = [{"text": "the train kick"}]

    def graph(name, rows, learned):
        return (tiny_bundle(tmp_path / name, rows, learned)[0] / "model.onnx").read_bytes()

    made = graph("a", ROWS, ROWS)
    assert graph("b", other, ROWS) == made
    assert graph("c", ROWS, other) != made


@pytest.mark.parametrize("task", ["news_category", "fake_news"])
def test_tasks_calibrate_on_train_rows(task, tmp_path, monkeypatch):
    """A task hands its train rows to calibration, and its test rows to the reference."""
    module = importlib.import_module(f"infolens.tasks.{task}.export")
    given = []
    monkeypatch.setattr(module, "examples", lambda dataset, split: [{"text": split}])
    monkeypatch.setattr(module, "export_text_classifier", lambda job, rows, learned: given.extend([rows, learned]))
    module.export(ExportJob(tmp_path, tmp_path, tmp_path))
    assert given == [[{"text": "test"}], [{"text": "train"}]]


def test_without_learned_rows(tmp_path):
    """Without rows to find scales on they are found with each answer, and the manifest lets no texts run together."""
    bundle, digest = tiny_bundle(tmp_path, learned=())
    assert "together" not in verify(bundle, digest).config
    kinds = {node.op_type for node in onnx.load(bundle / "model.onnx").graph.node}
    assert "DynamicQuantizeLinear" in kinds
    assert "QuantizeLinear" not in kinds


def test_first_token(tmp_path):
    """A model that reads the first token's state says so in the manifest, and answers as it was trained."""
    bundle, digest = tiny_bundle(tmp_path, pooling="first")
    assert verify(bundle, digest).config["pooling"] == "first"
    reference = json.loads((bundle.parent / "reference.json").read_text())
    report = compare(
        load(bundle, verify(bundle, digest), threads=1).scores(reference["inputs"]), reference["scores"], ""
    )
    assert report.mean_difference < 0.02
    _, exact = read_exact(bundle.parent / "exact", bundle)
    scores = load(exact, verify(exact, digest_of(exact)), threads=1).scores(reference["inputs"])
    assert compare(scores, reference["scores"], "").max_difference < 1e-5
    other, _ = tiny_bundle(tmp_path / "mean")
    assert json.loads((other.parent / "reference.json").read_text()) != reference


def test_no_held_out_rows(tmp_path):
    """Without rows the reference is empty; the parity gate refuses it for want of evidence."""
    bundle, _ = tiny_bundle(tmp_path, rows=[])
    assert json.loads((bundle.parent / "reference.json").read_text()) == {"inputs": [], "scores": []}
