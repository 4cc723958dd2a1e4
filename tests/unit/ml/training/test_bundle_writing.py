"""Unit tests of `infolens.ml.training.bundle_writing`."""

import json
from types import SimpleNamespace

from infolens.ml.bundle import verify
from infolens.ml.training.bundle_writing import describe_bundle, write_reference
from infolens.ml.training.job import Provenance


def test_where_a_model_comes_from_travels_into_its_manifest(tmp_path):
    """The digest covers the files and what the trained model says of itself."""
    (tmp_path / "model.onnx").write_bytes(b"weights")
    trained = SimpleNamespace(provenance=Provenance("news", "run-1", "data-1", "code-1"), metrics={"accuracy": 0.5})
    manifest = verify(tmp_path, describe_bundle(tmp_path, trained, "some_predictor", {"labels": ["a"]}))
    assert (manifest.task, manifest.run_id, manifest.dataset_id, manifest.code_version) == (
        "news",
        "run-1",
        "data-1",
        "code-1",
    )
    assert (manifest.predictor, manifest.config, manifest.metrics) == (
        "some_predictor",
        {"labels": ["a"]},
        {"accuracy": 0.5},
    )
    assert [file.name for file in manifest.files] == ["model.onnx"]


def test_reference(tmp_path):
    """Inputs and scores stand side by side."""
    write_reference(tmp_path, [{"text": "a"}], [[0.25, 0.75]])
    assert json.loads((tmp_path / "reference.json").read_text()) == {
        "inputs": [{"text": "a"}],
        "scores": [[0.25, 0.75]],
    }
