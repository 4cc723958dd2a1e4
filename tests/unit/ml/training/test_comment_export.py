"""The exported bundle answers as the trained model does, and parity would tell if not."""

import json

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from comment_fakes import BENIGN, LABELS, PROVENANCE, ROWS, TOXIC, tiny_bundle
from infolens import codec
from infolens.contracts.bundle import BundleManifest
from infolens.ml.bundle import verify, write_manifest
from infolens.ml.comment_classifier import load
from infolens.ml.parity import compare
from infolens.ml.training.comment_export import export_comment_classifier
from infolens.ml.training.comment_model import CommentRecord, WindowModel, WindowSize, save
from infolens.ml.training.job import ExportJob, TrainingError
from infolens.ml.training.subwords import train_subwords
from infolens.ml.training.text_classifier_model import EncoderSize, small_distilbert

ROWS_OF_ALL_LENGTHS = [*ROWS, {"text": "word " * 300}, {"text": "x"}]


@pytest.fixture
def exported(tmp_path):
    """(bundle, digest, reference) of the tiny model of words."""
    bundle, digest = tiny_bundle(tmp_path, ROWS_OF_ALL_LENGTHS)
    return bundle, digest, json.loads((bundle.parent / "reference.json").read_text())


def parity(bundle, digest, reference):
    """How far the bundle is from its reference."""
    scores = load(bundle, verify(bundle, digest), threads=1, score="toxicity").scores(reference["inputs"])
    return compare(scores, reference["scores"], digest)


def test_bundle(exported):
    """The bundle is one file; its manifest says where it comes from, and holds threshold, labels and sizes."""
    bundle, digest, _ = exported
    manifest = verify(bundle, digest)
    assert [file.name for file in manifest.files] == ["model.onnx"]
    assert (manifest.task, manifest.run_id, manifest.predictor) == ("toxicity", "run-1", "comment_classifier")
    assert manifest.config == {
        "labels": ["non-toxic", "toxic"],
        "threshold": 0.3,
        "input": "words",
        "buckets": 512,
        "pieces": 12,
        "words": 60,
    }


def test_parity(exported):
    """int8 moves no answer and hardly a score, for comments of all lengths."""
    report = parity(*exported)
    assert report.rows == len(ROWS_OF_ALL_LENGTHS)
    assert report.mean_difference < 0.02
    assert report.label_flips == 0.0


def test_the_large_table_is_int8_and_the_linear_one_is_not(exported):
    """The vectors of the pieces are kept in one byte a number; the linear weights, whose sum decides, in four."""
    graph = onnx.load(exported[0] / "model.onnx").graph
    sizes = {tuple(one.dims): one.data_type for one in graph.initializer if np.prod(one.dims) >= 512}
    assert sizes[512, 8] in {onnx.TensorProto.INT8, onnx.TensorProto.UINT8}
    assert sizes[1024,] == onnx.TensorProto.FLOAT


def test_disturbed_weights_break_parity(exported):
    """A bundle whose linear weights were lost is told by parity (a planted fault)."""
    bundle, digest, reference = exported
    manifest = verify(bundle, digest)
    path = bundle / "model.onnx"
    model = onnx.load(path)
    for one in model.graph.initializer:
        if tuple(one.dims) == (1024,):
            one.CopyFrom(numpy_helper.from_array(np.zeros(1024, np.float32), one.name))
    onnx.save(model, path)
    (bundle / "manifest.json").unlink()
    draft = codec.from_json(BundleManifest, codec.to_json(manifest))
    report = parity(bundle, write_manifest(bundle, draft), reference)
    assert report.mean_difference > 0.02


def test_no_model(tmp_path):
    """A directory without a trained model is refused."""
    with pytest.raises(TrainingError, match=r"no training\.json"):
        export_comment_classifier(ExportJob(tmp_path, tmp_path, tmp_path / "out"), ROWS)


def test_an_encoder_over_windows(tmp_path):
    """A pretrained family's bundle carries its tokenizer, looks at every window, and keeps parity."""
    (tmp_path / "model").mkdir()
    tokenizer = train_subwords((*BENIGN, *TOXIC) * 3, 200)
    tokenizer.save(str(tmp_path / "model" / "tokenizer.json"))
    encoder = small_distilbert(EncoderSize(dim=16, layers=1, heads=2), tokenizer.get_vocab_size(), 12, dropout=0.0)
    record = CommentRecord(PROVENANCE, LABELS, WindowSize(tokens=12, overlap=4), 0.5, {})
    save(tmp_path / "model", WindowModel(encoder), record)
    job = ExportJob(tmp_path / "model", tmp_path, tmp_path / "export")
    digest = export_comment_classifier(job, ROWS_OF_ALL_LENGTHS)
    bundle = tmp_path / "export" / "bundle"
    manifest = verify(bundle, digest)
    assert [file.name for file in manifest.files] == ["model.onnx", "tokenizer.json"]
    assert {name: manifest.config[name] for name in ("input", "tokens", "overlap")} == {
        "input": "windows",
        "tokens": 12,
        "overlap": 4,
    }
    report = parity(bundle, digest, json.loads((bundle.parent / "reference.json").read_text()))
    assert report.mean_difference < 0.02
