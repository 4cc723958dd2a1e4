"""What is served answers as what was trained, for every length, and only if all weights are there."""

from __future__ import annotations

import json

import pytest
from safetensors.torch import load_file, save_file

from infolens import codec
from infolens.contracts.bundle import BundleManifest
from infolens.ml.bundle import digest_of, verify
from infolens.ml.parity import REFERENCE_NAME, compare
from infolens.ml.sequential_recommender import CATALOGUE_FILE, load
from infolens.ml.text_classifier import BundleConfigError
from infolens.ml.training.job import TrainingError
from infolens.ml.training.sse_pt_export import export_sse_pt
from sse_pt_fakes import CATALOGUE, export_job, tiny_model

INPUTS = [
    {"user_id": user, "sequence": list(sequence), "top_k": 3}
    for user in (7, 999)
    for sequence in ((), (50,), (50, 10), (50, 10, 40), (50, 10, 40, 20), (50, 999, 50, 10), (999,))
]


@pytest.fixture
def exported(tmp_path):
    """The directory of an exported bundle; its model lies below tmp_path/model."""
    tiny_model(tmp_path / "model")
    export_sse_pt(export_job(tmp_path), INPUTS)
    return tmp_path / "export"


def test_the_bundle_answers_as_the_model(exported):
    """Known and unknown users, sequences from nothing to longer than the model reads: no difference but rounding."""
    bundle = exported / "bundle"
    predictor = load(bundle, verify(bundle, digest_of(bundle)), threads=1)
    reference = json.loads((exported / REFERENCE_NAME).read_text())
    assert reference["inputs"] == INPUTS
    report = compare(predictor.scores(INPUTS), reference["scores"], "digest")
    assert report.max_difference < 1e-6
    assert report.label_flips == 0.0
    assert len({json.dumps(answer["top_items"]) for answer in predictor.predict(INPUTS)}) > 4  # not one for all


def test_the_bundle_is_all_that_is_needed(exported, tmp_path):
    """Model, catalogue, manifest, and no pickle; the same model gives the same digest."""
    bundle = exported / "bundle"
    assert {path.name for path in bundle.iterdir()} == {"model.onnx", "catalogue.json", "manifest.json"}
    manifest = verify(bundle, digest_of(bundle))
    assert manifest.predictor == "sequential_recommender"
    assert manifest.config == {"max_length": 4}
    assert manifest.metrics == {"validation_ndcg_at_10": 0.5}
    tiny_model(tmp_path / "again" / "model")
    assert export_sse_pt(export_job(tmp_path / "again"), INPUTS) == digest_of(bundle)


def test_a_model_with_other_weights_is_not_exported(tmp_path):
    """S3's defect at its door: a checkpoint whose last layer has another name gives no bundle."""
    tiny_model(tmp_path / "model")
    path = tmp_path / "model" / "model.safetensors"
    weights = load_file(path)
    weights["fc.weight"] = weights.pop("head.weight")
    save_file(weights, path)
    with pytest.raises(TrainingError, match=r"head\.weight"):
        export_sse_pt(export_job(tmp_path), INPUTS)
    assert not (tmp_path / "export").exists()


def test_a_catalogue_of_another_length_is_not_served(exported):
    """An id for each number that the model gives, or no answer at all."""
    path = exported / "bundle" / CATALOGUE_FILE
    plain = json.loads(path.read_text())
    path.write_text(json.dumps(plain | {"items": plain["items"][1:], "counts": plain["counts"][1:]}))
    with pytest.raises(BundleConfigError, match=f"scores {len(CATALOGUE.items)} items"):
        load_unverified(exported / "bundle")


def load_unverified(bundle):
    """Open a bundle whose files are not those of its manifest, as a wrong export would have made it."""
    return load(bundle, codec.from_json(BundleManifest, (bundle / "manifest.json").read_bytes()), threads=1)
