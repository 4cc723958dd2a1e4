"""A bundle has the model, the task's tables and a manifest; the reference has the trained model's own scores."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from infolens.ml.bundle import digest_of, verify
from infolens.ml.tabular_classifier import load
from infolens.ml.training import tabular_export
from infolens.ml.training.job import ExportJob, Provenance, TrainingError
from infolens.ml.training.tabular_model import TabularModel, TabularRecord, TabularShape, save

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = TabularShape(labels=("many", "none"), columns=1, hidden=0, classes=((1, 0),), beyond=0)
INPUTS = [{"number": number} for number in range(5)]
FEATURES = [[0.0, 0.1 * number, float(number)] for number in range(5)]


def exported(folder: Path) -> tuple[Path, str]:
    """Export an untrained model with one table."""
    model = folder / "model"
    model.mkdir(parents=True)
    save(
        model, TabularModel(SHAPE, 0.0), TabularRecord(Provenance("any", "run", "data", "code"), SHAPE, {"a": 1.0}, {})
    )
    (model / "tables.json").write_text("{}")
    digest = tabular_export.export_tabular(ExportJob(model, folder, folder / "out"), INPUTS, FEATURES, ("tables.json",))
    return folder / "out", digest


def test_bundle(tmp_path):
    """The bundle is what its digest says and knows where it comes from."""
    output, digest = exported(tmp_path)
    manifest = verify(output / "bundle", digest)
    assert {file.name for file in manifest.files} == {"model.onnx", "tables.json"}
    assert (manifest.task, manifest.run_id, manifest.predictor) == ("any", "run", "tabular_classifier")
    assert manifest.config == {"labels": ["many", "none"]}
    assert manifest.metrics == {"a": 1.0}


def test_reference(tmp_path):
    """The served scores are those of the reference, but for rounding."""
    output, digest = exported(tmp_path)
    reference = json.loads((output / "reference.json").read_text())
    assert reference["inputs"] == INPUTS
    served = load(output / "bundle", verify(output / "bundle", digest), 1, lambda item: (FEATURES[item["number"]], []))
    assert np.abs(served.scores(INPUTS) - np.array(reference["scores"])).max() < 1e-6


def test_the_same_model_twice(tmp_path):
    """The same weights give the same digest."""
    assert exported(tmp_path / "one")[1] == exported(tmp_path / "two")[1] == digest_of(tmp_path / "one/out/bundle")


def test_reference_rows(tmp_path, monkeypatch):
    """Only the first so many held-out rows become the reference."""
    monkeypatch.setattr(tabular_export, "REFERENCE_ROWS", 2)
    output, _ = exported(tmp_path)
    reference = json.loads((output / "reference.json").read_text())
    assert (len(reference["inputs"]), len(reference["scores"])) == (2, 2)


def test_no_model(tmp_path):
    """A folder without a model is an error in words."""
    with pytest.raises(TrainingError, match=r"no training\.json"):
        tabular_export.export_tabular(ExportJob(tmp_path, tmp_path, tmp_path / "out"), [], [], ())
