"""A trained model is read back exactly as it was written, or not at all."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from infolens.ml.training.job import TrainingError
from infolens.ml.training.text_classifier_model import load, pretrained, pretrained_directory
from ml_fakes import LABELS, PROVENANCE, tiny_model

IDS = torch.tensor([[2, 7, 8, 3], [2, 9, 3, 0]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])


def test_round_trip(tmp_path):
    """Labels, limits and provenance survive, and the weights give the same logits."""
    directory = tiny_model(tmp_path)
    model, tokens, record = load(directory)
    again, _, _ = load(directory)
    assert record.provenance == PROVENANCE
    assert (record.shape.labels, record.shape.max_tokens, record.shape.direct) == (LABELS, 16, True)
    assert tokens.ids("ferry").tolist()[0] == 2
    assert torch.equal(model(IDS, MASK), again(IDS, MASK))


def test_padding_changes_nothing(tmp_path):
    """A row's logits are the same with and without padding behind it."""
    model, _, _ = load(tiny_model(tmp_path))
    assert torch.allclose(model(IDS, MASK)[1], model(IDS[1:, :3], MASK[1:, :3])[0], atol=1e-6)


@pytest.mark.parametrize("change", ["missing", "extra"])
def test_weights_must_fit_exactly(tmp_path, change):
    """A missing or foreign weight is an error; filled with random numbers it would answer nonsense and say nothing."""
    directory = tiny_model(tmp_path)
    weights = load_file(directory / "model.safetensors")
    if change == "missing":
        del weights["head.bias"]
    else:
        weights["head.more"] = torch.ones(1)
    save_file(weights, directory / "model.safetensors")
    with pytest.raises(RuntimeError, match=r"head\.(bias|more)"):
        load(directory)


def test_no_model(tmp_path):
    """An empty folder is refused with its name."""
    with pytest.raises(TrainingError, match=r"no training\.json"):
        load(tmp_path)


def test_a_package_that_carries_a_model(tmp_path):
    """A directory is taken as it is, or by its folder model/."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text(json.dumps({"model_type": "bert"}))
    assert pretrained_directory(str(tmp_path)) == str(tmp_path / "model")
    assert pretrained_directory(str(tmp_path / "model")) == str(tmp_path / "model")


def test_a_hub_id_is_left_to_transformers():
    """What is no directory is a hub id."""
    assert pretrained_directory("distilbert-base-uncased") == "distilbert-base-uncased"


def test_a_directory_without_a_model(tmp_path):
    """A wrong path is refused here, before transformers takes it for a hub id."""
    with pytest.raises(TrainingError, match="base-model"):
        pretrained_directory(str(tmp_path))
    with pytest.raises(TrainingError, match="base-model"):
        pretrained(str(tmp_path / "nowhere"))
