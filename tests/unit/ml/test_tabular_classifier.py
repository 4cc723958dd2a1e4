"""A tabular classifier answers from its features, says what was assumed, and refuses bundles of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infolens.contracts.bundle import BundleManifest
from infolens.ml.tabular_classifier import MODEL_FILE, load
from infolens.ml.text_classifier import BundleConfigError
from infolens.ml.training.tabular_export import to_onnx
from infolens.ml.training.tabular_model import TabularModel, TabularShape

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = TabularShape(labels=("many", "some", "none"), columns=1, hidden=0, classes=((2, 1, 1), (2, 2, 1)), beyond=0)
MANIFEST = BundleManifest("any", "tabular_classifier", "run", "data", "code", {"labels": list(SHAPE.labels)}, {}, ())


def features(item) -> tuple[list[float], list[str]]:
    """Group, logarithm of the expected number, one feature; an item may not know its group."""
    return [float(item.get("group", 0)), float(item["expected"]), 0.0], [] if "group" in item else ["group"]


@pytest.fixture
def directory(tmp_path) -> Path:
    """An untrained model: it answers from the expected number."""
    to_onnx(TabularModel(SHAPE, 0.0), len(SHAPE.classes), tmp_path / MODEL_FILE)
    return tmp_path


def test_answers(directory):
    """Label, confidence, all probabilities and what was assumed; few expected are none, many are many."""
    few, many = load(directory, MANIFEST, 1, features).predict([{"expected": -3.0}, {"expected": 3.0, "group": 1}])
    assert (few["label"], few["label_id"], few["assumed"]) == ("none", 2, ["group"])
    assert (many["label"], many["label_id"], many["assumed"]) == ("many", 0, [])
    assert few["confidence"] == max(few["probabilities"].values())
    assert sum(many["probabilities"].values()) == pytest.approx(1.0, abs=1e-5)


def test_groups_have_classes_of_their_own(directory):
    """One event is none in the second group and some in the first."""
    first, second = load(directory, MANIFEST, 1, features).scores([{"expected": 0.0}, {"expected": 0.0, "group": 1}])
    assert second[2] > first[2] + 0.2


def test_no_inputs(directory):
    """No inputs, no scores, and the shape says of how many labels."""
    assert load(directory, MANIFEST, 1, features).scores([]).shape == (0, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"predictor": "text_classifier"}, "is for predictor"),
        ({"config": {}}, "labels"),
        ({"config": {"labels": []}}, "labels"),
    ],
)
def test_other_bundles(directory, change, message):
    """A bundle of another predictor, or one without labels, is refused."""
    with pytest.raises(BundleConfigError, match=message):
        load(directory, BundleManifest(**{**vars(MANIFEST), **change}), 1, features)
